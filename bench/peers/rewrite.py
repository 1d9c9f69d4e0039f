"""
What a script with the onnx package does to change a model: load it, put an Add of an offset behind every Relu, save it.
Arguments: the model, the new file, and `external` where the tensors shall lie in a file beside it.
"""

import json
import sys
import time

began = time.perf_counter()
import onnx
from memory import peak_bytes
from onnx import helper


def add_offsets(graph):
    graph.initializer.append(helper.make_tensor("offset", onnx.TensorProto.FLOAT, [], [0.0]))
    nodes = []
    for node in graph.node:
        nodes.append(node)
        if node.op_type != "Relu":
            continue
        output = node.output[0]
        node.output[0] = output + "/relu"
        nodes.append(helper.make_node("Add", [node.output[0], "offset"], [output]))
    del graph.node[:]
    graph.node.extend(nodes)


def main():
    source, target = sys.argv[1:3]
    model = onnx.load(source)
    add_offsets(model.graph)
    if sys.argv[3:] == ["external"]:
        location = target.rsplit("/", 1)[-1] + ".data"
        onnx.save(model, target, save_as_external_data=True, location=location)
    else:
        onnx.save(model, target)
    print(
        json.dumps(
            {"name": f"onnx {onnx.__version__}", "seconds": time.perf_counter() - began, "peakBytes": peak_bytes()}
        )
    )


main()

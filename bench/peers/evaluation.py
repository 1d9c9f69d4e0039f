"""
A model over an IDX file in onnxruntime's bare loop, and its accuracy. Arguments: the model, the images, the labels.
"""

import json
import sys
import time

import numpy
import onnxruntime
from memory import peak_bytes


def main():
    model, images, labels = sys.argv[1:4]
    samples = numpy.fromfile(images, numpy.uint8, offset=16).reshape(-1, 1, 28, 28)
    truth = numpy.fromfile(labels, numpy.uint8, offset=8)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    [name] = [value.name for value in session.get_inputs()]
    right = 0
    began = time.perf_counter()
    for start in range(0, len(samples), 256):
        batch = samples[start : start + 256].astype(numpy.float32) / 255
        [logits] = session.run(None, {name: batch})
        right += int((logits.argmax(1) == truth[start : start + 256]).sum())
    seconds = time.perf_counter() - began
    print(json.dumps({"name": f"onnxruntime {onnxruntime.__version__}", "seconds": seconds, "peakBytes": peak_bytes()}))


main()

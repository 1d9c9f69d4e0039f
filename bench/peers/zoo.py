"""
Networks that others designed, for bench/zoo.ts.

`python zoo.py make FOLDER [NAME...]` writes networks of keras.applications with random weights into FOLDER, as tensorflowjs converts them: NAME-layers
and NAME-graph, and beside each, in relus.json, the ReLUs that Keras counts. Needs tf_keras and tensorflowjs.

`python zoo.py count FOLDER` prints the ReLUs of each .onnx file and model.json below FOLDER, counted from what the files say alone: nothing of
frelu-migrate is used. Needs onnx.
"""

import json
import os
import shutil
import sys
import types
from pathlib import Path

# "relu" and "relu6", counted apart
RELUS = ("relu", "relu6")


# ---------------------------------------------------------------- networks of keras.applications


NAMES = (
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "ResNet50",
    "DenseNet121",
    "EfficientNetB0",
    "NASNetMobile",
    "InceptionV3",
    "Xception",
    "VGG16",
)


def make(folder, names):
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tf_keras

    # the converter imports packages whose formats it reads, for none of which it is used here
    for package in ("tensorflow_decision_forests", "jax", "jax.experimental", "jax.experimental.jax2tf", "flax"):
        sys.modules.setdefault(package, types.ModuleType(package))
    sys.modules["jax.experimental"].jax2tf = sys.modules["jax.experimental.jax2tf"]
    import tensorflowjs

    for name in names:
        tf_keras.backend.clear_session()
        tf_keras.utils.set_random_seed(0)
        build = getattr(tf_keras.applications, name)
        model = build(weights=None, input_shape=(96, 96, 3), classes=100, classifier_activation=None)
        settle(tf_keras, model)
        layers, graph = folder / f"{name}-layers", folder / f"{name}-graph"
        for place in (layers, graph):
            shutil.rmtree(place, ignore_errors=True)
        tensorflowjs.converters.save_keras_model(model, str(layers))
        saved = folder / "saved"
        model.export(str(saved))
        try:
            tensorflowjs.converters.convert_tf_saved_model(str(saved), str(graph))
        except ValueError as error:
            # TensorFlow fuses what its converter then does not know, as in EfficientNet
            print(name, "has no graph:", " ".join(str(error).split()), flush=True)
            shutil.rmtree(graph, ignore_errors=True)
        shutil.rmtree(saved)
        counted = json.dumps(counted_by_keras(model))
        for place in filter(Path.exists, (layers, graph)):
            (place / "relus.json").write_text(counted)
        print(name, counted, flush=True)


def settle(tf_keras, model):
    """Biases, scales and shifts that are neither 0 nor 1, and the statistics of a batch for the normalizations, so that values stay of the order of 1."""
    import numpy as np
    import tensorflow as tf

    random = np.random.default_rng(0)
    for weight in model.trainable_weights:
        if len(weight.shape) == 1:
            weight.assign_add(0.1 * random.standard_normal(weight.shape))
    for layer in model.layers:
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(tf.constant(random.uniform(0, 1, (8, 96, 96, 3)).astype("float32")), training=True)


def counted_by_keras(model):
    counts = dict.fromkeys(RELUS, 0)
    for layer in model.layers:
        calls = len(layer.inbound_nodes)
        if type(layer).__name__ == "ReLU":
            kind = {None: "relu", 6.0: "relu6"}.get(None if layer.max_value is None else float(layer.max_value))
        else:
            kind = getattr(getattr(layer, "activation", None), "__name__", None)
        if kind in counts:
            counts[kind] += calls
    return counts


# ---------------------------------------------------------------- counted from the files


def count(folder):
    counted = {}
    for path in sorted([*folder.rglob("*.onnx"), *folder.rglob("*.json")]):
        try:
            counts = counted_in(path)
        except Exception as error:  # what cannot be counted is said, and the others are
            counts = {"error": f"{type(error).__name__}: {error}"[:200]}
        if counts is not None:
            counted[str(path.relative_to(folder))] = counts
    print(json.dumps(counted))


def counted_in(path):
    """None for a JSON file that is no model."""
    if path.suffix == ".onnx":
        return counted_in_onnx(path)
    value = json.loads(path.read_text())
    topology = value.get("modelTopology") if isinstance(value, dict) else None
    if topology is None:
        return None
    counts = counted_in_graph(topology, zeros_in(path, value)) if "node" in topology else counted_in_layers(topology)
    said = path.with_name("relus.json")
    if said.exists():
        counts["keras"] = sum(json.loads(said.read_text()).values())
    return counts


def counted_in_onnx(path):
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(path), load_external_data=False)
    counts = dict.fromkeys(RELUS, 0)

    def value_of(constants, name):
        tensor = constants.get(name)
        return None if tensor is None else numpy_helper.to_array(tensor).astype("float64").ravel()

    def walk(nodes, constants):
        known = dict(constants)
        for node in nodes:
            if node.op_type == "Constant":
                known.update({node.output[0]: a.t for a in node.attribute if a.name == "value"})
        for node in nodes:
            if node.op_type == "Relu":
                counts["relu"] += 1
            elif node.op_type == "Clip":
                given = {a.name: a.f for a in node.attribute}
                ends = []
                for at, name in ((1, "min"), (2, "max")):
                    value = value_of(known, node.input[at]) if len(node.input) > at and node.input[at] else None
                    ends.append(given.get(name) if value is None else float(value[0]))
                if ends[0] == 0 and (ends[1] is None or ends[1] > 1e30):
                    counts["relu"] += 1
                elif ends == [0, 6]:
                    counts["relu6"] += 1
            elif node.op_type == "Max" and len(node.input) == 2:
                values = [value_of(known, name) for name in node.input]
                if any(value is not None and value.size and not value.any() for value in values):
                    counts["relu"] += 1
            for attribute in node.attribute:
                for graph in [attribute.g, *attribute.graphs]:
                    walk(graph.node, {**known, **{t.name: t for t in graph.initializer}})

    walk(model.graph.node, {tensor.name: tensor for tensor in model.graph.initializer})
    for function in model.functions:
        walk(function.node, {})
    counts["parameters"] = sum(elements(tensor.dims) for tensor in model.graph.initializer)
    counts["opset"] = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=None)
    return counts


def elements(dims):
    product = 1
    for size in dims:
        product *= size
    return product


def zeros_in(path, value):
    """The names of float32 weights of one element that is 0."""
    import struct

    zeros = set()
    for group in value.get("weightsManifest") or []:
        data = b"".join((path.parent / name).read_bytes() for name in group["paths"])
        at = 0
        for weight in group["weights"]:
            stored = (weight.get("quantization") or weight)["dtype"]
            if stored == "string":
                # each element with its length before it
                for _ in range(elements(weight["shape"])):
                    at += 4 + struct.unpack_from("<I", data, at)[0]
                continue
            if stored == "float32" and elements(weight["shape"]) == 1 and struct.unpack_from("<f", data, at)[0] == 0:
                zeros.add(weight["name"])
            at += elements(weight["shape"]) * {"float32": 4, "int32": 4, "uint16": 2, "float16": 2, "uint8": 1, "bool": 1}[stored]
    return zeros


def counted_in_graph(topology, zeros):
    import base64

    counts = dict.fromkeys(RELUS, 0)
    functions = (topology.get("library") or {}).get("function") or []
    for node in [*topology["node"], *(node for each in functions for node in each.get("nodeDef", []))]:
        kinds = [node["op"]]
        fused = node.get("attr", {}).get("fused_ops", {}).get("list", {}).get("s", [])
        kinds += [base64.b64decode(name).decode() for name in fused]
        for kind in kinds:
            if kind.lower() in counts:
                counts[kind.lower()] += 1
        if node["op"] == "Maximum" and zeros.intersection(node.get("input", [])):
            counts["relu"] += 1
    return counts


def counted_in_layers(topology):
    counts = dict.fromkeys(RELUS, 0)

    def walk(layer):
        config = layer.get("config", {})
        nested = config if isinstance(config, list) else config.get("layers") or []
        for inner in nested:
            walk(inner)
        if not isinstance(config, dict):
            return
        if isinstance(config.get("layer"), dict):
            walk(config["layer"])
        kind = config.get("activation")
        if layer.get("class_name") == "ReLU":
            kind = {None: "relu", 6: "relu6"}.get(config.get("max_value"))
        if isinstance(kind, str) and kind in counts:
            counts[kind] += max(1, len(layer.get("inbound_nodes") or []))

    walk(topology.get("model_config", topology))
    return counts


if __name__ == "__main__":
    command, folder, *names = sys.argv[1:]
    if command == "make":
        Path(folder).mkdir(parents=True, exist_ok=True)
        make(Path(folder), names or NAMES)
    elif command == "count":
        count(Path(folder))
    else:
        sys.exit("usage: python zoo.py make|count FOLDER [NAME...]")

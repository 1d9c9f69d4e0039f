"""
Training steps in PyTorch, on demand: a task as JSON in the first argument, then one line on standard input for each turn, the
number of steps to take. Answers are lines of JSON: what runs and the memory it took to load; then the seconds of each step of a turn and the peak memory
so far.
"""

import json
import re
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from memory import peak_bytes
from networks import network


def answer(value):
    print(json.dumps(value), flush=True)


def trained_parameters(model, biases_only):
    if not biases_only:
        return list(model.parameters())
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.endswith("bias"))
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def main():
    loaded = peak_bytes()
    task = json.loads(sys.argv[1])
    torch.set_num_threads(task["threads"])
    torch.manual_seed(0)
    build, shape, classes = network(task["network"])
    device = task.get("device", "cpu")
    model = build().train().to(device)
    if task["batchNorm"] == "frozen":
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    parameters = trained_parameters(model, task["scope"] == "biases")
    optimiser = torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=1e-4)
    x = torch.rand(task["batch"], *shape, device=device)
    y = torch.randint(classes, (task["batch"],), device=device)
    one_dnn = re.search(r"(?:oneDNN|MKL-DNN) v([\d.]+)", torch.__config__.show())
    name = f"PyTorch {torch.__version__}" + (f", oneDNN {one_dnn.group(1)}" if one_dnn else "")
    answer({"name": name, "loadedBytes": loaded})
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            began = time.perf_counter()
            optimiser.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimiser.step()
            loss.item()
            seconds.append(time.perf_counter() - began)
        peak = peak_bytes() if device == "cpu" else torch.cuda.max_memory_reserved()
        answer({"seconds": seconds, "peakBytes": peak})


main()

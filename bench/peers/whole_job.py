"""
What a migration does, as a script of one's own in PyTorch: loads, evaluates, trains twice, validating after each epoch, evaluates both. The task as
JSON in the first argument; prints the name of what runs, the seconds and the peak memory, as JSON.
"""

import gzip
import json
import os
import sys
import time

began = time.perf_counter()

import numpy as np
import torch
import torch.nn.functional as F
from memory import peak_bytes
from networks import networks

task = json.loads(sys.argv[1])
torch.set_num_threads(task["threads"])


def idx(name, header):
    path = os.path.join(task["data"], name)
    with open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb") as file:
        return np.frombuffer(file.read()[header:], np.uint8)


def part(name):
    images = idx(f"{name}-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)
    return torch.from_numpy(images / np.float32(255)), torch.from_numpy(idx(f"{name}-labels-idx1-ubyte", 8).astype(np.int64))


@torch.no_grad()
def accuracy(model, x, y):
    model.eval()
    return sum((model(x[i : i + 256]).argmax(1) == y[i : i + 256]).sum().item() for i in range(0, len(x), 256)) / len(x)


def train(model, x, y, batch, epochs):
    optimizer = torch.optim.SGD(model.parameters(), 0.01, 0.9, weight_decay=1e-4, nesterov=True)
    held = len(x) // 10
    for _ in range(epochs):
        # statistics of normalizations stay, as they do in a migration where nothing is said
        model.eval()
        order = held + torch.randperm(len(x) - held)
        for at in range(0, len(order) - batch + 1, batch):
            picked = order[at : at + batch]
            loss = F.cross_entropy(model(x[picked]), y[picked])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        accuracy(model, x[:held], y[:held])
    return model


x, y = part("train")
tests, truths = part("t10k")
build, _, _ = networks[task["network"]]
model = build()
accuracy(model, tests, truths)
for seed in range(2):
    torch.manual_seed(seed)
    accuracy(train(build(), x, y, task["batch"], task["epochs"]), tests, truths)
print(json.dumps({"name": f"PyTorch {torch.__version__}", "seconds": time.perf_counter() - began, "peakBytes": peak_bytes()}))

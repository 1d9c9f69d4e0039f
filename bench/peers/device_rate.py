"""What PyTorch computes with on this machine's GPU: its name, and the operations a second of a product of float32 matrices. Null without a GPU."""

import json
import time

import torch

size, repeats = 8192, 10


def product_rate():
    torch.backends.cuda.matmul.allow_tf32 = False
    a = torch.rand(size, size, device="cuda")
    for _ in range(2):
        a @ a
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(repeats):
        a @ a
    torch.cuda.synchronize()
    return 2 * size**3 * repeats / (time.perf_counter() - began)


if torch.cuda.is_available():
    name = f"PyTorch {torch.__version__} on {torch.cuda.get_device_name()}"
    print(json.dumps({"name": name, "gigaflops": product_rate() / 1e9}))
else:
    print(json.dumps({"name": None}))

"""
An epoch over image folders as PyTorch's users write it: Pillow decodes and resizes in the workers of a DataLoader, a small network says the classes.
Arguments: the folder, how many workers.
"""

import json
import sys
import time
from pathlib import Path

import numpy
import torch
from memory import peak_bytes
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Folder(Dataset):
    def __init__(self, root):
        classes = sorted(entry for entry in Path(root).iterdir() if entry.is_dir())
        self.images = [(file, label) for label, folder in enumerate(classes) for file in sorted(folder.iterdir())]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        file, label = self.images[index]
        with Image.open(file) as image:
            resized = image.convert("RGB").resize((224, 224), Image.BILINEAR)
        return torch.from_numpy(numpy.array(resized)).permute(2, 0, 1).contiguous().float().div_(255), label


def main():
    root, workers = sys.argv[1], int(sys.argv[2])
    network = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)
    ).eval()
    loader = DataLoader(Folder(root), batch_size=64, num_workers=workers)
    right = 0
    began = time.perf_counter()
    with torch.inference_mode():
        for images, labels in loader:
            right += (network(images).argmax(1) == labels).sum().item()
    seconds = time.perf_counter() - began
    print(json.dumps({"name": f"torch {torch.__version__}", "seconds": seconds, "peakBytes": peak_bytes()}))


main()

"""
An epoch over image folders as PyTorch's users write it: Pillow decodes and resizes in the workers of a DataLoader, a small network says the classes.
Arguments: the folder, how many workers, the network, the size of a batch, how many images at most; `train` for an epoch of training.
"""

import json
import sys
import time
from pathlib import Path

import numpy
import torch
from memory import peak_bytes
from networks import networks
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset


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
    root, workers, name, size, most = sys.argv[1], int(sys.argv[2]), *sys.argv[3:4], *map(int, sys.argv[4:6])
    trained = len(sys.argv) > 6
    network = networks[name][0]().train(trained)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    folder = Folder(root)
    some = Subset(folder, range(min(most, len(folder))))
    loader = DataLoader(some, batch_size=size, num_workers=workers, shuffle=trained)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)
    waited = 0.0
    began = time.perf_counter()
    with torch.set_grad_enabled(trained):
        batches = iter(loader)
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            waited += time.perf_counter() - asked
            if batch is None:
                break
            images, labels = batch
            scores = network(images)
            if trained:
                optimizer.zero_grad()
                nn.functional.cross_entropy(scores, labels).backward()
                optimizer.step()
            else:
                scores.argmax(1).tolist()
    seconds = time.perf_counter() - began
    print(
        json.dumps(
            {
                "name": f"torch {torch.__version__}",
                "seconds": seconds,
                "secondsWaiting": waited,
                "peakBytes": peak_bytes(),
            }
        )
    )


main()

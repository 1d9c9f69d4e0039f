"""The networks of bench/networks.ts as PyTorch definitions: the same layers, weights of PyTorch's own."""

import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x):
        y = F.relu(self.first_norm(self.first(x)), inplace=True)
        y = self.second_norm(self.second(y)) + self.shortcut(x)
        return F.relu(y, inplace=True)


def stages(inputs, widths, blocks):
    layers = []
    for stage, width in enumerate(widths):
        for i in range(blocks):
            layers.append(Block(inputs, width, 2 if stage > 0 and i == 0 else 1))
            inputs = width
    return nn.Sequential(*layers)


class ResNet(nn.Module):
    def __init__(self, channels, blocks):
        super().__init__()
        self.conv = nn.Conv2d(channels, 16, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.stages = stages(16, (16, 32, 64), blocks)
        self.logits = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x)), inplace=True)
        return self.logits(self.stages(x).mean((2, 3)))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.norm = nn.BatchNorm2d(64)
        self.stages = stages(64, (64, 128, 256, 512), 2)
        self.logits = nn.Linear(512, 1000)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.conv(x)), inplace=True), 3, 2, 1)
        return self.logits(self.stages(x).mean((2, 3)))


class SmallNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, 1, 1) for i, o in ((1, 16), (16, 32), (32, 64)))
        self.dense = nn.Linear(64 * 9, 128)
        self.logits = nn.Linear(128, 10)

    def forward(self, x):
        for conv in self.convs:
            x = F.max_pool2d(F.relu(conv(x), inplace=True), 2)
        return self.logits(F.relu(self.dense(x.flatten(1)), inplace=True))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(16, 64, batch_first=True)
        self.dense = nn.Linear(64, 64)
        self.logits = nn.Linear(64, 10)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.logits(F.relu(self.dense(states[:, -1])))


networks = {
    "resnet8": (lambda: ResNet(1, 1), (1, 28, 28), 10),
    "resnet20": (lambda: ResNet(3, 3), (3, 32, 32), 10),
    "resnet18": (ResNet18, (3, 224, 224), 1000),
    "smallnet": (SmallNet, (1, 28, 28), 10),
    **{f"lstm{steps}": (Recurrent, (steps, 16), 10) for steps in (50, 200, 800)},
}

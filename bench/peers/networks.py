"""The networks of bench/networks.ts as PyTorch definitions: the same layers, weights of PyTorch's own."""

import torch
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


class Patches(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 8, 5, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)
        )


def stem():
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
    )


def normalized(inputs, outputs, kernel=3, stride=1, groups=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs)
    )


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride, project):
        super().__init__()
        self.first = normalized(inputs, width, 1)
        self.second = normalized(width, width, 3, stride)
        self.third = normalized(width, 4 * width, 1)
        self.shortcut = normalized(inputs, 4 * width, 1, stride) if project else nn.Identity()

    def forward(self, x):
        y = F.relu(self.second(F.relu(self.first(x), inplace=True)), inplace=True)
        return F.relu(self.third(y) + self.shortcut(x), inplace=True)


class ResNet50(nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [], 64
        for stage, blocks in enumerate((3, 4, 6, 3)):
            for i in range(blocks):
                layers.append(Bottleneck(channels, 64 << stage, 2 if stage > 0 and i == 0 else 1, i == 0))
                channels = 4 * (64 << stage)
        self.features = nn.Sequential(stem(), *layers)
        self.logits = nn.Linear(channels, 1000)

    def forward(self, x):
        return self.logits(self.features(x).mean((2, 3)))


class Dense(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first_norm, self.first = nn.BatchNorm2d(channels), nn.Conv2d(channels, 128, 1, bias=False)
        self.second_norm, self.second = nn.BatchNorm2d(128), nn.Conv2d(128, 32, 3, 1, 1, bias=False)

    def forward(self, x):
        y = self.first(F.relu(self.first_norm(x), inplace=True))
        return torch.cat([x, self.second(F.relu(self.second_norm(y), inplace=True))], 1)


class DenseNet121(nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [stem()], 64
        for stage, count in enumerate((6, 12, 24, 16)):
            if stage > 0:
                conv = nn.Conv2d(channels, channels // 2, 1, bias=False)
                layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True), conv, nn.AvgPool2d(2)]
                channels //= 2
            for _ in range(count):
                layers.append(Dense(channels))
                channels += 32
        self.features = nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
        self.logits = nn.Linear(channels, 1000)

    def forward(self, x):
        return self.logits(self.features(x).mean((2, 3)))


class Inverted(nn.Module):
    def __init__(self, inputs, outputs, expansion, stride):
        super().__init__()
        inner = expansion * inputs
        expand = [normalized(inputs, inner, 1), nn.ReLU6(inplace=True)] if expansion > 1 else []
        depthwise = normalized(inner, inner, 3, stride, inner)
        self.steps = nn.Sequential(*expand, depthwise, nn.ReLU6(inplace=True), normalized(inner, outputs, 1))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.steps(x) if self.residual else self.steps(x)


class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [normalized(3, 32, 3, 2), nn.ReLU6(inplace=True)], 32
        rows = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
        for expansion, outputs, repetitions, first in rows:
            for i in range(repetitions):
                layers.append(Inverted(channels, outputs, expansion, first if i == 0 else 1))
                channels = outputs
        self.features = nn.Sequential(*layers, normalized(channels, 1280, 1), nn.ReLU6(inplace=True))
        self.logits = nn.Linear(1280, 1000)

    def forward(self, x):
        return self.logits(self.features(x).mean((2, 3)))


class Recurrent(nn.Module):
    def __init__(self, layers=1):
        super().__init__()
        self.lstm = nn.LSTM(16, 64, layers, batch_first=True)
        self.dense = nn.Linear(64, 64)
        self.logits = nn.Linear(64, 10)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.logits(F.relu(self.dense(states[:, -1])))


class VGG11(nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [], 3
        for widths in ((64,), (128,), (256, 256), (512, 512), (512, 512)):
            for width in widths:
                layers += [nn.Conv2d(channels, width, 3, 1, 1), nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.dense0 = nn.Linear(channels * 49, 4096)
        self.dense1 = nn.Linear(4096, 4096)
        self.logits = nn.Linear(4096, 1000)

    def forward(self, x):
        x = self.features(x).flatten(1)
        x = F.relu(self.dense0(x), inplace=True)
        return self.logits(F.relu(self.dense1(x), inplace=True))


networks = {
    "resnet8": (lambda: ResNet(1, 1), (1, 28, 28), 10),
    "resnet20": (lambda: ResNet(3, 3), (3, 32, 32), 10),
    "resnet18": (ResNet18, (3, 224, 224), 1000),
    "resnet50": (ResNet50, (3, 64, 64), 1000),
    "densenet121": (DenseNet121, (3, 64, 64), 1000),
    "densenet121x224": (DenseNet121, (3, 224, 224), 1000),
    "vgg11": (VGG11, (3, 224, 224), 1000),
    "mobilenetv2": (MobileNetV2, (3, 64, 64), 1000),
    "patches": (Patches, (3, 224, 224), 10),
    "smallnet": (SmallNet, (1, 28, 28), 10),
    **{f"lstm{steps}": (Recurrent, (steps, 16), 10) for steps in (50, 200, 800)},
    "lstm200x2": (lambda: Recurrent(2), (200, 16), 10),
}


def network(name):
    """How a network is built, the shape of a sample, and its classes; `torchvision/NAME/SIZE` is one of torchvision's, weights at random."""
    if not name.startswith("torchvision/"):
        return networks[name]
    _, architecture, size = name.split("/")
    return lambda: published(architecture), (3, int(size), int(size)), 1000


def published(architecture):
    import torchvision

    own = {"googlenet": {"aux_logits": False, "init_weights": False}}.get(architecture, {})
    model = getattr(torchvision.models, architecture)(weights=None, **own)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            # PyTorch's default shrinks values layer by layer, to denormal numbers with which nothing is fast
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return model

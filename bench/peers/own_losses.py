"""
Networks, losses and metrics as PyTorch exports them, and ten steps of PyTorch's own on each: `python own_losses.py FOLDER`.
FOLDER/NAME holds model.onnx, data.npz, what is learned (loss-script.onnx and loss-dynamo.onnx, by the older and the newer exporter, and
metric.onnx; the network of two outputs is trained by losses of ours), steps.json with the loss before each step, and
weights.npz with every parameter after the last one. `npm run own-losses -- FOLDER` compares. Needs torch, onnx, onnxscript, numpy.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")
folder = Path(sys.argv[1])
steps, batch, rate, momentum = 10, 16, 0.05, 0.9


def export(module, examples, path, inputs, outputs, newer):
    module.eval()
    examples = tuple(examples)
    if newer:
        every = {0: torch.export.Dim("batch")}
        program = torch.onnx.export(
            module,
            examples,
            input_names=inputs,
            output_names=outputs,
            dynamic_shapes=tuple(every for _ in examples),
            dynamo=True,
            optimize=False,
            verbose=False,
        )
        program.save(str(path))
        return
    axes = {name: {0: "batch"} for name in [*inputs, *(outputs if outputs != ["loss"] else [])]}
    torch.onnx.export(
        module,
        examples,
        str(path),
        input_names=inputs,
        output_names=outputs,
        dynamic_axes=axes,
        opset_version=17,
        do_constant_folding=False,
        dynamo=False,
    )


def say_direction(path, direction):
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"direction": direction})
    onnx.save(model, path)


def train(model, loss_of, groups=None):
    """Plain SGD with momentum on batches in the order of the data; the loss before each step, and the parameters after the last."""
    optimizer = torch.optim.SGD(groups or model.parameters(), lr=rate, momentum=momentum)
    losses = []
    for step in range(steps):
        part = slice(step * batch, (step + 1) * batch)
        optimizer.zero_grad()
        loss = loss_of(part)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, {name: value.detach().numpy() for name, value in model.named_parameters()}


def write(name, arrays, losses, weights, **more):
    np.savez(folder / name / "data.npz", **{key: value.numpy() for key, value in arrays.items()})
    np.savez(folder / name / "weights.npz", **weights)
    about = {"batch": batch, "rate": rate, "momentum": momentum, "losses": losses, **more}
    (folder / name / "steps.json").write_text(json.dumps(about, indent=2))
    print(name, losses[0], "->", losses[-1])


# ---------------------------------------------------------------- keypoints that may be hidden


class Keypoints(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU()
        )
        self.head = nn.Linear(16 * 6 * 6, 2 * 5)

    def forward(self, image):
        return self.head(self.body(image).flatten(1)).reshape(-1, 5, 2)


class VisibleError(nn.Module):
    def forward(self, points, keypoints, visible):
        off = (points - keypoints).abs()
        # the smooth L1 loss written out: the older exporter has no operator for it
        error = torch.where(off < 0.1, 5 * off * off, off - 0.05).sum(-1)
        return (error * visible).sum() / visible.sum().clamp(min=1.0)


class Distance(nn.Module):
    """How far the visible keypoints of each sample are off, on average."""

    def forward(self, points, keypoints, visible):
        distance = (points - keypoints).norm(dim=-1)
        return (distance * visible).sum(-1) / visible.sum(-1).clamp(min=1.0)


def keypoints(count=400):
    (folder / "keypoints").mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model, loss, metric = Keypoints(), VisibleError(), Distance()
    points = torch.rand(count, 5, 2)
    image = 0.1 * torch.randn(count, 1, 12, 12)
    for i in range(count):
        for k, (x, y) in enumerate(points[i]):
            image[i, 0, int(12 * y), int(12 * x)] += 1 + 0.5 * k
    visible = (torch.rand(count, 5) < 0.7).float()
    visible[:, 0] = 1
    at = folder / "keypoints"
    export(model, [image[:2]], at / "model.onnx", ["image"], ["points"], newer=False)
    examples, names = [points[:2], points[:2], visible[:2]], ["points", "keypoints", "visible"]
    for newer, path in ((False, "loss-script.onnx"), (True, "loss-dynamo.onnx")):
        export(loss, examples, at / path, names, ["loss"], newer)
    export(metric, examples, at / "metric.onnx", names, ["distance"], newer=True)
    say_direction(at / "metric.onnx", "lower")
    losses, weights = train(model, lambda part: loss(model(image[part]), points[part], visible[part]))
    arrays = {"image": image, "keypoints": points, "visible": visible}
    write("keypoints", arrays, losses, weights, inputs=["image"], targets=["keypoints", "visible"])


# ---------------------------------------------------------------- an embedding that is learned from triplets


class Triplets(nn.Module):
    """
    One trunk for all three. It is applied to them at once: a copy of it for each input, which would share the weights, has ReLUs of its own,
    and each of them a shift and an offset of its own when it becomes a FReLU.
    """

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 8))

    def forward(self, anchor, positive, negative):
        embedded = F.normalize(self.trunk(torch.cat([anchor, positive, negative])), dim=-1)
        count = anchor.shape[0]
        return embedded[:count], embedded[count : 2 * count], embedded[2 * count :]


class TripletLoss(nn.Module):
    def forward(self, a, p, n):
        # the triplet margin loss written out: the older exporter has no operator for it
        return ((a - p).norm(dim=-1) - (a - n).norm(dim=-1) + 0.5).clamp(min=0.0).mean()


class Closer(nn.Module):
    """Whether the anchor is closer to the sample of its own class, 1 or 0."""

    def forward(self, a, p, n):
        return ((a - p).pow(2).sum(-1) < (a - n).pow(2).sum(-1)).float()


def triplets(count=400):
    (folder / "triplets").mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    model, loss, metric = Triplets(), TripletLoss(), Closer()
    centres = torch.randn(6, 12)
    own = torch.randint(0, 6, (count,))
    other = (own + torch.randint(1, 6, (count,))) % 6
    near = lambda classes: centres[classes] + 0.9 * torch.randn(count, 12)
    arrays = {"anchor": near(own), "positive": near(own), "negative": near(other)}
    at, names = folder / "triplets", ["a", "p", "n"]
    export(model, [x[:2] for x in arrays.values()], at / "model.onnx", list(arrays), names, newer=True)
    examples = model(*(x[:2] for x in arrays.values()))
    for newer, path in ((False, "loss-script.onnx"), (True, "loss-dynamo.onnx")):
        export(loss, examples, at / path, names, ["loss"], newer)
    export(metric, examples, at / "metric.onnx", names, ["closer"], newer=False)
    say_direction(at / "metric.onnx", "higher")
    losses, weights = train(model, lambda part: loss(*model(*(x[part] for x in arrays.values()))))
    write("triplets", arrays, losses, weights, inputs=list(arrays), targets=[])


# ---------------------------------------------------------------- classes by the loss of PyTorch, as an operator of ONNX


class Classes(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 4))

    def forward(self, x):
        return self.body(x)


class WeightedCrossEntropy(nn.Module):
    """With a weight for each class, and samples of the class -100 left out."""

    def forward(self, logits, label):
        return F.cross_entropy(logits, label, weight=torch.tensor([1.0, 2.0, 0.5, 1.5]), ignore_index=3)


def classes(count=400):
    (folder / "classes").mkdir(parents=True, exist_ok=True)
    torch.manual_seed(3)
    model, loss = Classes(), WeightedCrossEntropy()
    label = torch.randint(0, 4, (count,))
    x = torch.randn(4, 6)[label] + torch.randn(count, 6)
    at = folder / "classes"
    export(model, [x[:2]], at / "model.onnx", ["x"], ["logits"], newer=False)
    for newer, path in ((False, "loss-script.onnx"), (True, "loss-dynamo.onnx")):
        export(loss, [model(x[:3]), torch.tensor([0, 1, 2])], at / path, ["logits", "label"], ["loss"], newer)
    losses, weights = train(model, lambda part: loss(model(x[part]), label[part]))
    write("classes", {"x": x, "label": label}, losses, weights, inputs=["x"], targets=["label"])


# ---------------------------------------------------------------- two inputs, and two outputs by losses of ours


class Both(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Flatten())
        self.side = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.joint = nn.Sequential(nn.Linear(6 * 64 + 8, 24), nn.ReLU())
        self.kind = nn.Linear(24, 3)
        self.amount = nn.Linear(24, 1)

    def forward(self, picture, features):
        joint = self.joint(torch.cat([self.body(picture), self.side(features)], 1))
        return self.kind(joint), self.amount(joint)


def both(count=400, scale=3.0):
    (folder / "both").mkdir(parents=True, exist_ok=True)
    torch.manual_seed(2)
    model = Both()
    picture, features = torch.rand(count, 1, 8, 8), torch.randn(count, 4)
    label = (picture[:, 0, :4].mean((1, 2)) > 0.5).long() + (features[:, 0] > 0).long()
    price = scale * (features[:, 1] + features[:, 2] * features[:, 3])
    at = folder / "both"
    export(model, [picture[:2], features[:2]], at / "model.onnx", ["picture", "features"], ["kind", "amount"], newer=False)

    def loss_of(part):
        kind, amount = model(picture[part], features[part])
        return F.cross_entropy(kind, label[part]) + F.mse_loss(amount[:, 0], price[part]) / scale**2

    # the last layer of a regression is trained divided by the spread of the targets: its own rate is that much higher
    head = list(model.amount.parameters())
    rest = [value for value in model.parameters() if all(value is not each for each in head)]
    losses, weights = train(model, loss_of, [{"params": rest}, {"params": head, "lr": rate * scale**2}])
    arrays = {"picture": picture, "features": features, "label": label, "price": price}
    outputs = [
        {"name": "kind", "key": "label", "loss": "cross-entropy", "width": 3},
        {"name": "amount", "key": "price", "loss": "mse", "scale": scale, "width": 1},
    ]
    write("both", arrays, losses, weights, inputs=["picture", "features"], targets=[], outputs=outputs)


keypoints()
triplets()
classes()
both()

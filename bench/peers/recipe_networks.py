"""Networks that were trained to their end, by others' software, each with its data: for bench/recipes.ts.

    recipe_networks.py FASHION_MNIST FOLDER

FASHION_MNIST is the folder of its IDX files. Writes FOLDER/networks.json: name, model, data, options.
"""
import json
import os
import sys

import numpy as np
import torch
from torch import nn
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

source, folder = sys.argv[1], sys.argv[2]
os.makedirs(folder, exist_ok=True)
torch.manual_seed(0)
networks = []


def idx(name, header):
    import gzip

    path = os.path.join(source, name)
    opened = open(path, 'rb') if os.path.exists(path) else gzip.open(path + '.gz', 'rb')
    with opened as file:
        return np.frombuffer(file.read()[header:], np.uint8)


def keep(name, data, *options, suffix=''):
    networks.append({'name': name + suffix, 'model': f'{name}.onnx', 'data': data, 'options': list(options)})


def train(net, x, y, epochs, rate, decay, flip=False):
    optimizer = torch.optim.SGD(net.parameters(), rate, 0.9, weight_decay=decay, nesterov=True)
    steps = epochs * (len(x) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for _ in range(epochs):
        net.train()
        order = torch.randperm(len(x))
        for at in range(0, len(x) - 63, 64):
            batch = order[at : at + 64]
            fed = x[batch]
            if flip and torch.rand(()) < 0.5:
                fed = fed.flip(3)
            loss = nn.functional.cross_entropy(net(fed), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net.eval()


def export(name, net, x):
    torch.onnx.export(
        net, (x[:2],), os.path.join(folder, f'{name}.onnx'), input_names=['input'], output_names=['logits'],
        dynamic_axes={'input': {0: 'n'}, 'logits': {0: 'n'}}, dynamo=False,
    )


# ten thousand pictures learned to their end, with dropout and normalization, by a small VGG
images = idx('train-images-idx3-ubyte', 16).reshape(-1, 1, 28, 28)
labels = idx('train-labels-idx1-ubyte', 8)
tests, truths = idx('t10k-images-idx3-ubyte', 16).reshape(-1, 1, 28, 28), idx('t10k-labels-idx1-ubyte', 8)
few = 10000
np.savez(os.path.join(folder, 'fashion.npz'), x_train=images[:few], y_train=labels[:few].astype(np.int64),
         x_test=tests, y_test=truths.astype(np.int64))
# the next ten thousand, which no network here has seen
np.savez(os.path.join(folder, 'fashion-new.npz'), x_train=images[few : 2 * few],
         y_train=labels[few : 2 * few].astype(np.int64), x_test=tests, y_test=truths.astype(np.int64))


def block(a, b):
    return [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]


vgg = nn.Sequential(*block(1, 16), *block(16, 32), *block(32, 64), nn.Flatten(), nn.Dropout(0.4), nn.Linear(576, 64),
                    nn.ReLU(), nn.Dropout(0.4), nn.Linear(64, 10))
x, y = torch.tensor(images[:few] / np.float32(255)), torch.tensor(labels[:few].astype(np.int64))
export('vgg', train(vgg, x, y, 15, 0.05, 5e-4, flip=True), x)
keep('vgg', 'fashion.npz')
keep('vgg', 'fashion-new.npz', suffix=', new data')

# the same pictures known by heart: no dropout, no decay
cnn = nn.Sequential(nn.Conv2d(1, 16, 3, stride=2), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2), nn.ReLU(), nn.Flatten(),
                    nn.Linear(32 * 36, 64), nn.ReLU(), nn.Linear(64, 10))
export('memorised', train(cnn, x, y, 25, 0.05, 0), x)
keep('memorised', 'fashion.npz')
keep('memorised', 'fashion-new.npz', suffix=', new data')

digits = load_digits()
x = torch.tensor(digits.images[:, None].astype(np.float32) / 16)
y = torch.tensor(digits.target)
net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2), nn.ReLU(), nn.Flatten(),
                    nn.Linear(288, 10))
export('digits', train(net, x[:900], y[:900], 30, 0.05, 1e-4), x)
np.savez(os.path.join(folder, 'digits.npz'), x_train=x[:900].numpy(), y_train=y[:900].numpy(), x_test=x[900:].numpy(),
         y_test=y[900:].numpy())
keep('digits', 'digits.npz')

for name, load, hidden in (('cancer', load_breast_cancer, (64, 32)), ('wine', load_wine, (32,))):
    data = load()
    order = np.random.RandomState(1).permutation(len(data.target))
    x, y = data.data[order].astype(np.float32), data.target[order]
    half = len(x) // 2
    model = make_pipeline(StandardScaler(), MLPClassifier(hidden_layer_sizes=hidden, max_iter=300, random_state=0)).fit(x[:half], y[:half])
    with open(os.path.join(folder, f'{name}.onnx'), 'wb') as file:
        file.write(to_onnx(model, x[:1], options={'zipmap': False}).SerializeToString())
    np.savez(os.path.join(folder, f'{name}.npz'), x_train=x[:half], y_train=y[:half], x_test=x[half:], y_test=y[half:])
    keep(name, f'{name}.npz')

data = load_diabetes()
order = np.random.RandomState(1).permutation(len(data.target))
x, y = data.data[order].astype(np.float32), (data.target[order] / 100).astype(np.float32)
model = MLPRegressor(hidden_layer_sizes=(64, 32), max_iter=2000, random_state=0, alpha=1e-3).fit(x[:300], y[:300])
with open(os.path.join(folder, 'diabetes.onnx'), 'wb') as file:
    file.write(to_onnx(model, x[:1]).SerializeToString())
np.savez(os.path.join(folder, 'diabetes.npz'), x_train=x[:300], y_train=y[:300], x_test=x[300:], y_test=y[300:])
keep('diabetes', 'diabetes.npz', '--task', 'regression')

with open(os.path.join(folder, 'networks.json'), 'w') as file:
    json.dump(networks, file, indent=1)

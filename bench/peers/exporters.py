"""
Models and data as other people's software writes them, and what Python says of each: `python exporters.py FOLDER`.
A folder for each case holds the model, its data and whatever lies beside them; FOLDER/expected.json says what was measured with
ONNX Runtime (every optimisation off) and scikit-learn, on inputs prepared as the model was trained. `npm run exporters -- FOLDER`
compares. Needs onnx, onnxruntime, scikit-learn, skl2onnx, pandas, pyarrow, pillow; without torch (and onnxscript, for its newer
exporter) the cases of PyTorch are left out, without tensorflow and tf2onnx those of Keras, without tf_keras and tensorflowjs those of
TensorFlow.js. `python exporters.py FOLDER keras tfjs` makes these alone: they do not always fit into one environment with the others.
"""

import json
import shutil
import sys
import types
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from skl2onnx import to_onnx
from sklearn import metrics
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_blobs,
    make_classification,
    make_multilabel_classification,
    make_regression,
)
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

try:
    import torch
    from torch import nn

    Module = nn.Module
except ImportError:
    torch, Module = None, object
try:
    import tensorflow as tf
    import tf2onnx
except ImportError:
    tf = None
try:
    import tf_keras

    # the converter imports packages whose formats it reads, for none of which it is used here
    for package in ("tensorflow_decision_forests", "jax", "jax.experimental", "jax.experimental.jax2tf", "flax"):
        sys.modules.setdefault(package, types.ModuleType(package))
    sys.modules["jax.experimental"].jax2tf = sys.modules["jax.experimental.jax2tf"]
    import tensorflowjs
except ImportError:
    tensorflowjs = None

warnings.filterwarnings("ignore")
folder = Path(sys.argv[1])
expected = []


# ---------------------------------------------------------------- what Python says


def softmax(values):
    e = np.exp(values - values.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def measured(kind, truth, said):
    """`said`: probabilities [N, K] of classes or of labels, or values [N] or [N, K]."""
    said = np.asarray(said, np.float64)
    truth = np.asarray(truth)
    if kind == "regression":
        truth, said = truth.reshape(len(truth), -1).astype(np.float64), said.reshape(len(truth), -1)
        return {
            "mae": metrics.mean_absolute_error(truth, said),
            "rmse": metrics.mean_squared_error(truth, said) ** 0.5,
            "r2": metrics.r2_score(truth, said),
        }
    if kind == "multilabel":
        return {
            "accuracy": metrics.accuracy_score(truth, said >= 0.5),
            "macroF1": metrics.f1_score(truth, said >= 0.5, average="macro", zero_division=0),
            "auroc": metrics.roc_auc_score(truth, said, average="macro"),
        }
    if said.ndim == 1 or said.shape[1] == 1:
        said = np.stack([1 - said.ravel(), said.ravel()], 1)
    predicted = said.argmax(1)
    result = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "macroF1": metrics.f1_score(truth, predicted, average="macro", zero_division=0),
        # scikit-learn clips at the epsilon of its argument's type, here that of float32, which is what the models speak
        "logLoss": -np.mean(np.log(np.maximum(said[np.arange(len(truth)), truth], 2.0**-23))),
    }
    if said.shape[1] == 2 and len(set(truth.tolist())) == 2:
        result["auroc"] = metrics.roc_auc_score(truth, said[:, 1])
    return result


def run(model, feeds, output):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    if not isinstance(feeds, dict):
        feeds = {session.get_inputs()[0].name: feeds}
    said = session.run([session.get_outputs()[output].name], feeds)[0]
    if isinstance(said, list):  # ZipMap: a dictionary a sample
        said = np.array([list(row.values()) for row in said])
    return said


# ---------------------------------------------------------------- cases


def case(
    name,
    by,
    model,
    data,
    feeds,
    truth,
    kind="classification",
    output=-1,
    read=lambda said: said,
    expect="equal",
    says=(),
    cure=(),
    migrate="runs",
    options=(),
    beside=None,
    only=None,
    said=None,
):
    """
    `model`: ONNX; or what writes another format into a folder, with what it `said`.
    `data`: (file name, writer); `feeds`: the inputs as the model was trained to have them; `read`: from the output to
    probabilities or values. `expect`: 'equal'; 'warned', where the sanity check must say `says`, and the cure that it names
    makes it equal; 'refused', where the message must hold `says`, and with the options `cure` it is equal.
    """
    place = folder / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if said is None:
        (place / "model.onnx").write_bytes(model.SerializeToString())
    else:
        model(place / "model")
    file, write = data
    write(place / file)
    for other, text in (beside or {}).items():
        (place / other).write_text(text)
    if said is None and truth is not None:
        said = read(run(model, feeds, output))
    expected.append(
        {
            "name": name,
            "by": by,
            "model": "model" if (place / "model").exists() else "model.onnx",
            "data": file,
            "task": kind,
            "metrics": None if truth is None else {k: float(v) for k, v in measured(kind, truth, said).items() if only is None or k in only},
            "expect": expect,
            "says": list(says),
            "cure": list(cure),
            "options": list(options),
            "migrate": migrate,
        }
    )


def npz(x, y):
    return "data.npz", lambda path: np.savez(path, x=x, y=y)


def frame(x, y, target="target", columns=None):
    columns = columns or [f"f{i}" for i in range(x.shape[1])]
    table = pd.DataFrame(np.asarray(x), columns=columns)
    table[target] = y
    return table


def csv(x, y, **more):
    # 17 digits give every float back
    return "data.csv", lambda path: frame(x, y, **more).to_csv(path, index=False, float_format="%.9g")


def parquet(x, y, **more):
    return "data.parquet", lambda path: frame(x, y, **more).to_parquet(path)


def jsonl(x, y, **more):
    return "data.jsonl", lambda path: frame(x, y, **more).to_json(path, orient="records", lines=True, double_precision=15)


def images(pixels, names):
    def write(path):
        for i, (image, name) in enumerate(zip(pixels, names)):
            (path / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path / name / f"{i:05d}.png")

    return "images", write


def f32(x):
    return np.ascontiguousarray(x, dtype=np.float32)


# ---------------------------------------------------------------- scikit-learn through skl2onnx

zipless = {"zipmap": False}


def sk(name, estimator, x, y, data, labels=None, kind="classification", **more):
    """A fitted estimator whose classes are `labels` numbered in its order; x as float32."""
    x = f32(x)
    estimator.fit(x, y)
    zipmap = more.pop("zipmap", False)
    extra = more.pop("convert", {})
    options = {} if kind == "regression" or zipmap else {"options": {id(estimator): zipless}}
    try:
        model = to_onnx(estimator, x[:1], **options, **extra)
    except Exception as error:  # skl2onnx lags behind scikit-learn: what this pair cannot write is left out
        print(f"left out {name}: {str(error)[:200]}")
        return
    truth = y
    if kind == "classification":
        truth = np.searchsorted(np.asarray(estimator.classes_), y)
    case(name, "skl2onnx", model, data(x, y), x, truth, kind, **more)


def mlp(**more):
    return MLPClassifier((16,), max_iter=150, random_state=0, **more)


def scikit_learn():
    cancer, iris, wine, digits, diabetes = (
        load_breast_cancer(return_X_y=True),
        load_iris(return_X_y=True),
        load_wine(return_X_y=True),
        load_digits(return_X_y=True),
        load_diabetes(return_X_y=True),
    )
    scaled = [StandardScaler().fit_transform(x) for x, _ in (cancer, iris, wine)]
    species = np.array(["setosa", "versicolor", "virginica"])[iris[1]]

    sk("mlp-binary-zipmap", mlp(), scaled[0], cancer[1], csv, zipmap=True)
    sk("mlp-binary", mlp(), scaled[0], cancer[1], npz)
    sk("mlp-multiclass-zipmap", mlp(), scaled[2], wine[1], parquet, zipmap=True)
    sk("mlp-multiclass", mlp(), scaled[2], wine[1], jsonl)
    sk("mlp-words", mlp(), scaled[1], species, csv)
    sk("mlp-words-zipmap", mlp(), scaled[1], species, parquet, zipmap=True)
    sk("mlp-words-npz", mlp(), scaled[1], species, npz)
    x, y = make_multilabel_classification(400, 10, n_classes=4, random_state=0)
    sk("mlp-multilabel", mlp(), x, y, npz, kind="multilabel")
    x, y = make_regression(300, 6, noise=10, random_state=0)
    sk("mlp-regressor", MLPRegressor(hidden_layer_sizes=(16,), max_iter=400, random_state=0), x, f32(y), csv, kind="regression")
    sk(
        "mlp-regressor-diabetes",
        make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(16,), max_iter=600, random_state=0)),
        diabetes[0],
        diabetes[1],
        csv,
        kind="regression",
    )
    x, y = make_regression(300, 6, n_targets=3, noise=10, random_state=0)
    # what skl2onnx writes has the targets of a sample below each other
    sk("mlp-regressor-multi", MLPRegressor(hidden_layer_sizes=(32,), max_iter=800, random_state=0), x, f32(y), npz, kind="regression", migrate="refused: first axis")
    sk("scaler-mlp", make_pipeline(StandardScaler(), mlp()), cancer[0], cancer[1], csv)
    sk("minmax-pca-mlp", make_pipeline(MinMaxScaler(), PCA(20), mlp()), digits[0], digits[1], npz)
    sk("digits-8bit-mlp", mlp(), digits[0], digits[1], lambda x, y: npz(x.astype(np.uint8), y), expect="warned", says=["scale"])
    sk("digits-8bit-scaler", make_pipeline(StandardScaler(), mlp()), digits[0], digits[1], lambda x, y: npz(x.astype(np.uint8), y), expect="warned", says=["scale"])
    sk("mlp-tanh", mlp(activation="tanh"), scaled[2], wine[1], npz, migrate="refused: ReLU")
    sk("ovr-mlp", OneVsRestClassifier(mlp()), scaled[2], wine[1], npz)
    sk("voting-mlp", VotingClassifier([("a", mlp()), ("b", mlp(alpha=1))], voting="soft", flatten_transform=False), scaled[2], wine[1], npz)
    sk("calibrated-mlp", CalibratedClassifierCV(mlp(), cv=3), scaled[0], cancer[1], npz, migrate="refused: cannot be differentiated")
    sk("opset-11", make_pipeline(StandardScaler(), mlp()), wine[0], wine[1], npz, convert={"target_opset": 11})
    for name, estimator in {
        "logistic-binary": LogisticRegression(),
        "random-forest": RandomForestClassifier(10, max_depth=4, random_state=0),
        "gradient-boosting": GradientBoostingClassifier(n_estimators=10, max_depth=2, random_state=0),
        "hist-gradient-boosting": HistGradientBoostingClassifier(max_iter=10, max_depth=3, random_state=0),
        "naive-bayes": GaussianNB(),
        "svc": SVC(probability=True, random_state=0),
    }.items():
        sk(name, estimator, scaled[0], cancer[1], npz, migrate="refused: ReLU")
    for name, estimator in {
        "logistic-multi": LogisticRegression(),
        "random-forest-multi": RandomForestClassifier(10, max_depth=4, random_state=0),
        "gradient-boosting-multi": GradientBoostingClassifier(n_estimators=5, max_depth=2, random_state=0),
        "knn": KNeighborsClassifier(3),
    }.items():
        sk(name, estimator, scaled[2], wine[1], npz, migrate="refused: ReLU")
    for name, estimator in {
        "linear-regression": LinearRegression(),
        "forest-regressor": RandomForestRegressor(10, max_depth=5, random_state=0),
        "boosting-regressor": GradientBoostingRegressor(n_estimators=20, max_depth=2, random_state=0),
    }.items():
        sk(name, estimator, diabetes[0], diabetes[1], csv, kind="regression", migrate="refused: ReLU")

    # labels that are not 0 .. K-1
    sk("labels-from-1", mlp(), scaled[2], wine[1] + 1, npz, expect="refused", says=["--classes"], beside={"names.txt": "1\n2\n3\n"}, cure=["--classes", "names.txt"])
    sk("labels-from-1-csv", mlp(), scaled[2], wine[1] + 1, csv, expect="refused", says=["--classes"], beside={"names.txt": "1\n2\n3\n"}, cure=["--classes", "names.txt"])
    sk("labels-signs", mlp(), scaled[0], 2 * cancer[1] - 1, csv)
    sk("labels-bool-csv", mlp(), scaled[0], cancer[1].astype(bool), csv)
    sk("labels-bool-npz", mlp(), scaled[0], cancer[1].astype(bool), npz)
    sk("labels-yes-no", mlp(), scaled[0], np.where(cancer[1] == 1, "yes", "no"), csv)
    sk("labels-gaps", mlp(), scaled[2], wine[1] * 10 + 10, csv, expect="refused", says=["--classes"], beside={"names.txt": "10\n20\n30\n"}, cure=["--classes", "names.txt"])
    sk("labels-floats", mlp(), scaled[2], wine[1], lambda x, y: npz(x, y.astype(np.float64)), expect="refused", says=["--task classification"], cure=["--task", "classification"])

    # honest models that are no good, or data that are few
    rng = np.random.default_rng(0)
    x, y = make_classification(400, 8, n_informative=2, flip_y=0.75, random_state=1)
    sk("weak-binary", mlp(), x, y, npz)
    x, y = make_classification(500, 10, n_informative=6, n_classes=4, flip_y=0.7, random_state=1)
    weak = mlp().fit(x[:250], y[:250])
    case("weak-multiclass", "skl2onnx", to_onnx(weak, f32(x[:1]), options={id(weak): zipless}), npz(f32(x[250:]), y[250:]), f32(x[250:]), y[250:])
    x, y = scaled[1], iris[1]
    fitted = mlp().fit(x, y)
    for count in (10, 30):
        some = rng.permutation(len(x))[:count]
        case(f"tiny-{count}", "skl2onnx", to_onnx(fitted, f32(x[:1]), options={id(fitted): zipless}), npz(f32(x[some]), y[some]), f32(x[some]), y[some])
    x, y = make_classification(600, 8, n_informative=3, weights=[0.95], flip_y=0.06, random_state=3)
    sk("imbalanced", MLPClassifier((4,), max_iter=30, random_state=0), x, y, npz)
    x, y = make_classification(600, 8, n_informative=5, n_classes=3, weights=[0.9, 0.06], class_sep=0.5, random_state=3)
    sk("imbalanced-3", MLPClassifier((4,), max_iter=15, random_state=0), x, y, csv)
    x, y = make_blobs(1500, 12, centers=100, cluster_std=3, random_state=0)
    sk("classes-100", make_pipeline(StandardScaler(), MLPClassifier((64,), max_iter=40, random_state=0)), x, y, npz)
    sk("classes-100-poor", make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=4, random_state=0)), x, y, npz)
    x = rng.normal(size=(300, 6))
    y = x[:, 0] + 5 * rng.normal(size=300)
    sk("weak-regression", MLPRegressor(hidden_layer_sizes=(8,), max_iter=60, alpha=10, random_state=0), x, f32(y), csv, kind="regression")
    x, y = make_regression(40, 6, noise=100, random_state=0)
    late = MLPRegressor(hidden_layer_sizes=(16,), max_iter=2000, random_state=0).fit(x[:15], y[:15])
    case("overfit-regression", "skl2onnx", to_onnx(late, f32(x[:1])), npz(f32(x[15:]), f32(y[15:])), f32(x[15:]), y[15:], "regression")
    sk("one-class-rare", mlp(), scaled[1], np.where(np.arange(150) == 149, 2, np.minimum(iris[1], 1)), npz)

    # several inputs, one a column, as to_onnx makes of a DataFrame
    table = pd.DataFrame(f32(cancer[0][:, :3]), columns=["radius", "texture", "perimeter"])
    table["site"] = rng.choice(["left", "right", "both"], len(table))
    transform = ColumnTransformer([("n", StandardScaler(), ["radius", "texture", "perimeter"]), ("c", OneHotEncoder(), ["site"])])
    pipe = make_pipeline(transform, mlp()).fit(table, cancer[1])
    model = to_onnx(pipe, table[:1], options={id(pipe): zipless})
    feeds = {c: table[[c]].to_numpy(np.float32 if c != "site" else object) for c in table.columns}
    write = lambda path: table.assign(target=cancer[1]).to_csv(path, index=False, float_format="%.9g")
    case("column-transformer-words", "skl2onnx", model, ("data.csv", write), feeds, cancer[1], expect="refused", says=["input"], migrate="refused: input")
    plain = table.drop(columns="site")
    pipe = make_pipeline(StandardScaler(), mlp()).fit(plain, cancer[1])
    model = to_onnx(pipe, plain[:1], options={id(pipe): zipless})
    write = lambda path: plain.assign(target=cancer[1]).to_csv(path, index=False, float_format="%.9g")
    case("one-input-a-column", "skl2onnx", model, ("data.csv", write), {c: plain[[c]].to_numpy(np.float32) for c in plain}, cancer[1], expect="refused", says=["input"], migrate="refused: input")
    x = np.concatenate([scaled[0][:, :4], rng.integers(0, 3, (len(table), 1))], 1)
    transform = ColumnTransformer([("n", StandardScaler(), [0, 1, 2, 3]), ("c", OneHotEncoder(), [4])])
    sk("column-transformer", make_pipeline(transform, mlp()), x, cancer[1], csv)
    fitted = mlp().fit(scaled[0], cancer[1])
    model = to_onnx(fitted, np.float64(scaled[0][:1]), options={id(fitted): zipless})
    case("mlp-double", "skl2onnx", model, npz(scaled[0], cancer[1]), np.float64(scaled[0]), cancer[1])


# ---------------------------------------------------------------- PyTorch


def export(module, example, dynamo=False, names=("output",), opset=17):
    module.eval()
    target = BytesIO()
    x = torch.as_tensor(example)
    if dynamo:
        batch = torch.export.Dim("batch")
        program = torch.onnx.export(module, (x,), dynamo=True, dynamic_shapes=({0: batch},), input_names=["input"], output_names=list(names), verbose=False)
        return program.model_proto
    axes = {name: {0: "batch"} for name in ["input", *names]}
    torch.onnx.export(module, (x,), target, dynamo=False, input_names=["input"], output_names=list(names), dynamic_axes=axes, opset_version=opset)
    return onnx.load_from_string(target.getvalue())


def fit(module, x, y, loss, steps=200, lr=0.01):
    torch.manual_seed(0)
    for layer in module.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    optimizer = torch.optim.Adam(module.parameters(), lr)
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    module.train()
    for _ in range(steps):
        optimizer.zero_grad()
        loss(module(x), y).backward()
        optimizer.step()
    return module.eval()


def blobs(classes, count=500, seed=0):
    x, y = make_classification(count, 8, n_informative=6, n_redundant=0, n_classes=classes, n_clusters_per_class=1, class_sep=1.2, flip_y=0.1, random_state=seed)
    return f32(x), y.astype(np.int64)


def body(out):
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, out))


class Then(Module):
    """A trained network and what its author put behind it (and before it)."""

    def __init__(self, net, after=lambda y: y, before=lambda x: x):
        super().__init__()
        self.net, self.after, self.before = net, after, before

    def forward(self, x):
        return self.after(self.net(self.before(x)))


class Mean(Module):
    """An ensemble: the mean of two networks' probabilities."""

    def __init__(self, a, b):
        super().__init__()
        self.a, self.b = a, b

    def forward(self, x):
        return (self.a(x).softmax(1) + self.b(x).softmax(1)) / 2


class Features(Module):
    def __init__(self, net):
        super().__init__()
        self.trunk, self.head = net[:4], net[4]

    def forward(self, x):
        features = self.trunk(x)
        return features, self.head(features)


def classifiers():
    x, y = blobs(4)
    net = fit(body(4), x, y, nn.functional.cross_entropy)
    raw = lambda name, after=lambda v: v, read=softmax, how=npz, **more: case(
        name, "torch.onnx", export(Then(net, after), x[:2]), how(x, y), x, y, read=read, **more
    )
    same = lambda said: said
    raw("logits")
    raw("logits-csv", how=csv)
    raw("softmax", lambda v: v.softmax(1), same, parquet)
    raw("log-softmax", lambda v: v.log_softmax(1), np.exp)
    raw("softmax-written-out", lambda v: v.exp() / v.exp().sum(1, keepdim=True), same)
    raw("softmax-less-max", lambda v: (lambda e: e / e.sum(1, keepdim=True))((v - v.amax(1, keepdim=True)).exp()), same)
    raw("temperature", lambda v: v / 2.5)
    raw("temperature-softmax", lambda v: (v / 2.5).softmax(1), same)
    raw("clipped-softmax", lambda v: v.softmax(1).clamp(1e-7, 1 - 1e-7), same)
    raw("log-of-clipped", lambda v: v.softmax(1).clamp(min=1e-9).log(), np.exp)
    raw("softmax-percent", lambda v: v.softmax(1) * 100, lambda s: s / 100, expect="refused", says=["sum to 100"], migrate="refused: sum to 100")
    raw("smoothed-softmax", lambda v: 0.9 * v.softmax(1) + 0.025, same)
    raw("head-n-k-1-1", lambda v: v[:, :, None, None], lambda s: softmax(s[:, :, 0, 0]))
    raw("head-n-1-k", lambda v: v[:, None, :], lambda s: softmax(s[:, 0]))
    raw("float16-output", lambda v: v.half(), lambda s: softmax(s.astype(np.float32)))
    raw("double-output", lambda v: v.double(), softmax)
    raw("negative-distances", lambda v: -((v - 3) ** 2) / 20)
    case("dynamo-logits", "torch.onnx (dynamo)", export(net, x[:2], True), npz(x, y), x, y, read=softmax)
    case("dynamo-softmax", "torch.onnx (dynamo)", export(Then(net, lambda v: v.softmax(1)), x[:2], True), npz(x, y), x, y)
    case("dynamo-log-softmax", "torch.onnx (dynamo)", export(Then(net, lambda v: v.log_softmax(1)), x[:2], True), npz(x, y), x, y, read=np.exp)
    pair = ("label", "scores")
    case("label-first", "torch.onnx", export(Then(net, lambda v: (v.argmax(1), v)), x[:2], names=pair), npz(x, y), x, y, read=softmax)
    case("label-last", "torch.onnx", export(Then(net, lambda v: (v, v.argmax(1))), x[:2], names=pair[::-1]), npz(x, y), x, y, read=softmax, output=0)
    case("label-only", "torch.onnx", export(Then(net, lambda v: v.argmax(1)), x[:2]), npz(x, y), x, None, expect="refused", says=["label"], migrate="refused: label")
    case("logits-and-softmax", "torch.onnx", export(Then(net, lambda v: (v, v.softmax(1))), x[:2], names=("logits", "probs")), npz(x, y), x, y)
    case("top-2", "torch.onnx", export(Then(net, lambda v: tuple(v.softmax(1).topk(2))), x[:2], names=("values", "indices")), npz(x, y), x, None, expect="refused", says=["output"], migrate="refused: output")
    case("features-and-logits", "torch.onnx", export(Features(net), x[:2], names=("features", "logits")), npz(x, y), x, y, read=softmax)
    other = fit(body(4), x, y, nn.functional.cross_entropy, 60)
    case("mean-of-softmaxes", "torch.onnx", export(Mean(net, other), x[:2]), npz(x, y), x, y)
    few = slice(0, 6)
    case("mean-of-softmaxes-few", "torch.onnx", export(Mean(net, other), x[:2]), npz(x[few], y[few]), x[few], y[few], expect="refused or equal")
    nll = fit(Then(body(4), lambda v: v.log_softmax(1)), x, y, nn.functional.nll_loss)
    case("nll-loss", "torch.onnx", export(nll, x[:2]), npz(x, y), x, y, read=np.exp)
    twin = body(4).double()
    twin.load_state_dict(net.state_dict())
    case("double-input", "torch.onnx", export(twin, np.float64(x[:2])), npz(np.float64(x), y), np.float64(x), y, read=softmax)
    half = body(4)
    half.load_state_dict(net.state_dict())
    case("float16", "torch.onnx", export(half.half(), x[:2].astype(np.float16)), npz(x, y), x.astype(np.float16), y, read=lambda s: softmax(s.astype(np.float32)))
    wide = fit(body(6), x, y + 1, nn.functional.cross_entropy)
    case("background-class", "torch.onnx", export(wide, x[:2]), npz(x, y), x, y + 1, read=softmax, expect="warned", says=["classes"])
    case("more-outputs", "torch.onnx", export(fit(body(6), x, y, nn.functional.cross_entropy), x[:2]), npz(x, y), x, y, read=softmax)
    order = np.array([2, 0, 3, 1])
    moved = fit(body(4), x, order[y], nn.functional.cross_entropy)
    words = np.array(["bird", "cat", "dog", "fish"])
    case("classes-in-another-order", "torch.onnx", export(moved, x[:2]), csv(x, words[y]), x, order[y], read=softmax, expect="warned", says=["classes"])
    named = export(moved, x[:2])
    listed = [str(words[np.flatnonzero(order == k)[0]]) for k in range(4)]
    case("classes-in-a-file", "torch.onnx", named, csv(x, words[y]), x, order[y], read=softmax, beside={"labels.txt": "\n".join(listed)})
    meta = export(moved, x[:2])
    helper.set_model_props(meta, {"names": str(dict(enumerate(listed)))})
    case("classes-in-metadata", "ultralytics' metadata", meta, csv(x, words[y]), x, order[y], read=softmax)
    case("labels-from-1-torch", "torch.onnx", export(net, x[:2]), npz(x, y + 1), x, y, read=softmax, expect="refused", says=["--classes"], beside={"names.txt": "1\n2\n3\n4\n"}, cure=["--classes", "names.txt"])
    case("one-hot-labels", "torch.onnx", export(net, x[:2]), npz(x, np.eye(4, dtype=np.float32)[y]), x, y, read=softmax)
    case("another-models-data", "torch.onnx", export(net, x[:2]), npz(x[:, ::-1].copy(), y), x[:, ::-1].copy(), y, read=softmax, expect="warned or equal")


def binaries():
    x, y = blobs(2, seed=1)
    t = f32(y)[:, None]
    bce = nn.functional.binary_cross_entropy_with_logits
    one = fit(body(1), x, t, bce)
    raw = lambda name, after, read, truth=y, how=npz, **more: case(name, "torch.onnx", export(Then(one, after), x[:2]), how(x, truth), x, y, read=read, **more)
    same = lambda s: s
    raw("binary-logit", lambda v: v, sigmoid)
    raw("binary-sigmoid", lambda v: v.sigmoid(), same)
    raw("binary-sigmoid-squeeze", lambda v: v.sigmoid().squeeze(-1), same, how=csv)
    raw("binary-logit-squeeze", lambda v: v.squeeze(-1), sigmoid)
    raw("binary-float-labels", lambda v: v.sigmoid(), same, truth=f32(y))
    raw("binary-column-labels", lambda v: v.sigmoid(), same, truth=t)
    raw("binary-logit-float-labels", lambda v: v, sigmoid, truth=f32(y), expect="warned", says=["task"])
    raw("binary-two-columns", lambda v: torch.cat([1 - v.sigmoid(), v.sigmoid()], 1), same)
    raw("binary-clipped", lambda v: v.sigmoid().clamp(1e-7, 1 - 1e-7), same)
    raw("binary-log-sigmoid", lambda v: nn.functional.logsigmoid(v), np.exp, expect="refused", says=["logarithms", "sigmoid"], migrate="refused: logarithms")
    raw("binary-words", lambda v: v.sigmoid(), same, truth=np.where(y == 1, "spam", "ham"), how=csv, expect="warned or equal")
    raw("binary-hardsigmoid", lambda v: nn.functional.hardsigmoid(v), same)
    raw("binary-thresholded", lambda v: (v > 0).float(), same, expect="refused or equal")
    swapped = fit(body(1), x, 1 - t, bce)
    case("binary-other-way-round", "torch.onnx", export(Then(swapped, torch.sigmoid), x[:2]), csv(x, np.where(y == 1, "yes", "no")), x, 1 - y, expect="warned", says=["classes"])
    two = fit(body(2), x, y, nn.functional.cross_entropy)
    case("binary-two-logits", "torch.onnx", export(two, x[:2]), npz(x, y), x, y, read=softmax)
    case("binary-two-softmax", "torch.onnx", export(Then(two, lambda v: v.softmax(1)), x[:2]), jsonl(x, y), x, y)
    case("binary-second-column", "torch.onnx", export(Then(two, lambda v: v.softmax(1)[:, 1]), x[:2]), npz(x, y), x, y)
    case("binary-mean-of-sigmoids", "torch.onnx", export(Then(one, lambda v: (v.sigmoid() + (v * 0.8).sigmoid()) / 2), x[:2]), npz(x, y), x, y)
    tanh = fit(Then(body(1), torch.tanh), x, 2 * t - 1, nn.functional.mse_loss)
    case("binary-tanh-signs", "torch.onnx", export(tanh, x[:2]), npz(x, 2 * y - 1), x, y, read=lambda s: (s + 1) / 2, only=["accuracy", "macroF1", "auroc"])
    hinge = fit(body(1), x, 2 * t - 1, lambda p, q: (1 - p * q).clamp(min=0).mean())
    case("binary-hinge", "torch.onnx", export(hinge, x[:2]), npz(x, 2 * y - 1), x, y, read=sigmoid, only=["accuracy", "macroF1", "auroc"])
    x, labels = make_multilabel_classification(400, 8, n_classes=5, random_state=2)
    x, labels = f32(StandardScaler().fit_transform(x)), f32(labels)
    many = fit(body(5), x, labels, bce)
    case("multilabel-logits", "torch.onnx", export(many, x[:2]), npz(x, labels), x, labels, "multilabel", read=sigmoid)
    case("multilabel-sigmoid", "torch.onnx", export(Then(many, torch.sigmoid), x[:2]), npz(x, labels), x, labels, "multilabel")
    case("multilabel-int", "torch.onnx", export(Then(many, torch.sigmoid), x[:2]), npz(x, labels.astype(np.int64)), x, labels, "multilabel")
    case("multilabel-bool", "torch.onnx", export(Then(many, torch.sigmoid), x[:2]), npz(x, labels.astype(bool)), x, labels, "multilabel")


def regressions():
    x, y = make_regression(400, 8, noise=5, random_state=0)
    z = f32((y - y.mean()) / y.std())
    mse = nn.functional.mse_loss
    for name, mean, size in (("thousands", 250000, 80000), ("tiny", 2e-4, 5e-5), ("unit", 0.5, 0.12)):
        net = fit(body(1), x := f32(x), z[:, None], mse)
        module = Then(net, lambda v, m=mean, s=size: v * s + m)
        case(f"regression-{name}", "torch.onnx", export(module, x[:2]), csv(x, z * size + mean), x, z * size + mean, "regression")
    case("regression-squeezed", "torch.onnx", export(Then(net, lambda v: v.squeeze(-1)), x[:2]), npz(x, z), x, z, "regression")
    counts = np.round(np.clip(20 + 6 * z, 0, None))
    net = fit(Then(body(1), lambda v: v * 6 + 20), x, f32(counts)[:, None], mse, 300)
    case("regression-counts-int", "torch.onnx", export(net, x[:2]), npz(x, counts.astype(np.int64)), x, counts, "regression")
    case("regression-counts-csv", "torch.onnx", export(net, x[:2]), csv(x, counts.astype(int), target="age"), x, counts, "regression", options=["--target", "age"])
    stars = np.clip(np.round(3 + z), 1, 5).astype(int)
    net = fit(Then(body(1), lambda v: v + 3), x, f32(stars)[:, None], mse)
    case("regression-stars", "torch.onnx", export(net, x[:2]), csv(x, stars), x, stars, "regression")
    poisson = fit(body(1), x, f32(counts)[:, None], lambda p, t: nn.functional.poisson_nll_loss(p, t), 400)
    case("regression-poisson-exp", "torch.onnx", export(Then(poisson, torch.exp), x[:2]), npz(x, f32(counts)), x, counts, "regression")
    positive = fit(Then(body(1), nn.functional.softplus), x, f32(counts)[:, None], mse, 600, 0.02)
    case("regression-softplus", "torch.onnx", export(positive, x[:2]), npz(x, f32(counts) + np.float32(0.5)), x, counts + 0.5, "regression")
    share = sigmoid(z)
    beta = fit(Then(body(1), torch.sigmoid), x, share[:, None], mse)
    case("regression-share-sigmoid", "torch.onnx", export(beta, x[:2]), npz(x, share), x, share, "regression")
    scores = np.stack([z, -z, z**2], 1)
    three = fit(body(3), x, scores, mse, 500)
    case("regression-three", "torch.onnx", export(three, x[:2]), npz(x, scores), x, scores, "regression")
    case("regression-standardised-targets", "torch.onnx", export(fit(body(1), x, z[:, None], mse), x[:2]), csv(x, z * 80000 + 250000), x, z * 80000 + 250000, "regression", expect="warned or equal", migrate="refused: R2")


# ---------------------------------------------------------------- images

imagenet = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def pictures(count=240, seed=0):
    """Squares of one of four colours on a dull ground: uint8 [N, 16, 16, 3]."""
    rng = np.random.default_rng(seed)
    colours = np.array([[220, 70, 60], [70, 170, 80], [60, 150, 190], [220, 190, 160]])
    x = rng.integers(60, 150, (count, 16, 16, 3))
    y = rng.integers(0, 4, count)
    for i in range(count):
        a, b = rng.integers(0, 9, 2)
        x[i, a : a + 7, b : b + 7] = 0.35 * colours[y[i]] + 0.65 * x[i, a : a + 7, b : b + 7]
    return np.clip(x + rng.normal(0, 6, x.shape), 0, 255).astype(np.uint8), y.astype(np.int64)


def convolutions(channels=3, out=4):
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, out),
    )


def vision():
    pixels, y = pictures()
    names = np.array(["bus", "car", "tram", "van"])
    chw = np.transpose(pixels, (0, 3, 1, 2))
    ce = nn.functional.cross_entropy
    mean, std = (f32(v).reshape(1, 3, 1, 1) for v in imagenet)
    unit = f32(chw) / 255
    prepared = {
        "unit": unit,
        "imagenet": f32((unit - mean) / std),
        "signed": unit * 2 - 1,
        "bytes": f32(chw),
        "bgr": np.ascontiguousarray(unit[:, ::-1]),
    }
    folders = images(pixels, names[y])
    warned = lambda *says: {"expect": "warned", "says": says}
    for name, x in prepared.items():
        net = fit(convolutions(), x, y, ce, 250, 0.001 if name == "bytes" else 0.01)
        more = {"unit": {}, "bytes": warned("scale"), "bgr": warned("channelOrder")}.get(name, warned("mean"))
        case(f"images-{name}", "torch.onnx", export(net, x[:2]), folders, x, y, read=softmax, **more)
        if name == "imagenet":
            config = {"do_normalize": True, "image_mean": imagenet[0], "image_std": imagenet[1], "do_rescale": True, "rescale_factor": 1 / 255, "do_resize": False}
            case("images-hugging-face", "torch.onnx", export(net, x[:2]), folders, x, y, read=softmax, beside={"preprocessor_config.json": json.dumps(config)})
            case("images-with-options", "torch.onnx", export(net, x[:2]), folders, x, y, read=softmax, options=["--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"])
            case("images-floats-npz", "torch.onnx", export(net, x[:2]), npz(x, y), x, y, read=softmax)
            case("images-dynamo", "torch.onnx (dynamo)", export(net, x[:2], True), folders, x, y, read=softmax, options=["--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"])
        if name == "unit":
            inside = Then(net, before=lambda v: v.float() / 255)
            case("images-uint8-input", "torch.onnx", export(inside, chw[:2]), folders, chw, y, read=softmax)
            nhwc = Then(net, before=lambda v: v.permute(0, 3, 1, 2))
            case("images-nhwc", "torch.onnx", export(nhwc, f32(pixels[:2]) / 255), folders, f32(pixels) / 255, y, read=softmax)
            both = Then(net, before=lambda v: v.permute(0, 3, 1, 2).float() / 255)
            case("images-nhwc-uint8", "torch.onnx", export(both, pixels[:2]), npz(pixels, y), pixels, y, read=softmax)
            case("images-npz-hwc", "torch.onnx", export(net, x[:2]), npz(pixels, y), x, y, read=softmax)
            case("images-npz-chw", "torch.onnx", export(net, x[:2]), npz(chw, y), x, y, read=softmax)
            case("images-npz-bytes-as-floats", "torch.onnx", export(net, x[:2]), npz(f32(chw), y), x, y, read=softmax, expect="warned", says=["scale"])
            case("images-float-scaled-inside", "torch.onnx", export(Then(net, before=lambda v: v / 255), f32(chw[:2])), folders, f32(chw), y, read=softmax, expect="warned", says=["scale"])
            order = np.array([3, 1, 0, 2])
            moved = fit(convolutions(), x, order[y], ce, 250)
            case("images-classes-in-another-order", "torch.onnx", export(moved, x[:2]), folders, x, order[y], read=softmax, expect="warned", says=["classes"])
    x, y = load_digits(return_X_y=True)
    grey = f32(x.reshape(-1, 1, 8, 8)) / 16
    net = fit(convolutions(1, 10), grey, y, ce, 120, 0.02)
    case("digits-unit", "torch.onnx", export(net, grey[:2]), npz(grey[:, 0], y), grey, y, read=softmax)
    eight = (x.reshape(-1, 8, 8) * 15.9375).round().astype(np.uint8)
    shifted = f32(eight[:, None] / 255 - 0.1307) / np.float32(0.3081)
    net = fit(convolutions(1, 10), shifted, y, ce, 120, 0.02)
    case("digits-mnist-mean", "torch.onnx", export(net, shifted[:2]), images(eight[:600], y[:600].astype(str)), shifted[:600], y[:600], read=softmax, expect="warned", says=["mean"])


# ---------------------------------------------------------------- Keras through tf2onnx


def keras():
    layers, ce = tf.keras.layers, "sparse_categorical_crossentropy"

    def made(name, net, x, y, loss, data, truth=None, kind="classification", epochs=20, **more):
        tf.keras.utils.set_random_seed(0)
        model = tf.keras.Sequential([layers.Input(x.shape[1:]), *net])
        model.compile(tf.keras.optimizers.Adam(0.01), loss)
        model.fit(x, y, epochs=epochs, batch_size=32, verbose=0)
        spec = (tf.TensorSpec((None, *x.shape[1:]), tf.float32, name="input"),)
        proto, _ = tf2onnx.convert.from_function(tf.function(lambda v: model(v)), input_signature=spec, opset=15)
        case(name, "Keras, tf2onnx", proto, data, x, y if truth is None else truth, kind, **more)

    hidden = lambda: [layers.Dense(16, "relu"), layers.Dense(16, "relu")]
    x, y = blobs(4)
    made("keras-softmax", [*hidden(), layers.Dense(4, "softmax")], x, y, ce, npz(x, y))
    x, y = blobs(2, seed=1)
    made("keras-sigmoid", [*hidden(), layers.Dense(1, "sigmoid")], x, f32(y), "binary_crossentropy", csv(x, y), y)
    x, y = make_regression(400, 8, noise=5, random_state=0)
    x, y = f32(x), f32(y / y.std())
    made("keras-regression", [*hidden(), layers.Dense(1)], x, y, "mse", csv(x, y), kind="regression")
    pixels, y = pictures()
    names = np.array(["bus", "car", "tram", "van"])[y]
    net = lambda: [layers.Conv2D(8, 3, padding="same", activation="relu"), layers.BatchNormalization(), layers.MaxPool2D(), layers.Conv2D(16, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(4, "softmax")]
    # as many steps as the running statistics of a normalization need
    made("keras-images-unit", net(), f32(pixels) / 255, y, ce, images(pixels, names), epochs=80)
    made("keras-images-signed", net(), f32(pixels) / 127.5 - 1, y, ce, images(pixels, names), epochs=80, expect="warned", says=["mean"])
    made("keras-images-rescaling", [layers.Rescaling(1 / 255), *net()], f32(pixels), y, ce, images(pixels, names), epochs=80, expect="warned", says=["scale"])


# ---------------------------------------------------------------- Keras 2 through the converter of TensorFlow.js, in both formats


def tfjs():
    layers, ce = tf_keras.layers, "sparse_categorical_crossentropy"

    def made(name, net, x, y, loss, data, truth=None, kind="classification", epochs=20, logits=False, **more):
        tf_keras.utils.set_random_seed(0)
        model = tf_keras.Sequential([layers.Input(x.shape[1:]), *net])
        model.compile(tf_keras.optimizers.Adam(0.01), loss)
        model.fit(x, y, epochs=epochs, batch_size=32, verbose=0)
        said = model.predict(x, verbose=0)
        said = softmax(said) if logits else said
        truth = y if truth is None else truth

        def as_layers(path):
            tensorflowjs.converters.save_keras_model(model, str(path))

        def as_graph(path):
            saved = path.with_name("saved")
            model.export(str(saved))
            tensorflowjs.converters.convert_tf_saved_model(str(saved), str(path))
            shutil.rmtree(saved)

        case(f"{name}-layers", "Keras, tensorflowjs (layers)", as_layers, data, x, truth, kind, said=said, **more)
        case(f"{name}-graph", "Keras, tensorflowjs (graph)", as_graph, data, x, truth, kind, said=said, **more)

    hidden = lambda: [layers.Dense(16, "relu"), layers.Dense(16, "relu")]
    x, y = blobs(4)
    made("tfjs-softmax", [*hidden(), layers.Dense(4, "softmax")], x, y, ce, npz(x, y))
    logits = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made("tfjs-logits", [*hidden(), layers.Dense(4)], x, y, logits, csv(x, y), logits=True)
    made("tfjs-batchnorm", [layers.Dense(16), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.2), layers.Dense(4, "softmax")], x, y, ce, parquet(x, y))
    x, y = blobs(2, seed=1)
    made("tfjs-sigmoid", [*hidden(), layers.Dense(1, "sigmoid")], x, f32(y), "binary_crossentropy", csv(x, y), y)
    made("tfjs-sigmoid-flat", [*hidden(), layers.Dense(1, "sigmoid"), layers.Flatten()], x, f32(y), "binary_crossentropy", npz(x, y), y)
    made("tfjs-two-softmax", [*hidden(), layers.Dense(2), layers.Softmax()], x, y, ce, npz(x, y))
    x, y = make_multilabel_classification(400, 8, n_classes=4, random_state=0)
    x, y = f32(x), f32(y)
    made("tfjs-multilabel", [*hidden(), layers.Dense(4, "sigmoid")], x, y, "binary_crossentropy", npz(x, y), kind="multilabel")
    x, y = make_regression(400, 8, noise=5, random_state=0)
    x, y = f32(x), f32(y / y.std())
    made("tfjs-regression", [*hidden(), layers.Dense(1)], x, y, "mse", csv(x, y), kind="regression", epochs=60)
    pixels, y = pictures()
    names = np.array(["bus", "car", "tram", "van"])[y]
    net = lambda: [layers.Conv2D(8, 3, padding="same", activation="relu"), layers.MaxPool2D(), layers.Conv2D(16, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(4, "softmax")]
    made("tfjs-images-unit", net(), f32(pixels) / 255, y, ce, images(pixels, names))
    made("tfjs-images-signed", net(), f32(pixels) / 127.5 - 1, y, ce, images(pixels, names), expect="warned", says=["mean"])
    made("tfjs-images-rescaling", [layers.Rescaling(1 / 255), *net()], f32(pixels), y, ce, images(pixels, names), expect="warned", says=["scale"])
    made("tfjs-images-bgr", net(), f32(pixels[..., ::-1]) / 255, y, ce, images(pixels, names), expect="warned", says=["channelOrder"])


if __name__ == "__main__":
    folder.mkdir(parents=True, exist_ok=True)
    only = sys.argv[2:]
    if not only or "scikit-learn" in only:
        scikit_learn()
    if torch is not None and (not only or "torch" in only):
        torch.set_num_threads(1)
        classifiers()
        binaries()
        regressions()
        vision()
    if tf is not None and (not only or "keras" in only):
        keras()
    if tensorflowjs is not None and (not only or "tfjs" in only):
        tfjs()
    (folder / "expected.json").write_text(json.dumps(expected, indent=1))
    print(f"{len(expected)} cases in {folder}")

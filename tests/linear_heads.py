"""Features of three classes that overlap, and heads of one layer to fit to them."""

import numpy as np

from stages.datasets.prepared import Dataset
from stages.training import building, checkpoints
from stages.training.fitting import TrainingRun

LINEAR = {"dense_head": {"dense_units": []}}


def dataset(*, views=1, noise=1.0, n=60, c=4, seed=0):
    """Features of three classes: 3/5 train, 1/5 validate, 1/5 test; the more noise, the more they overlap."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 3)
    features = np.eye(3, c)[labels][:, None] + noise * rng.normal(size=(n, views, c))
    split = np.resize([0, 0, 1, 0, 2], n).astype(np.uint8)
    return Dataset(features.astype(np.float32), labels, split, ["a", "b", "c"], {}, {}, 8, "squash")


def run(folder, data, name="c", seed=0, network=LINEAR, **knobs):
    """Returns a run; those of one name share a checkpoint."""
    knobs = {"name": "tiny", "network": network, "penalties": [0.1]} | knobs
    model = building.from_features(data, knobs, seed)
    return TrainingRun("tiny", seed, model, data, knobs, folder / f"{name}.npz", "run", has_views=True)


def solution(run):
    layer = run.model.get_layer("head_logits")
    return [values.astype(np.float64) for values in checkpoints.state([layer.kernel, layer.bias])]


def of_split(data, split):
    rows = data.rows(split)
    return np.asarray(data.inputs[rows], np.float64), data.labels[rows]


def measured(run, data, split):
    """Returns loss and accuracy of a run's network on a split, of the mean over the views."""
    x, labels = of_split(data, split)
    kernel, bias = solution(run)
    found = softmax(x @ kernel + bias).mean(axis=1)
    loss = -np.log(found[np.arange(len(labels)), labels]).mean()
    return loss, (found.argmax(axis=1) == labels).mean()


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)

"""One way of training, a repetition for each line that comes in: what benchmarks.speed starts."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.speed import CASES
from stages.runtime import keras_import
from stages.runtime.errors import InputError, run
from stages.runtime.modules import find
from stages.study import items

BATCH = 32
IMAGES, BIRDS, FEATURES = (
    Path("data", *parts) for parts in (["cifar100"], ["cub200"], ["features", "cub200_resnet50"])
)
SPLITS, BACKBONE = Path("data/splits/cub200_resnet50"), Path("data/backbones/resnet50/backbone.keras")
Repeat = Callable[[], Any]


def main() -> None:
    """Computes and prints the seconds of a repetition whenever a line comes in."""
    what, way, name = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever else is printed
    if way == "torch":
        os.environ["KERAS_BACKEND"] = "torch"  # PyTorch crashes in a process that has TensorFlow
    if what == "flop":
        print(flop(load(name)), file=answers)
        return
    repeat, scale = peak() if what == "peak" else epoch(way, load(name))
    for _ in sys.stdin:
        start = time.perf_counter()
        repeat()
        print((time.perf_counter() - start) * scale, file=answers, flush=True)


def peak() -> tuple[Repeat, float]:
    """Returns what multiplies two matrices on one thread, ten times, and the share of one of them."""
    keras_import.load()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    matrix = tf.constant(np.random.default_rng(0).random((1024, 1024), np.float32))
    product = tf.function(lambda x: tf.matmul(x, x), jit_compile=False)
    return lambda: [product(matrix).numpy() for _ in range(10)], 1 / 10


def epoch(way: str, case: SimpleNamespace) -> tuple[Repeat, float]:
    """Returns what trains a few steps in one way, and by how much an epoch is longer."""
    if way in ("here", "plain"):
        from stages.training import backend

        backend.configure(threads=1)
    return WAYS[way](case), len(case.data.rows("train")) / len(case.rows)


def flop(case: SimpleNamespace) -> float:
    """Returns the arithmetic of an epoch, in floating-point operations of convolutions and dense layers.

    A layer computes its outputs, its kernel's gradient and, but for the first one, its inputs' gradient.
    """
    import keras

    image = keras.Input(case.data.inputs.shape[1:])  # on its own, a backbone takes any size
    passes, total = 2, 0
    for layer in keras.models.clone_model(build(case), input_tensors=image).layers:
        if hasattr(layer, "kernel"):
            positions = np.prod(layer.output.shape[1:-1], dtype=int)
            total += passes * 2 * int(np.prod(layer.kernel.shape)) * positions
            passes = 3
    return float(total * len(case.data.rows("train")))


def load(name: str) -> SimpleNamespace:
    """Returns settings, network, data and the training rows of a case.

    Raises:
        InputError: the data are missing.
    """
    if not IMAGES.exists() or not FEATURES.exists():
        raise InputError(
            "the real data are not prepared; run `dvc repro evaluate@basenet evaluate_head@mlp_head`"
        )
    stage, steps, _ = CASES[name]
    study = items.items(items.load(Path("params.yaml"), Path("report.yaml")))
    (knobs,) = (item.knobs for item in study if (item.stage, item.name) == (stage, name))
    keras_import.load()
    from stages.datasets import prepared

    case = SimpleNamespace(stage=stage, knobs=knobs)
    network, case.taken = next(iter(knobs.get("network", {}).items()), ("", {}))
    case.network = find("networks", network) if network else None
    array = case.network and case.network.LEARNS_FROM
    case.data = {
        "train": lambda: prepared.read(IMAGES),
        "train_head": lambda: prepared.read(SPLITS, FEATURES / f"{array}.npy"),
        "fine_tune": lambda: prepared.read(BIRDS),
    }[stage]()
    train = case.data.rows("train")
    case.rows = np.sort(np.random.default_rng(0).permutation(train)[: steps * BATCH])
    return case


def here(case: SimpleNamespace) -> Repeat:
    """Returns what trains as the stages do."""
    from stages.training import plan, session
    from stages.training.fitting import TrainingRun

    has_views = case.stage == "train_head"
    run = TrainingRun("", 0, build(case), case.data, case.knobs, Path(os.devnull), "", has_views=has_views)
    advance = session.prepare(run).step_function()
    n_views = case.data.inputs.shape[1] if has_views else None

    def repeat() -> None:
        drawn = plan.draw(case.rows, seed=0, epoch=1, augmentation=run.augmentation, n_views=n_views)
        for chunk in plan.chunks(drawn, case.data.inputs, case.data.labels, BATCH):
            zeros = np.zeros(len(chunk.inputs), np.float32)
            advance(chunk, zeros, zeros)

    return repeat


def plain(case: SimpleNamespace) -> Repeat:
    """Returns what trains as the stages do, without augmentation."""
    case.knobs = case.knobs | {"augmentation": []}
    return here(case)


def fit(case: SimpleNamespace) -> Repeat:
    """Returns what trains by Keras' `fit` on arrays, jit_compile and threads at their defaults."""
    model = compiled(case, build(case))
    inputs, labels = case.data.inputs[case.rows].astype(np.float32), case.data.labels[case.rows]
    inputs = inputs[:, 0] if case.stage == "train_head" else inputs
    return lambda: model.fit(inputs, labels, batch_size=BATCH, verbose=0)


def fit_through(case: SimpleNamespace) -> Repeat:
    """Returns what trains a head by `fit` on images, through the frozen backbone."""
    from stages.backbones import keras_file
    from stages.datasets import prepared
    from stages.features import joining
    from stages.training import fine_tuning

    model = joining.join(keras_file.load(BACKBONE), build(case))
    fine_tuning.unfreeze(model, "none")
    case.rows = case.rows[: 4 * BATCH]  # the backbone takes most of the time
    images = prepared.read(BIRDS).inputs[case.rows].astype(np.float32)
    labels = case.data.labels[case.rows]
    model = compiled(case, model)
    return lambda: model.fit(images, labels, batch_size=BATCH, verbose=0)


def report(case: SimpleNamespace) -> Repeat:
    """Returns what trains as the report does: NumPy augmentation in Python, then `fit` (report 2)."""
    import keras
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    amounts = dict(case.knobs.get("augmentation", ()))
    normalised = case.knobs.get("normalisation") == "featurewise"
    generator = ImageDataGenerator(
        featurewise_center=normalised,
        featurewise_std_normalization=normalised,
        zoom_range=amounts.get("zoom", 0.0),
        horizontal_flip=amounts.get("flip", False),
    )
    images, labels = case.data.inputs[case.rows].astype(np.float32) / 255, case.data.labels[case.rows]
    if normalised:
        generator.fit(images)
    inputs = keras.Input(images.shape[1:])
    outputs = case.network.build(inputs, n_classes=len(case.data.class_names), seed=0, **case.taken)
    model = compiled(case, keras.Model(inputs, outputs))
    return lambda: model.fit(generator.flow(images, labels, batch_size=BATCH), verbose=0)


def torch(case: SimpleNamespace) -> Repeat:
    """Returns what trains the same network in plain PyTorch."""
    import torch as pytorch
    from torch import nn

    knobs, channels, layers, size = case.taken, 3, [], 32
    kernel, per_block = (5, 1) if "base_net" in case.knobs["network"] else (3, 2)
    norm = knobs.get("batch_norm") == "before"
    rates = [*knobs.get("block_dropout", []), 0, 0]
    for number, width in enumerate(knobs["filters"], start=1):
        layers += [nn.Conv2d(channels, width, kernel), *([nn.BatchNorm2d(width)] if norm else []), nn.ReLU()]
        channels, size = width, size - kernel + 1
        if number % per_block == 0:
            layers += [nn.MaxPool2d(2), nn.Dropout(rates[number // per_block - 1])]
            size //= 2
    layers.append(nn.Flatten())
    channels *= size**2
    for width, rate in zip(knobs["dense_units"], [*knobs.get("dense_dropout", []), 0, 0], strict=False):
        layers += [nn.Linear(channels, width), *([nn.BatchNorm1d(width)] if norm else []), nn.ReLU()]
        layers.append(nn.Dropout(rate))
        channels = width
    network = nn.Sequential(*layers, nn.Linear(channels, len(case.data.class_names)))
    network = network.to(memory_format=pytorch.channels_last)
    images = pytorch.tensor(case.data.inputs[case.rows].transpose(0, 3, 1, 2) / np.float32(255))
    images, labels = (
        images.to(memory_format=pytorch.channels_last),
        pytorch.tensor(case.data.labels[case.rows]),
    )
    optimizer = pytorch.optim.SGD(network.parameters(), lr=0.01)

    def repeat() -> None:
        for batch in pytorch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            chosen = images[batch]
            if dict(case.knobs.get("augmentation", ())).get("flip"):
                mirrored = pytorch.rand(len(chosen), 1, 1, 1) < 0.5
                chosen = pytorch.where(mirrored, chosen.flip(3), chosen)
            nn.functional.cross_entropy(network(chosen), labels[batch]).backward()
            optimizer.step()

    return repeat


def build(case: SimpleNamespace) -> Any:
    """Builds the network of a case as its stage does."""
    from stages.training import building, fine_tuning

    if case.stage == "fine_tune":
        return fine_tuning.load(Path("models/frozen"), 0, case.knobs)
    how = building.from_images if case.stage == "train" else building.from_features
    return how(case.data, case.knobs, case.knobs["seed"])


def compiled(case: SimpleNamespace, model: Any) -> Any:
    """Compiles a model for `fit`."""
    import keras

    optimizer = keras.optimizers.get(case.knobs["optimizer"])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


WAYS = {
    "here": here,
    "plain": plain,
    "fit": fit,
    "fit_through": fit_through,
    "report": report,
    "torch": torch,
}


if __name__ == "__main__":
    run(main)

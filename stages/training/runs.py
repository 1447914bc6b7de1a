"""The seeds of a variant, from built networks to the folder of their results.

A finished seed is kept outside DVC's outs, which DVC deletes before a stage runs: more seeds train only the
new ones, and if DVC is killed before it has recorded the result, nothing is trained again.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from stages.datasets.prepared import LEFT_OUT, SPLITS, Dataset
from stages.runtime import atomic, cores, hashes, locks, store
from stages.runtime.errors import DAMAGE, InputError
from stages.runtime.modules import find
from stages.runtime.resolved import Resolved
from stages.training import backend, checkpoints, prediction, run_writer
from stages.training.fitting import Fitted, TrainingRun
from stages.training.saving import save_model

OF_THE_VARIANT = ("name", "seed", "seeds")  # knobs that neither a record nor a recipe repeats


@dataclass(frozen=True)
class Network:
    """A network as one seed of a variant trains it.

    Attributes:
        trained: from one input to probabilities.
        saved: what model.keras holds; it shares the layers of `trained`.
        measured: what predicts validation and test images; it shares them, too.
    """

    trained: keras.Model
    saved: keras.Model
    measured: keras.Model


@dataclass(frozen=True)
class Variant:
    """What the seeds of a variant have in common.

    Attributes:
        resolved: as `resolve` wrote it.
        data: what it learns from.
        dataset: its name.
        build: makes the network of a seed.
        stage: the module that trains it, such as stages.train.
        arguments: of that command, so that another process can help with the seeds.
        has_views: whether it learns from features, float[n, views, ...].
        start: returns run.json of what a seed starts from; None if it starts from scratch.
    """

    resolved: Resolved
    data: Dataset
    dataset: str
    build: Callable[[int], Network]
    stage: str
    arguments: Sequence[str]
    has_views: bool = False
    start: Callable[[int], Mapping[str, Any]] | None = None

    @property
    def name(self) -> str:
        """As in params.yaml."""
        return self.resolved.knobs["name"]

    @property
    def seeds(self) -> list[int]:
        """All of its seeds."""
        first = self.resolved.knobs["seed"]
        return list(range(first, first + self.resolved.knobs.get("seeds", 1)))

    @property
    def knobs(self) -> dict[str, Any]:
        """How it is trained, the same for each of its seeds."""
        return {knob: value for knob, value in self.resolved.knobs.items() if knob not in OF_THE_VARIANT}


def run(variant: Variant, folder: Path) -> None:
    """Trains the seeds of a variant, predicts validation and test, and writes models/<name>/seed-<s>.

    Seeds run side by side where cores are free. A killed run resumes after its last whole epoch when it is
    started again, a stopped one after its last step.

    Args:
        variant: what to train.
        folder: models/<name>, which appears whole or not at all; a helper leaves it to the process it helps.
    """
    store.free(store.FOLDER / "features", ["cache_features"])
    kept = checkpoints.store(folder)
    store.forget(kept.parent)
    fingerprints = {seed: _fingerprint(variant, seed) for seed in variant.seeds}
    is_alone = len(variant.seeds) == 1 or backend.device().startswith("gpu")
    has_work = partial(_has_free_seed, kept, fingerprints) if not is_alone else lambda: False
    threads = variant.resolved.knobs["threads"]
    with cores.helped(variant.stage, variant.arguments, threads, has_work):
        for seed, fingerprint in fingerprints.items():
            if (lock := locks.attempt(_lock(kept, seed))) is not None:
                try:
                    _finish(variant, seed, kept, fingerprint)
                finally:
                    os.close(lock)
            if cores.is_helper() and cores.is_wanted():
                return
    if cores.is_helper():
        return
    for seed, fingerprint in fingerprints.items():  # started but not finished by another process
        with locks.held(_lock(kept, seed), writing=folder):
            _finish(variant, seed, kept, fingerprint)
    with atomic.replacing(folder) as partial_folder:
        for seed in variant.seeds:
            _link(kept / f"seed-{seed}", partial_folder / f"seed-{seed}")


def _has_free_seed(kept: Path, fingerprints: Mapping[int, str]) -> bool:
    """Returns whether there is a seed that no process has trained or is training."""
    return any(
        not _is_kept(kept / f"seed-{seed}", fingerprint) and not locks.is_held(_lock(kept, seed))
        for seed, fingerprint in fingerprints.items()
    )


def _lock(kept: Path, seed: int) -> Path:
    return kept / f"seed-{seed}.lock"


def _is_kept(folder: Path, fingerprint: str) -> bool:
    """Returns whether a seed's folder is that of this very run."""
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return record["fingerprint"] == fingerprint
    except DAMAGE:
        return False


def _is_finished(folder: Path, fingerprint: str) -> bool:
    """Returns whether a seed's folder is that of this very run, and undamaged."""
    if not _is_kept(folder, fingerprint):
        return False
    try:
        hashes.check_files(folder, json.loads((folder / "run.json").read_text(encoding="utf-8"))["sha256"])
    except (FileNotFoundError, InputError):
        return False
    return True


def _finish(variant: Variant, seed: int, kept: Path, fingerprint: str) -> None:
    """Trains a seed and keeps its results, unless they are kept already."""
    folder = kept / f"seed-{seed}"
    if _is_finished(folder, fingerprint):
        return
    _forget_layers()
    network = variant.build(seed)
    start = variant.start(seed) if variant.start else {}
    training = TrainingRun(
        name=variant.name if len(variant.seeds) == 1 else f"{variant.name}, seed {seed}",
        seed=seed,
        model=network.trained,
        data=variant.data,
        knobs=variant.resolved.knobs,
        checkpoint=kept / f"seed-{seed}.npz",
        fingerprint=fingerprint,
        first_epoch=start.get("last_epoch", 0) + 1,
        has_views=variant.has_views,
    )
    fitted = find("trainers", variant.resolved.knobs.get("trainer", "sgd")).fit(training)
    _write(variant, training, network, fitted, folder)
    training.checkpoint.unlink(missing_ok=True)


def _forget_layers() -> None:
    """Restarts the numbering of layers, so that names do not depend on earlier runs; keeps the precision."""
    precision = keras.config.dtype_policy()
    keras.backend.clear_session()
    keras.config.set_dtype_policy(precision)


def _write(variant: Variant, training: TrainingRun, network: Network, fitted: Fitted, folder: Path) -> None:
    """Writes the results of a seed."""
    data, predict = variant.data, prediction.predictor(network.measured)
    predictions = {
        split: (
            prediction.probabilities(predict, data, split, has_views=variant.has_views),
            data.labels[data.rows(split)],
        )
        for split in ("validation", "test")
    }
    about = {
        **{"variant": variant.name, "dataset": variant.dataset, "class_names": data.class_names},
        **{"image_size": data.image_size, "resize": data.resize},
    }
    run_writer.write(
        folder,
        save_model=lambda path: save_model(network.saved, path, about),
        history=fitted.history,
        predictions=predictions,
        class_names=data.class_names,
        record=_record(variant, training, network.saved, fitted),
    )


def _record(variant: Variant, training: TrainingRun, saved: keras.Model, fitted: Fitted) -> dict[str, Any]:
    """Returns run.json: what ran on what, without times, so that equal runs are equal bytes."""
    data, rows = variant.data, fitted.history
    epochs = len(rows) if "epoch" in rows[0] else 0
    return {
        "name": variant.name,
        "seed": training.seed,
        "knobs": variant.knobs,
        "recipe": _recipe(variant, training.seed),
        "fingerprint": training.fingerprint,
        "code": variant.resolved.code,
        "notes": fitted.notes,
        "epochs": epochs,
        "last_epoch": training.first_epoch - 1 + epochs,
        "precision": variant.knobs.get("precision", "float32"),
        "parameters": {
            "total": saved.count_params(),
            "trainable": sum(int(np.prod(weight.shape)) for weight in saved.trainable_weights),
        },
        "classes": len(data.class_names),
        "splits": {split: len(data.rows(split)) for split in SPLITS}
        | {"left_out": int((data.split == LEFT_OUT).sum())},
        "dataset": variant.dataset,
        "inputs": data.hashes,
        "image_size": data.image_size,
        "resize": data.resize,
        **backend.environment(variant.knobs["threads"]),
    }


def _recipe(variant: Variant, seed: int) -> str:
    """Returns the hash of all that a result depends on, its start too, except chance, code and machine."""
    start = variant.start(seed)["recipe"] if variant.start else None
    return _hash([variant.knobs, variant.data.hashes, start])


def _fingerprint(variant: Variant, seed: int) -> str:
    """Returns the hash of all that the course of a run depends on."""
    start = variant.start(seed)["fingerprint"] if variant.start else None
    environment = backend.environment(variant.knobs["threads"])
    return _hash(
        [variant.name, seed, variant.knobs, variant.resolved.code, variant.data.hashes, start, environment]
    )


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _link(source: Path, target: Path) -> None:
    """Gives a folder's files second names in another folder."""
    target.mkdir(parents=True)
    for path in source.iterdir():
        atomic.link(path, target / path.name)

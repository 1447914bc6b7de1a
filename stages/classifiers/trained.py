"""A trained variant as one model from images to probabilities, joined to its backbone if it is a head."""

import difflib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from stages.backbones import keras_file
from stages.classifiers.ensemble import averaged
from stages.features import joining
from stages.results import run_folder
from stages.runtime.errors import InputError
from stages.runtime.hashes import check_files

MODELS, DATA = Path("models"), Path("data")


@dataclass(frozen=True)
class Classifier:
    """A network that takes images.

    Attributes:
        model: from RGB in [0, 255], float32[n, size, size, 3], to probabilities, float32[n, k]; views and
            seeds that are averaged are inside.
        class_names: k names, in the order of the probabilities.
        size: height and width of its images, in pixels.
        resize: how images become squares, see `stages.datasets.images.square`.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    size: int
    resize: str = "squash"

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Returns float32[n, k] for images uint8[n, size, size, 3]."""
        return np.asarray(self.model.predict_on_batch(images.astype(np.float32)), np.float32)


def names(models: Path = MODELS) -> list[str]:
    """Returns the variants that have been trained."""
    return sorted({path.parents[1].name for path in models.glob("*/seed-*/model.keras")})


def choose(variant: str | None, models: Path = MODELS) -> str:
    """Returns the variant that a user means: the only trained one, if none is named.

    Raises:
        InputError: it has not been trained, or there are several to choose from.
    """
    trained = names(models)
    if variant is None and len(trained) == 1:
        return trained[0]
    if variant in trained:
        return variant
    known = ", ".join(trained) or "none yet; `python -m stages.run` trains them"
    if variant is None:
        raise InputError(f"received no --variant, expected one that has been trained: {known}")
    close = difflib.get_close_matches(variant, trained, n=1)
    guess = f". Did you mean {close[0]!r}?" if close else ""
    raise InputError(f"received variant {variant!r}, expected one that has been trained: {known}{guess}")


def load(variant: str, *, models: Path = MODELS, data: Path = DATA, ensemble: bool = False) -> Classifier:
    """Loads models/<variant>, and the backbone that made its features if it is a head.

    Args:
        variant: its name.
        models: holds a folder per variant.
        data: holds the features.
        ensemble: whether all of its seeds are averaged; otherwise only the first is used.

    Raises:
        InputError: it has not been trained, its files were edited, or its backbone is another one now.
    """
    folders = run_folder.seed_folders(models / choose(variant, models))
    folders = folders if ensemble else folders[:1]
    record = run_folder.read_record(folders[0])
    model = averaged([_read(folder) for folder in folders])
    if not _takes_images(model.inputs[0].shape):
        model = joining.end_to_end(_features(variant, record, data), model)
    about = _about(folders[0] / "model.keras")
    return Classifier(model, tuple(about["class_names"]), about["image_size"], about["resize"])


def _read(folder: Path) -> keras.Model:
    """Returns the model of one seed, with its views inside."""
    check_files(folder, {"model.keras": run_folder.read_record(folder)["sha256"]["model.keras"]})
    return keras_file.read(folder / "model.keras")


def _about(path: Path) -> dict[str, Any]:
    """Returns what a saved model says about itself."""
    with zipfile.ZipFile(path) as file:
        about = json.loads(file.read("metadata.json"))
    if missing := {"class_names", "image_size", "resize"} - about.keys():
        raise InputError(
            f"{path} does not say its {', '.join(sorted(missing))}, as an earlier version of the code trained"
            " it; run `dvc repro`"
        )
    return about


def _takes_images(shape: Sequence[int | None]) -> bool:
    return len(shape) == 4 and shape[-1] == 3


def _features(variant: str, record: dict, data: Path) -> Path:
    """Returns the folder of a head's features, which must be those that it learnt from."""
    folder = data / "features" / record["dataset"]
    now = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["sha256"]
    if any(now[name] != value for name, value in record["inputs"].items() if name in now):
        raise InputError(f"{variant} learnt from features other than those in data; run `dvc repro` first")
    return folder

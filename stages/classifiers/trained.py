"""A trained variant as one model from images to probabilities, joined to its backbone if it is a head."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from stages.backbones import extractor, keras_file
from stages.results import run_folder
from stages.runtime.errors import InputError
from stages.runtime.hashes import check_files

MODELS, DATA = Path("models"), Path("data")


@dataclass(frozen=True)
class Classifier:
    """A network that takes images.

    Attributes:
        model: from RGB in [0, 255], float32[n, size, size, 3], to probabilities, float32[n, k].
        class_names: k names, in the order of the probabilities.
        size: height and width of its images, in pixels.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    size: int

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Returns float32[n, k] for images uint8[n, size, size, 3]."""
        return np.asarray(self.model.predict_on_batch(images.astype(np.float32)), np.float32)


def names(models: Path = MODELS) -> list[str]:
    """Returns the variants that have been trained."""
    return sorted(path.parent.name for path in models.glob("*/model.keras"))


def load(variant: str, *, models: Path = MODELS, data: Path = DATA) -> Classifier:
    """Loads models/<variant>, and the backbone that made its features if it is a head.

    Args:
        variant: its name.
        models: holds a folder per variant.
        data: holds the features, and what is known of datasets.

    Raises:
        InputError: it has not been trained, its files were edited, or its backbone is another one now.
    """
    folder = models / variant
    trained = names(models)
    if variant not in trained:
        known = ", ".join(trained) or "none yet; `python -m stages.run` trains them"
        raise InputError(f"received variant {variant!r}, expected one that has been trained: {known}")
    record = run_folder.read_record(folder)
    check_files(folder, {"model.keras": record["sha256"]["model.keras"]})
    model = keras_file.load(folder / "model.keras")
    if not _takes_images(model.inputs[0].shape):
        model = extractor.end_to_end(_backbone(variant, record, data), model)
    size = model.inputs[0].shape[1] or _image_size(data, record["dataset"])
    with zipfile.ZipFile(folder / "model.keras") as file:
        class_names = json.loads(file.read("metadata.json"))["class_names"]
    return Classifier(model, tuple(class_names), size)


def _takes_images(shape: Sequence[int | None]) -> bool:
    return len(shape) == 4 and shape[-1] == 3


def _image_size(data: Path, dataset: str) -> int:
    """Returns the pixels of a dataset's images, where the backbone takes any."""
    folder = data / "splits" / dataset  # where it is a dataset of features
    manifest = (folder if folder.exists() else data / dataset) / "manifest.json"
    return json.loads(manifest.read_text(encoding="utf-8"))["image_size"]


def _backbone(variant: str, record: dict, data: Path) -> keras.Model:
    """Loads the backbone of a head, which must have made the features that the head has learnt from."""
    features = json.loads(
        (data / "features" / record["dataset"] / "manifest.json").read_text(encoding="utf-8")
    )
    learnt = {name: value for name, value in record["inputs"].items() if name in features["sha256"]}
    if any(features["sha256"][name] != value for name, value in learnt.items()):
        raise InputError(
            f"{variant} has learnt from other features than those in data; run `dvc repro` first"
        )
    path = Path(features["backbone"])
    check_files(path.parent, {path.name: features["sha256"][path.name]})
    return keras_file.load(path)

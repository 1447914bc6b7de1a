"""The most confident mistakes as pictures, for a page on your own disk: the images belong to others."""

import base64
import io
from collections.abc import Callable
from functools import cache
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from stages.datasets import prepared
from stages.page.bilingual import percent, text
from stages.page.content import StudyView
from stages.results import run_folder
from stages.results.classification import predicted_labels
from stages.runtime.errors import InputError

MOST = 12  # of each variant
LARGEST = 160  # pixels
RED = np.array([230, 20, 20])

# Takes a variant's name, images uint8[n, size, size, 3] and a class for each; returns where the network
# looks, float32[n, height, width] in [0, 1].
Heat = Callable[[str, np.ndarray, np.ndarray], np.ndarray]


def mistakes(study: StudyView, data: Path, models: Path, heat: Heat | None = None) -> dict[str, str]:
    """Returns HTML for each variant that has run: the mistakes of its first seed.

    Args:
        study: content of the page.
        data: holds a folder per dataset.
        models: holds a folder per variant.
        heat: shows next to each image where the network looks for the class it predicts.

    Raises:
        InputError: a model was trained on other images than those in `data`, or a head on other labels.
    """
    opened, found = cache(prepared.read), {}
    for name, variant in study.variants.items():
        if variant.has_run and (models / name).is_dir():
            first = run_folder.seed_folders(models / name)[0]
            found[name] = _of_run(run_folder.read_seed(first), opened(data / variant.images), name, heat)
    return found


def _of_run(run: run_folder.TrainedRun, dataset: prepared.Dataset, name: str, heat: Heat | None) -> str:
    rows, labels = dataset.rows("test"), run.test.labels
    of_images = run.record["inputs"].get("images.npy")  # which a head on features does not have
    if of_images not in (None, dataset.hashes["images.npy"]) or not np.array_equal(
        dataset.labels[rows], labels
    ):
        raise InputError(f"{name} was tested on images other than those in data; run `dvc repro` first")
    predicted, confidence = predicted_labels(run.test), run.test.probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MOST]
    if not len(worst):
        return ""
    images = np.stack([dataset.inputs[rows[place]] for place in worst])
    pictures = [f'<img src="{_uri(image)}" alt="">' for image in images]
    if heat:
        looks = heat(name, images, predicted[worst])
        pictures = [
            f'{picture}<img src="{_uri(_heated(image, where))}" alt="">'
            for picture, image, where in zip(pictures, images, looks, strict=True)
        ]
    entries = [
        f"<li>{picture} {escape(run.class_names[labels[place]])}"
        f" → {escape(run.class_names[predicted[place]])} ({percent(confidence[place])})</li>"
        for place, picture in zip(worst, pictures, strict=True)
    ]
    title = text("mistakes")
    return f'<h4>{title}</h4><ul class="photos">{"".join(entries)}</ul>'


def _heated(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Returns the image in grey with what the network looks at in red, uint8[size, size, 3]."""
    size = image.shape[1::-1]
    share = np.asarray(Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
    grey = image.mean(axis=2, keepdims=True).repeat(3, axis=2)
    return (grey + (RED - grey) * 0.75 * share[:, :, np.newaxis]).astype(np.uint8)


def _uri(pixels: np.ndarray) -> str:
    """Returns an image as a data URI: a PNG if it is small, else a JPEG of at most LARGEST pixels."""
    image, buffer = Image.fromarray(np.asarray(pixels)), io.BytesIO()
    is_small = max(image.size) <= LARGEST // 2
    image.thumbnail((LARGEST, LARGEST))
    image.save(buffer, "PNG" if is_small else "JPEG")
    kind = "png" if is_small else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"

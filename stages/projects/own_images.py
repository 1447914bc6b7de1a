"""A folder of a user's own images: what `prepare` will make of it, and a study that suits it."""

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.datasets import balance, files, folder, packing
from stages.datasets.prepared import SPLITS
from stages.projects.backbone_files import BackboneFile

NAME = "photos"  # of the dataset, and of the link to the images
TEMPLATE = Path(__file__).with_name("own_images.params.yaml")
SIZE = 64  # pixels, for networks from scratch
VALIDATION_SHARE = 0.2
BATCH = 16
EPOCHS = 40  # at most, and
IMAGES = 60_000  # seen in a training, about a minute on one core; but never fewer than
FEWEST_EPOCHS = 10
SEEDS = 3  # if a training takes a minute or less
FEW = 2000  # training images, up to which it does
HEADS = """heads:
  linear_head: {{data: {name}_features, trainer: convex, end_to_end: true, threads: 2, network: dense_head,
    dense_units: [], feature_steps: [square_root, l2_norm],
    penalties: [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7]}}
"""


class Counts(NamedTuple):
    """The classes, and how many images of each are in each split.

    Attributes:
        names: of the classes.
        images: int64[classes, len(SPLITS)].
    """

    names: list[str]
    images: np.ndarray

    @property
    def of_classes(self) -> np.ndarray:
        """int64[classes], in all splits together."""
        return self.images.sum(axis=1)


def survey(source: Path, *, skip_damaged: bool) -> Counts:
    """Prepares the images as the study will, in a temporary folder, so that all faults are reported now.

    Args:
        source: holds a folder per class.
        skip_damaged: what cannot be read is skipped and counted.

    Raises:
        InputError: what `prepare` would refuse.
    """
    files.check(source)
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place, "scratch")
        scratch.mkdir()
        labelled = folder.read(
            source, classes=["all"], image_size=SIZE, scratch=scratch, skip_damaged=skip_damaged
        )
        packing.pack(Path(place), labelled, share=VALIDATION_SHARE, seed=0)
        labels, split = (np.load(Path(place, f"{name}.npy")) for name in ("labels", "split"))
    n = len(labelled.class_names)
    counts = [np.bincount(labels[split == number], minlength=n) for number in range(len(SPLITS))]
    return Counts(labelled.class_names, np.stack(counts, axis=1))


def params(counts: Counts, backbone: BackboneFile | None, *, skip_damaged: bool) -> str:
    """Returns params.yaml of a study of the images.

    Args:
        counts: of the images.
        backbone: for a head on its features; None for only networks from scratch.
        skip_damaged: as the survey was made.
    """
    train = int(counts.images[:, 0].sum())
    epochs = int(np.clip(IMAGES // train, FEWEST_EPOCHS, EPOCHS))
    return TEMPLATE.read_text(encoding="utf-8").format(
        name=NAME,
        size=SIZE,
        share=VALIDATION_SHARE,
        damaged="true " if skip_damaged else "false",
        batch=BATCH,
        epochs=epochs,
        patience=max(3, epochs // 4),
        weights="balanced" if balance.is_unbalanced(counts.of_classes) else "none    ",
        seeds=SEEDS if train <= FEW else 1,
        backbones=backbone.entry(NAME) if backbone else "backbones: {}\nfeatures: {}\n",
        heads=HEADS.format(name=NAME) if backbone else "heads: {}\n",
    )


def told(counts: Counts) -> str:
    """Returns how many images there are, and what is unusual about them."""
    splits = ", ".join(f"{n} {name}" for n, name in zip(counts.images.sum(axis=0), SPLITS, strict=True))
    found = f"{counts.images.sum()} images of {len(counts.names)} classes ({splits})"
    return "\n".join(filter(None, (found, balance.remark(counts.names, counts.of_classes))))

"""What becomes of the report's comparisons if validation images are augmented, too; writes a page of docs/.

The report draws training and validation images from one ImageDataGenerator (section 2.2), which augments
both. Here validation images are as they are. This measures trained models of the study, in its folder, both
ways. The text of the page after the table is kept.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from benchmarks.speed import kept
from stages.backbones import keras_file
from stages.datasets import prepared
from stages.results import run_folder, seed_intervals
from stages.runtime.atomic import replacing
from stages.runtime.errors import run
from stages.runtime.modules import find
from stages.training.plan import Chance
from stages.training.prediction import loss_and_accuracy, predictor

PAGE = Path("docs/augmented-validation.md")
PASSES = 5  # over the validation images, each with its own draws
WAYS, KEYS = ("plain", "augmented"), ("accuracy", "loss")
KEPT = "\n## What came of it\n"
TOP = """# Augmented validation images

Written by `python -m benchmarks.augmented_validation {names}`:
trained networks of the study on the validation images as they are, and augmented as their training images
were. Means over {seeds} seeds. A difference is from `{base}`, with Welch's 95 % interval over the seeds; on
augmented images it compares what the report's figures compare, each variant on its own kind of images.
"""
Measured = Mapping[str, np.ndarray]  # of KEYS, float64[seeds, 2]: a column for each of WAYS


def main(argv: Sequence[str] | None = None) -> None:
    """Measures the variants, writes the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.augmented_validation", description=__doc__)
    parser.add_argument(
        "names", nargs="+", metavar="NAME", help="trained variants of models/, the base first"
    )
    arguments = parser.parse_args(argv)
    found = {name: of_variant(Path("models", name)) for name in arguments.names}
    with replacing(PAGE) as partial:
        partial.write_text(page(found) + kept(PAGE, KEPT), encoding="utf-8")


def of_variant(folder: Path) -> Measured:
    """Returns what the seeds of a variant make of validation images, plain and augmented."""
    runs = [(path, run_folder.read_seed(path).record) for path in run_folder.seed_folders(folder)]
    dataset = prepared.read(Path("data", runs[0][1]["dataset"]))
    rows = dataset.rows("validation")
    images, labels = np.asarray(dataset.inputs[rows], np.float32), dataset.labels[rows]
    values = []
    for path, record in runs:
        predict = predictor(keras_file.read(path / "model.keras"))
        augmentation = record["knobs"].get("augmentation", [])
        passes = [augmented(images, augmentation, record["seed"], number) for number in range(PASSES)]
        plain, *others = (loss_and_accuracy(predict(seen), labels) for seen in (images, *passes))
        values.append([(plain[key], np.mean([other[key] for other in others])) for key in KEYS])
    print(f"{folder.name}: {len(values)} seeds", flush=True)
    return dict(zip(KEYS, np.array(values).transpose(1, 0, 2), strict=True))


def augmented(
    images: np.ndarray, augmentation: Sequence[tuple[str, object]], seed: int, number: int
) -> np.ndarray:
    """Returns images as the training of a seed would see them in one pass, float32[n, height, width, 3].

    Args:
        images: float32[n, height, width, 3].
        augmentation: (name, amount) of each.
        seed: of the training run.
        number: of the pass.
    """
    seen, targets = keras.ops.convert_to_tensor(images), keras.ops.zeros((len(images), 1))
    for name, amount in augmentation:
        part = find("augmentation", name)
        draws = part.draw(Chance(seed, number, f"validation {name}"), len(images), amount)
        seen, targets = part.apply(seen, targets, keras.ops.convert_to_tensor(draws), amount=amount)
    return keras.ops.convert_to_numpy(seen)


def page(found: Mapping[str, Measured]) -> str:
    """Returns the table, a row per variant; the first is the one that others are compared with."""
    base, *_ = found
    heads = [f"{key}, {way} | difference [95 %]" for key in KEYS for way in WAYS]
    lines = [f"| variant | {' | '.join(heads)} |", f"| --- |{' ---: |' * 2 * len(heads)}"]
    for name, values in found.items():
        cells = [f"`{name}`"]
        for key in KEYS:
            for way in range(len(WAYS)):
                here, there = values[key][:, way], found[base][key][:, way]
                cells += [f"{here.mean():.3f}", "" if name == base else _difference(here, there)]
        lines.append(f"| {' | '.join(cells)} |")
    top = TOP.format(names=" ".join(found), base=base, seeds=len(found[base]["loss"]))
    return f"{top}\n" + "".join(f"{line}\n" for line in lines)


def _difference(values: np.ndarray, others: np.ndarray) -> str:
    value, low, high, *_ = seed_intervals.of_difference(values, others)
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"


if __name__ == "__main__":
    run(main)

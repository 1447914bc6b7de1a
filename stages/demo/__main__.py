"""Runs the whole study on generated archives, in minutes and offline.

Makes a folder that is a git and DVC project of its own, with small archives in the official formats and the
very same pipeline: a place to try out stages.run, dvc repro, dvc exp run and dvc plots.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from ruamel.yaml import YAML

from stages.demo.mirror import write_checksums, write_mirror
from stages.projects.founding import commit, founded
from stages.runtime.errors import InputError, run

EPOCHS_DIVIDED_BY = {"variants": 30, "heads": 10, "fine_tunes": 5}
IMAGE_SIZE = 32  # pixels; the small backbone makes maps of 4x4 of them
SEEDS = {"basenet": 2}  # inherited by all that extend it; one each for what sets its own


def main(argv: list[str] | None = None) -> None:
    """Makes the demo project if there is none yet, and runs what has not run yet."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.demo", description=__doc__, epilog="example: python -m stages.demo demo"
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("demo"), help="default: demo")
    folder = parser.parse_args(argv).folder

    start = time.monotonic()
    if not folder.exists():
        create(folder)
    elif not (folder / "mirror").is_dir():
        raise InputError(f"{folder} exists and is not a demo project; name another folder, or remove it")
    reproduce(folder)
    minutes = (time.monotonic() - start) / 60
    print(f"""
The study ran on generated images in {minutes:.1f} minutes. All of it is in {folder}/, look at
  plots/report.html        everything on one page, for any browser (the figures are of generated images)
  plots/summary.md         every variant against the report
  plots/comparisons/       the ladders, and the report's comparisons
  plots/variants/basenet/  learning curves with the band of its seeds, confusion, accuracy per class
  models/final/seed-0/model.keras   a trained network, for keras.saving.load_model
and try, after cd {folder}:
  uv run python -m stages.predict IMAGE --variant final   what is on it? Of drawings it knows something
  uv run dvc repro                              does nothing: all is up to date
  uv run dvc exp run -S variants.final.epochs=8 trains one variant again
  uv run dvc metrics diff                       what that changed
  uv run dvc plots show --open                  every comparison on one page, offline""")


def create(folder: Path) -> None:
    """Makes a project with the same code, demo parameters and a mirror of generated archives."""
    with founded(folder, "Start the demo") as partial:
        write_parameters(partial / "params.yaml")
        generate(partial / "mirror")
        with (partial / ".gitignore").open("a", encoding="utf-8") as file:
            file.write("/mirror/\n")


def write_parameters(path: Path) -> None:
    """Gives params.yaml the demo's mirror, classes, image sizes, layers, seeds and epochs; comments stay."""
    yaml = YAML()
    study = yaml.load(path.read_text(encoding="utf-8"))
    study["mirror"] = "mirror"
    study["datasets"]["cifar100"]["classes"] = ["0-9"]
    for section in ("datasets", "features"):
        for entry in study[section].values():
            entry["image_size"] = IMAGE_SIZE
            if "layers" in entry:  # conv4_block6_out of ResNet50 is conv4_relu of the small backbone
                entry["layers"] = [f"{layer.partition('_')[0]}_relu" for layer in entry["layers"]]
    for section, divisor in EPOCHS_DIVIDED_BY.items():
        for name, variant in study[section].items():
            if "epochs" in variant:
                variant["epochs"] = max(2, variant["epochs"] // divisor)
            if "seeds" in variant:
                variant["seeds"] = SEEDS.get(name, 1)
            if "test_image_size" in variant:
                variant["test_image_size"] = IMAGE_SIZE
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(study, file)


def generate(mirror: Path) -> None:
    """Writes small archives in the official formats and a small backbone."""
    from stages.runtime import keras_import

    keras_import.load()
    from stages.demo import small_backbone
    from stages.training.saving import save_model

    write_mirror(mirror, train_per_class=12, train_per_species=12, test_per_species=8)
    save_model(small_backbone.build(), mirror / "resnet50_backbone.keras")
    write_checksums(mirror)


def reproduce(folder: Path) -> None:
    """Runs the stages in the project and commits their results."""
    environment = dict(os.environ)
    environment.pop("DATA_MIRROR", None)  # the demo has a mirror of its own
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or 30 processes would each compile TensorFlow
    if subprocess.run([sys.executable, "-m", "stages.run"], cwd=folder, env=environment).returncode:
        raise InputError(f"the study in {folder} is not complete, see above")
    commit(folder, "Run the study")


if __name__ == "__main__":
    run(main)

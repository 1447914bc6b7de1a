"""The whole study in minutes, without a network: python -m stages.demo [FOLDER].

Generates small archives in the official formats and runs the very same pipeline on them, in a folder
that is a git and DVC project of its own: a place to try dvc repro, dvc exp run and dvc plots in.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from ruamel.yaml import YAML

from stages.atomic import replacing
from stages.datasets.generated import write_checksums, write_mirror
from stages.errors import InputError, run

ROOT = Path(__file__).parent.parent
PROJECT = ("stages", "dvc.yaml", "params.yaml", ".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore")
PROJECT_PLOTS = ".dvc/plots"
EPOCHS_DIVIDED_BY = {"variants": 6, "heads": 2, "fine_tunes": 2}
IMAGE_SIZE = 40  # pixels of the birds; the small backbone makes 5x5 maps of them


def main() -> None:
    """Makes the demo project where there is none yet, and runs what of it has not run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("demo"), help="default: demo")
    folder = parser.parse_args().folder

    start = time.monotonic()
    if not folder.exists():
        create(folder)
    elif not (folder / "mirror").is_dir():
        raise InputError(f"{folder} exists and is no demo project; name another folder, or remove it")
    reproduce(folder)
    minutes = (time.monotonic() - start) / 60
    print(f"""
The study ran on generated pictures in {minutes:.1f} minutes. All of it is in {folder}/, look at
  plots/summary.md         every variant beside the report (the figures are of generated pictures)
  plots/comparisons/       the report's comparisons, a picture each
  plots/variants/final/    learning curves, confusion matrix, accuracy per class
  models/final/model.keras a trained network, for keras.saving.load_model
and try, after cd {folder}:
  uv run dvc repro                              does nothing: all is up to date
  uv run dvc exp run -S variants.final.epochs=5 trains one variant again
  uv run dvc metrics diff                       what that changed
  uv run dvc plots show --open                  every curve on one page, offline""")


def create(folder: Path) -> None:
    """Makes a project with the same code, demo parameters and a mirror of generated archives."""
    with replacing(folder) as partial:
        partial.mkdir()
        for name in (*PROJECT, PROJECT_PLOTS):
            copy(ROOT / name, partial / name)
        write_parameters(partial / "params.yaml")
        generate(partial / "mirror")
        with (partial / ".gitignore").open("a", encoding="utf-8") as file:
            file.write("/mirror/\n")
        _call(["git", "init", "--quiet"], partial)
        commit(partial, "Start the demo")


def write_parameters(path: Path) -> None:
    """Gives params.yaml the demo's mirror, classes and epochs; comments stay."""
    yaml = YAML()
    study = yaml.load(path.read_text(encoding="utf-8"))
    study["mirror"] = "mirror"
    study["datasets"]["cifar100"]["classes"] = ["0-9"]
    study["datasets"]["cub200"]["image_size"] = IMAGE_SIZE
    for section, divisor in EPOCHS_DIVIDED_BY.items():
        for variant in study[section].values():
            if "epochs" in variant:
                variant["epochs"] = max(1, variant["epochs"] // divisor)
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(study, file)


def generate(mirror: Path) -> None:
    """Writes small archives in the official formats and a small backbone."""
    from stages.networks import small_backbone
    from stages.training.saving import save_model

    write_mirror(mirror, train_per_species=30, test_per_species=12)
    save_model(small_backbone.build(), mirror / "resnet50_backbone.keras")
    write_checksums(mirror)


def reproduce(folder: Path) -> None:
    """Runs dvc repro in the project and commits its results."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("DATA_MIRROR", None)  # the demo has a mirror of its own
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or 30 processes compile TensorFlow's Python each
    if subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=folder, env=environment).returncode:
        raise InputError(f"dvc repro failed in {folder}, see above; the same command goes on from there")
    commit(folder, "Run the study")


def commit(folder: Path, message: str) -> None:
    """Commits all that git tracks, where there is something to commit."""
    _call(["git", "add", "--all"], folder)
    if subprocess.run(["git", "diff", "--cached", "--quiet"], cwd=folder).returncode:
        author = ["-c", "user.name=demo", "-c", "user.email=demo@localhost"]
        _call(["git", *author, "commit", "--quiet", "--message", message], folder)


def copy(source: Path, target: Path) -> None:
    """Copies a file or a folder of the project, without what Python compiled of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _call(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True)
    except FileNotFoundError:
        raise InputError(f"{command[0]} is not installed; the demo is a {command[0]} project") from None


if __name__ == "__main__":
    run(main)

"""A study of five small networks, run by real DVC: what is there afterwards, and which edit runs what again.

Most edits are answered by `resolve` and `dvc status`, which takes seconds: status names every stage whose own
inputs differ from those it last ran with, and only such a stage can run. The stages after it (an evaluation
after its training) have the old inputs until it has run, and are run if its outputs then differ; tests that
really reproduce the study count them too.
"""

import io
import itertools
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from stages.demo import small_backbone
from stages.demo.drawings import write_folder
from stages.demo.mirror import write_checksums, write_mirror
from stages.projects.founding import PROJECT, commit, copy

ROOT = Path(__file__).parent.parent
PARAMS = """
mirror: mirror
sources: {cifar100: %s}
datasets:
  shapes: {format: cifar100, from: data/archives/cifar100, classes: [0-2], image_size: 32, validation_share: 0.25, split_seed: 0}
  own: {format: folder, from: own_images, classes: [all], image_size: 16, validation_share: 0.2, split_seed: 0, test_share: 0.2}
backbones:
  small: {format: keras_file, from: small.keras}
features:
  shapes_small: {dataset: shapes, backbone: small, threads: 1, batch_size: 32, image_size: 32, views: {mirror: true}}
defaults:
  seed: 0
  threads: 1
  epochs: 1
  batch_size: 32
  optimizer: {class_name: SGD, config: {learning_rate: 0.01}}
  network: base_net
  filters: [2, 3]
  dense_units: [4]
  unfreeze: all
variants:
  plain: {data: shapes, seeds: 2}
  flipped: {data: shapes, network: deeper_net, filters: [2, 2, 3, 3], flip: true}
heads:
  head: {data: shapes_small, network: dense_head, dense_units: [], end_to_end: true}
  optimum: {data: shapes_small, extends: head, trainer: convex, penalties: [0.1, 0.01], feature_steps: [l2_norm]}
fine_tunes:
  tuned: {data: shapes, starts_from: head, unfreeze: conv5}
"""  # noqa: E501
REPORT = """
datasets: {shapes: {classes: 3, first_class: apple, last_class: baby, train: 36, validation: 12, test: 18}}
results: {plain: {dataset: shapes, epochs: 1, accuracy: 0.5}}
comparisons:
  augmentation: {report: Fig. 9, variants: [plain, flipped]}
"""
TRAINED_BY = {
    **dict.fromkeys(("plain", "flipped"), "train"),
    **dict.fromkeys(("head", "optimum"), "train_head"),
    "tuned": "fine_tune",
}
TRAININGS = {f"{stage}@{name}" for name, stage in TRAINED_BY.items()}
EVALUATIONS = {"evaluate@plain", "evaluate@flipped"}
EVALUATIONS |= {"evaluate_head@head", "evaluate_head@optimum", "evaluate_fine_tune@tuned"}
SUMMARIES = {"compare", "report"}
HEADS = {"train_head@head", "train_head@optimum"}
OF_DATA = {"download@cifar100", "prepare@shapes", "prepare@own"}
OF_FEATURES = {"build_backbone@small", "cache_features@shapes_small", "label_features@shapes_small"}


def call(*command: str, folder: Path) -> str:
    """Runs a command of the environment in a folder and returns what it printed."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("DATA_MIRROR", None)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or each process compiles TensorFlow's Python
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def stages_run(printed: str) -> list[str]:
    """Returns the stages that DVC says it ran, or took from its cache of former runs."""
    return re.findall(r"(?:Running stage|Stage) '(.+?)'(?::| is cached)", printed)


def repro(folder: Path, *targets: str) -> set[str]:
    return set(stages_run(call("dvc", "repro", *targets, folder=folder)))


def status(folder: Path) -> set[str]:
    return set(json.loads(call("dvc", "status", "--json", folder=folder)))


def would_run(folder: Path) -> set[str]:
    """Resolves, and returns the stages whose own inputs then differ from those they last ran with."""
    call(sys.executable, "-m", "stages.resolve", "params.yaml", "report.yaml", "data/resolved", folder=folder)
    return status(folder) - {"resolve"}


def edit(path: Path, old: str, new: str) -> None:
    """Replaces what is there once; without `old`, appends to the file or makes it."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    assert not old or text.count(old) == 1, f"{old!r} is in {path} {text.count(old)} times"
    path.write_text(text.replace(old, new) if old else text + new, encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the whole study has run."""
    base = tmp_path_factory.mktemp("study")
    folder = base / "project"
    for name in PROJECT:
        copy(ROOT / name, folder / name)
    sources = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["sources"]
    (folder / "params.yaml").write_text(PARAMS % json.dumps(sources["cifar100"]), encoding="utf-8")
    (folder / "report.yaml").write_text(REPORT, encoding="utf-8")
    # A cache outside, so that copies of the project share it.
    (folder / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {base / 'cache'}\n")
    write_mirror(folder / "mirror", n_classes=3, train_per_class=16, test_per_class=6, n_species=0)
    write_folder(folder / "own_images")
    small_backbone.build().save(folder / "small.keras")
    with (folder / ".gitignore").open("a") as file:
        file.write("/mirror/\n/own_images/\n/small.keras\n")
    call("git", "init", "--quiet", folder=folder)
    commit(folder, "Start")
    call(sys.executable, "-m", "stages.run", folder=folder)  # which imports Keras once for all stages
    commit(folder, "Run the study")
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of it to edit."""
    return shutil.copytree(finished, tmp_path / "project")


# --- what is there afterwards


def test_dvc_runs_every_stage_once_and_an_evaluation_right_after_its_training(project: Path) -> None:
    order = stages_run(call("dvc", "repro", "--force", "--dry", folder=project))
    assert sorted(order) == sorted({"resolve", *SUMMARIES} | OF_DATA | OF_FEATURES | TRAININGS | EVALUATIONS)
    followed = {after: before for before, after in itertools.pairwise(order)}
    for name, stage in TRAINED_BY.items():
        evaluation = next(found for found in EVALUATIONS if found.endswith(f"@{name}"))
        assert followed[evaluation] == f"{stage}@{name}"


def test_every_variant_has_a_model_metrics_and_plots(finished: Path) -> None:
    for name in TRAINED_BY:
        seeds = {path.name: path for path in (finished / "models" / name).iterdir()}
        assert set(seeds) == ({"seed-0", "seed-1"} if name == "plain" else {"seed-0"})
        for folder in seeds.values():
            files = {path.name for path in folder.iterdir()}
            assert (
                folder / "model.keras"
            ).stat().st_mode & 0o777 == 0o444  # so that nobody edits it by mistake
            assert files == {"history.csv", "model.keras", "predictions.npz", "run.json"}
        record = json.loads((finished / "plots/variants" / name / "run.json").read_text(encoding="utf-8"))
        assert record["provenance"] == "generated"
    assert "| `tuned` |" in (finished / "plots/summary.md").read_text(encoding="utf-8")
    assert list((finished / "plots/comparisons").glob("augmentation*"))
    assert call("git", "status", "--porcelain", folder=finished) == ""


def test_nothing_runs_again_without_an_edit_and_verify_finds_nothing(project: Path) -> None:
    assert repro(project) == set()
    assert call(sys.executable, "-m", "stages.verify", folder=project) == "0 findings\n"


def test_metrics_fit_on_a_screen_and_the_page_of_plots_needs_no_network(project: Path) -> None:
    shown = call("dvc", "metrics", "show", folder=project)
    assert len(shown.splitlines()) == len(TRAINED_BY) + 1
    assert max(map(len, shown.splitlines())) <= 140
    call("dvc", "plots", "show", folder=project)
    page = (project / "dvc_plots/index.html").read_text(encoding="utf-8")
    assert re.findall(r"""(?:src|href)=["']https?://[^"']+""", page) == []
    assert "Augmentation: validation loss" in page


# --- which edits run what again


NEW_NETWORK = '''"""A network as small as can be."""
import keras

LEARNS_FROM = "images"


def build(inputs, *, n_classes, seed):
    """Averages each channel."""
    x = keras.layers.GlobalAveragePooling2D(name="pool")(inputs)
    start = keras.initializers.GlorotUniform(seed)
    return keras.layers.Dense(n_classes, "softmax", kernel_initializer=start, name="probabilities")(x)
'''
NEW_AUGMENTATION = '''"""Brightness, scaled."""
import numpy as np


ORDER = 35


def draw(chance, n, amount):
    """Draws a factor for each image, float32[n, 1]."""
    return chance.of_epoch.uniform(1 - amount, 1 + amount, (n, 1)).astype(np.float32)


def apply(images, targets, draws, *, amount):
    """Scales all values."""
    return images * draws[:, :, None, None], targets
'''
KNOB = '    brighten: Rate = Field(0.0, description="a factor in [1 - brighten, 1 + brighten]")\n'
NEUTRAL = [  # test_fingerprint.py has all of them; here DVC answers
    # what no result depends on
    ("runtime/locks.py", "", "\nEDITED = 1\n"),
    ("networks/base_net.py", "    x = inputs\n", "    x = inputs  # images\n"),
    ("../params.yaml", "  plain:", "  # ours\n  plain:"),
    # what no variant uses
    ("study/knobs.py", "    cutout:", f"{KNOB}    cutout:"),
    ("networks/tiny_net.py", "", NEW_NETWORK),
    ("augmentation/zoom.py", "", "\nEDITED = 1\n"),
    ("schedules/cosine.py", "", "\nEDITED = 1\n"),
    ("demo/drawings.py", "", "\nEDITED = 1\n"),
    ("../params.yaml", "flip: true}", "flip: true, ema: 0.0}"),
]
LARGE = "  large: {dataset: shapes, backbone: small, threads: 1, batch_size: 32, image_size: 48}"
EDITS = {  # several at once, none of which concerns a stage of another: (file, old, new, stages)
    "code of one kind": [
        ("augmentation/flip.py", "", "\nEDITED = 1\n", {"train@flipped"}),
        ("trainers/convex.py", "", "\nEDITED = 1\n", {"train_head@optimum"}),
        ("datasets/folder.py", "", "\nEDITED = 1\n", {"prepare@own"}),
        ("page/page.css", "", "\n/* edited */\n", {"report"}),
    ],
    "code that many share": [
        ("training/runs.py", "", "\nEDITED = 1\n", TRAININGS),
        ("datasets/splits.py", "", "\nEDITED = 1\n", {"prepare@shapes", "prepare@own"}),
        ("results/summary.py", "", "\nEDITED = 1\n", SUMMARIES),
    ],
    "a schedule and what is measured": [
        ("schedules/constant.py", "", "\nEDITED = 1\n", TRAININGS - {"train_head@optimum"}),
        ("results/classification.py", "", "\nEDITED = 1\n", EVALUATIONS | {"report"}),
    ],
    "knobs": [
        ("../params.yaml", "flip: true}", "flip: true, ema: 0.9}", {"train@flipped", "report"}),
        ("../params.yaml", "units: [], end", "units: [], ema: 0.9, end", {"train_head@head", "report"}),
        ("../params.yaml", "[0.1, 0.01]", "[0.1, 0.02]", {"train_head@optimum", "report"}),
        ("../params.yaml", "mirror: true", "shift: 1", {"cache_features@shapes_small"}),
        (
            *("../params.yaml", "features:\n", f"features:\n{LARGE}\n"),
            {"prepare@shapes", "cache_features@large", "label_features@large"},
        ),
    ],
    "a network and more seeds of another": [
        ("networks/deeper_net.py", "MaxPooling2D(2,", "AveragePooling2D(2,", {"train@flipped"}),
        ("../params.yaml", "seeds: 2", "seeds: 3", {"train@plain"}),
    ],
    "a figure of the report": [("../report.yaml", "accuracy: 0.5", "accuracy: 0.6", SUMMARIES)],
}


def test_what_no_result_depends_on_and_what_no_variant_uses_runs_nothing(project: Path) -> None:
    for file, old, new in NEUTRAL:
        edit(project / "stages" / file, old, new)
    assert would_run(project) == set()


@pytest.mark.parametrize("edits", EDITS.values(), ids=list(EDITS))
def test_edits_run_the_stages_that_they_concern(
    project: Path, edits: list[tuple[str, str, str, set[str]]]
) -> None:
    for file, old, new, _ in edits:
        edit(project / "stages" / file, old, new)
    assert would_run(project) == set().union(*(stages for *_, stages in edits))


def test_another_validation_share_extracts_no_features_again(project: Path) -> None:
    edit(project / "params.yaml", "validation_share: 0.25", "validation_share: 0.5")
    assert repro(project, "prepare@shapes") == {"resolve", "prepare@shapes"}
    assert status(project) == (TRAININGS | {"label_features@shapes_small"}) - HEADS
    assert repro(project, "label_features@shapes_small") == {"label_features@shapes_small"}
    stale = status(project)
    assert stale >= HEADS
    assert "cache_features@shapes_small" not in stale


def test_equal_images_of_another_archive_with_another_note_train_nothing(project: Path) -> None:
    edit(project / "stages/sources/downloads.py", "generated, as the mirror's", "drawn, as the mirror's")
    archive = project / "mirror/cifar-100-python.tar.gz"
    with tarfile.open(archive) as tar:
        batches = {name: pickle.loads(tar.extractfile(name).read()) for name in tar.getnames()}
    for batch in batches.values():
        if b"data" in batch:
            order = np.random.default_rng(1).permutation(len(batch[b"data"]))
            batch[b"data"] = batch[b"data"][order]
            batch[b"fine_labels"] = np.array(batch[b"fine_labels"])[order].tolist()
    with tarfile.open(archive, "w:gz") as tar:
        for name, batch in batches.items():
            content = pickle.dumps(batch, 2)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    write_checksums(archive.parent)
    inputs = ("prepare@shapes", "label_features@shapes_small")
    assert repro(project, *inputs) == {"resolve", "download@cifar100", *inputs}
    assert status(project) == EVALUATIONS - {"evaluate_fine_tune@tuned"}  # which reads that of its head


def test_an_experiment_trains_what_it_changes_and_keeps_the_seeds_that_are_there(project: Path) -> None:
    def seeds() -> dict[str, str]:
        places = sorted((project / "models/plain").glob("seed-*/run.json"))
        return {path.parent.name: json.loads(path.read_text())["sha256"]["model.keras"] for path in places}

    before = seeds()
    overrides = ("-S", "variants.plain.seeds=3", "-S", "variants.flipped.filters=[2,2]")
    printed = call("dvc", "exp", "run", *overrides, folder=project)
    ran = {"train@plain", "train@flipped", "evaluate@plain", "evaluate@flipped"}
    assert set(stages_run(printed)) == {"resolve", *ran, *SUMMARIES}
    changed = call("git", "diff", "-U0", "params.yaml", folder=project)
    assert re.search(r"(?m)^\+ .*seeds: 3", changed)
    assert re.search(r"(?m)^\+ .*\[2, 2\]", changed)
    metrics = json.loads(call("dvc", "metrics", "diff", "--json", folder=project))
    assert set(metrics) == {"metrics/flipped.json", "metrics/plain.json"}
    assert metrics["metrics/plain.json"]["seeds"] == {"old": 2, "new": 3, "diff": 1}
    after = seeds()
    assert list(after) == ["seed-0", "seed-1", "seed-2"]
    assert after.items() > before.items()
    assert len(set(after.values())) == 3


# --- extensions: a new file, its knob in the schema, a block of YAML


NEW_DATASET = '''"""Arrays in a .npz file."""
import numpy as np

from stages.datasets.labelled import LabelledImages


def read(source, *, classes, image_size, scratch):
    """Reads all of it."""
    with np.load(source) as file:
        return LabelledImages(file["images"], file["labels"], file["is_test"], ["dark", "light"])
'''
NEW_BACKBONE = '''"""Random filters, as many as a text file says."""
import keras


def load(source):
    """Builds them."""
    images = keras.Input((None, None, 3), name="image")
    start = keras.initializers.GlorotUniform(0)
    maps = keras.layers.Conv2D(int(source.read_text()), 3, 8, kernel_initializer=start, name="conv")(images)
    return keras.Model(images, maps)
'''
NEW = {
    "datasets/npz.py": NEW_DATASET,
    "backbones/random_filters.py": NEW_BACKBONE,
    "networks/tiny_net.py": NEW_NETWORK,
    "augmentation/brighten.py": NEW_AUGMENTATION,
}
SPLIT = "validation_share: 0.25, split_seed: 0"


def test_what_is_new_runs_and_nothing_else(project: Path) -> None:
    labels = np.arange(20) % 2
    images = np.random.default_rng(0).integers(0, 99, (20, 8, 8, 3)) + 100 * labels[:, None, None, None]
    np.savez(project / "own.npz", images=images.astype(np.uint8), labels=labels, is_test=np.arange(20) > 15)
    (project / "filters.txt").write_text("4")
    for file, source in NEW.items():
        edit(project / "stages" / file, "", source)
    edit(project / "stages/study/knobs.py", "    cutout:", f"{KNOB}    cutout:")
    for section, entry in (
        ("datasets", f"arrays: {{format: npz, from: own.npz, classes: [all], image_size: 8, {SPLIT}}}"),
        ("backbones", "random: {format: random_filters, from: filters.txt}"),
        ("variants", "tiny: {data: arrays, network: tiny_net, brighten: 0.5}"),
    ):
        edit(project / "params.yaml", f"{section}:\n", f"{section}:\n  {entry}\n")
    inputs = {"prepare@arrays", "build_backbone@random"}
    assert repro(project) == {"resolve", *inputs, "train@tiny", "evaluate@tiny", *SUMMARIES}
    assert np.load(project / "data/arrays/images.npy").shape == (20, 8, 8, 3)
    assert (project / "data/backbones/random/backbone.keras").is_file()
    assert "| `tiny` |" in (project / "plots/summary.md").read_text(encoding="utf-8")

"""What trains again and what does not: edits of a copy of the study, and its trainings' resolved files."""

import functools
import json
import re
import shutil
import subprocess
import sys

import pytest

from stages.runtime import code, resolved
from stages.study import items
from tests.edited_study import ROOT

TRAININGS = set(items.TRAINERS.values())


def texts(root, found):
    """Returns what `resolve` would write of each training with the code of a folder."""
    hashes = functools.cache(functools.partial(code.hashes, root=root))
    return {
        f"{item.stage}@{item.name}": resolved.text(item.stage, item.knobs, item.uses, hashes)
        for item in found
        if item.stage in TRAININGS
    }


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """A folder with the study as it was when these tests began."""
    folder = tmp_path_factory.mktemp("study")
    shutil.copytree(ROOT / "stages", folder / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "report.yaml"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def study(taken):
    return list(items.items(items.load(taken / "params.yaml")))


@pytest.fixture(scope="module")
def before(taken, study):
    return texts(taken, study)


@pytest.fixture
def copy(taken, tmp_path):
    shutil.copytree(taken, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def retrained(copy, study, before):
    """Returns the trainings whose resolved files an edit of the copy has changed."""

    def retrained():
        return {name for name, text in texts(copy, study).items() if text != before[name]}

    return retrained


def edit(root, path, old, new):
    """Replaces what a regular expression finds in a file, which it must."""
    content = (root / path).read_text()
    edited = re.sub(old, new, content, count=1)
    assert edited != content, f"{path} has no {old}"
    (root / path).write_text(edited)


def add(root, *paths):
    """Adds code to files, and to all modules of folders."""
    for path in paths:
        place = root / "stages" / path
        for file in place.glob("*.py") if place.is_dir() else [place]:
            file.write_text(f"{file.read_text()}\n\nADDED = 1\n")


ELSEWHERE = [  # what results cannot depend on
    # the note on a GPU, the progress bar, the size of prediction batches, locks, how cores are shared
    *("runtime/gpu.py", "runtime/progress.py", "runtime/memory.py", "runtime/locks.py", "runtime/store.py"),
    *("runtime/cores.py", "runtime/preload.py"),
    # downloads, the writer and the formats of datasets, the extraction of features
    *("sources", "download.py", "datasets/packing.py", "datasets/splits.py", "datasets/cifar100.py"),
    *("datasets/folder.py", "datasets/images.py", "prepare.py"),
    *("features/extraction.py", "features/requirements.py", "cache_features.py"),
    # what is measured, drawn and compared; the checks of a study
    *("results", "page", "evaluate.py", "compare.py", "report.py", "study", "resolve.py", "variants.py"),
    # the runner and verify; what users classify with; the demo
    *("workspace", "run.py", "verify.py", "classifiers", "predict.py", "export.py", "demo"),
]


def test_no_code_that_results_cannot_depend_on_trains_again(copy, retrained):
    add(copy, *ELSEWHERE)
    assert retrained() == set()


# What is new, by its file: the least that the study takes for one.
NEW = {
    "networks/new.py": "def build(inputs, *, n_classes, seed, new_width=3):\n    return inputs\n",
    "augmentation/new.py": "ORDER = 5\n\ndef draw(chance, n, amount):\n    pass\n\n"
    "def apply(images, targets, draws, *, amount):\n    return images, targets\n",
    "losses/new.py": "def loss(targets, outputs, *, new_sharpness=2.0):\n    return targets\n",
    "schedules/new.py": "def decay(progress):\n    return progress\n",
    "trainers/new.py": "KNOBS = ('epochs',)\n\ndef fit(run):\n    pass\n",
    "feature_steps/new.py": "def add(x, train):\n    return x\n",
    "pooling/new.py": "def pool(maps):\n    return maps\n",
    "backbones/new.py": "def write(source, target):\n    pass\n",
    "datasets/new.py": "def read(source, **options):\n    pass\n",
}
RESOLVE = """
import json
from pathlib import Path
from stages.study import items
found = items.files(items.load(Path("params.yaml")))
print(json.dumps({f"{path.parent}@{path.stem}": text for path, text in found.items()}))
"""


def resolve(root):
    """Resolves the study in a folder by its own code."""
    done = subprocess.run([sys.executable, "-c", RESOLVE], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_new_modules_that_a_knob_can_name_and_new_knobs_train_nothing_again_until_they_are_used(copy, before):
    for path, source in NEW.items():
        assert (copy / "stages" / path).parent.is_dir()
        (copy / "stages" / path).write_text(f'"""New."""\n\n{source}')
    edit(
        copy,
        "stages/study/knobs.py",
        r"\n    warmup: ",
        r"\n    new_share: Rate = 0.0\n    new_amount: Rate = 0.0\n    warmup: ",
    )
    found = resolve(copy)
    assert {name: found[name] for name in before} == before
    edit(
        copy,
        "params.yaml",
        r"\nvariants:\n",
        "\\nvariants:\\n  other: {data: cifar100, extends: basenet, schedule: new, loss: new}\\n",
    )
    found = resolve(copy)
    assert {name: found[name] for name in before} == before
    uses = json.loads(found["train@other"])["uses"]
    assert {"stages.schedules.new", "stages.losses.new"} <= set(uses)


def using(before, module):
    return {name for name, text in before.items() if module in json.loads(text)["uses"]}


@pytest.mark.parametrize(
    "paths",
    [
        (
            "networks/deeper_net.py",
            "networks/dense_head.py",
            "augmentation/zoom.py",
            "feature_steps/l2_norm.py",
        ),
        *(("trainers/sgd.py",), ("trainers/ridge.py",), ("schedules/constant.py",)),
    ],
    ids=lambda paths: paths[0],
)
def test_code_that_knobs_name_trains_again_what_names_it_and_nothing_else(copy, retrained, before, paths):
    add(copy, *paths)
    modules = [f"stages.{path.removesuffix('.py').replace('/', '.')}" for path in paths]
    expected = set().union(*(using(before, module) for module in modules))
    assert retrained() == expected < set(before)


def test_code_that_another_module_imports_trains_again_what_names_either(copy, retrained, before):
    add(copy, "trainers/convex.py")  # ridge takes its examples
    convex, ridge = (using(before, f"stages.trainers.{name}") for name in ("convex", "ridge"))
    assert convex
    assert retrained() == convex | ridge < set(before)


def test_the_steps_of_sgd_train_again_all_that_take_them(copy, retrained, before):
    add(copy, "training/steps.py")
    assert retrained() == using(before, "stages.trainers.sgd") < set(before)


def test_a_verb_trains_again_its_own_variants(copy, retrained, before):
    add(copy, "train_head.py")
    assert retrained() == {name for name in before if name.startswith("train_head@")}

"""One file per item of every stage: and what an edit of params.yaml or of code changes in them."""

import json
import shutil
import sys
from types import SimpleNamespace

import pytest
from commands import call, succeed

from stages.study import items as study
from tests.edited_study import ROOT, items

EXPLICIT_FLIPS = ("flip", "flip_zoom_20", "batch_norm_after", "final")
EXPLICIT_FLIPS += ("adagrad", "rmsprop", "adadelta", "adam", "adam_dropout", "fine_tuned_covariance")
EXPLICIT_FLIPS += ("adagrad_tuned", "adadelta_tuned")
EXPLICIT_FLIPS += tuple(
    f"residual{step}" for step in ("", "_crop", "_schedule", "_smoothing", "_cutmix", "_averaged")
)


@pytest.fixture
def copy(original, tmp_path):
    """A folder with copies of the study and stages/, to edit."""
    shutil.copytree(original.folder, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("data"))
    return tmp_path


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Another such folder, and the files of its items."""
    folder = tmp_path_factory.mktemp("original")
    shutil.copytree(ROOT / "stages", folder / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "report.yaml"):
        shutil.copy(ROOT / name, folder)
    return SimpleNamespace(folder=folder, files=resolve(folder))


def run(folder):
    arguments = ("params.yaml", "report.yaml", "data/resolved")
    return call(folder, sys.executable, "-m", "stages.resolve", *arguments)


def resolve(folder):
    """Runs the command; returns the bytes of every file by stage/item."""
    done = run(folder)
    assert (done.returncode, done.stderr) == (0, "")
    files = (folder / "data/resolved").rglob("*.json")
    return {f"{path.parent.name}/{path.stem}": path.read_bytes() for path in files}


def resolve_here(folder):
    """Returns what the command would write where no code was edited, without a process of its own."""
    content = study.load(folder / "params.yaml", folder / "report.yaml")
    return {str(path.with_suffix("")): text.encode() for path, text in study.files(content).items()}


def edit(path, old, new):
    source = path.read_text()
    assert source.count(old) == 1
    path.write_text(source.replace(old, new))


def changed(before, after):
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_every_item_of_every_stage_has_a_file(original):
    files = {name: json.loads(content) for name, content in original.files.items()}
    assert files.keys() == {f"{stage}/{name}" for stage, name in items()}
    for (stage, name), item in items().items():
        found = files[f"{stage}/{name}"]
        assert found.keys() == {"code", "knobs", "uses"}
        assert (found["knobs"], found["uses"]) == (item.knobs, sorted(item.uses))
    download = files["download/cub200"]["knobs"]
    assert (download["mirror"], list(download["files"])) == ("", ["images.tgz", "lists.tgz"])
    assert files["prepare/cifar100"]["uses"] == ["stages.datasets.cifar100"]
    assert files["prepare/cub200"]["knobs"]["sizes"] == [224, 320]
    assert files["cache_features/cub200_resnet50"]["knobs"] == {"threads": 2, "batch_size": 32}
    assert files["evaluate/final"]["knobs"] == {"name": "final"}
    summary = files["compare/study"]["knobs"]
    assert sorted(summary["variants"]) == list(summary["groups"])
    assert summary["groups"]["frozen"] == "heads"
    assert (summary["extends"]["adam_dropout"], summary["extends"]["fine_tuned"]) == ("adam", "frozen")
    closed = {name for name in summary["groups"] if name.startswith(("convex", "ridge"))}
    assert set(summary["one_optimum"]) == closed
    assert summary["report"]["results"]["final"]["accuracy"] == 0.6796
    assert summary["comparisons"]["zoom"]["variants"][0] == "normalised"
    assert "title" not in summary["comparisons"]["zoom"]  # texts of the page draw no picture again
    page = files["report/study"]["knobs"]
    assert page["comparisons"]["heads"]["title"] == {"en": "Heads", "es": "Clasificadores"}
    assert page["sections"]["2.3"]["title"]["es"] == "Aumento de la profundidad de la red"
    assert (page["images"]["frozen"], page["images"]["fine_tuned"]) == ("cub200", "cub200")
    assert page["order"][:2] == ["zoom", "augmentation"]
    ladder, (first, *_) = summary["ladders"][0]["title"], summary["ladders"][0]["steps"]
    assert (ladder, first["variant"]) == (page["ladders"][0]["title"]["en"], "basenet")
    assert first["idea"] == page["ladders"][0]["steps"][0]["idea"]["en"]
    assert page["changes"]["zoom_20"] == {"parent": "normalised", "knobs": {"zoom": [0.0, 0.2]}}
    features = ["cub200_resnet50", "cub200_resnet50_gem"]
    assert page["changes"]["convex_gem"]["knobs"] == {"data": features}


BASENETS = ("basenet", "normalised", "zoom_20", "zoom_30", "zoom_50", "flip", "flip_zoom_20")
BASENETS = {f"train/{name}" for name in BASENETS}
EDITS = (
    ("zoom: 0.3}", "zoom: 0.35}", {"train/zoom_30"}),
    (
        "    end_to_end: true\n",
        "    end_to_end: true\n    threads: 2\n",
        {"train_head/frozen", "train_head/frozen_tuned"},
    ),
    ("data: cifar100, epochs: 30, seeds: 10}", "data: cifar100, epochs: 30, seeds: 11}", BASENETS),
    ("- gem: 3.0", "- gem: 2.5", {"cache_features/cub200_resnet50_gem"}),
    ("unfreeze: all}", "unfreeze: conv5}", {"fine_tune/fine_tuned", "fine_tune/fine_tuned_batch_norm"}),
    ("flip: {data: cifar100,", "flip: {data: cifar100, crop: 2,", {"train/flip", "train/flip_zoom_20"}),
    ("split_seed: 0\n  cub200", "split_seed: 1\n  cub200", {"prepare/cifar100"}),
    ("batch_size: 32            # images", "batch_size: 16  # images", {"cache_features/cub200_resnet50"}),
    ("Twice the epochs", "Two times the epochs", set()),
    ("zoom: 0.5}", "zoom: 0.5, ema: 0.0, flip: false, batch_norm: none}", set()),
)


def test_edits_of_params_yaml_change_the_items_they_concern(copy, original):
    for old, new, _ in EDITS:
        edit(copy / "params.yaml", old, new)
    expected = {"report/study"}.union(*(stages for _, _, stages in EDITS))
    assert changed(original.files, resolve_here(copy)) == expected


def test_edits_of_report_yaml_change_the_page_and_what_shows_them(copy, original):
    edit(copy / "report.yaml", "en: Does dropout remove the overfitting?", "en: Does it?")
    edit(copy / "report.yaml", "es: dos convoluciones", "es: 2 convoluciones")
    assert changed(original.files, after := resolve_here(copy)) == {"report/study"}
    edit(copy / "report.yaml", "accuracy: 0.6796", "accuracy: 0.68")
    assert changed(after, resolve_here(copy)) == {"compare/study", "report/study"}
    (copy / "report.yaml").write_text("{}\n")
    page = json.loads(resolve_here(copy)["report/study"])["knobs"]
    assert (page["report"], page["sections"]) == ({"datasets": {}, "results": {}}, {})
    assert page["ladders"] == []


def test_an_edit_of_the_defaults_changes_the_items_that_do_not_set_the_knob(copy, original):
    edit(copy / "params.yaml", "  unfreeze: all  ", "  flip: true\n  unfreeze: all  ")
    trained = [name for name, item in items().items() if item.stage in ("train", "fine_tune")]
    inherit = {f"{stage}/{name}" for stage, name in trained if name not in EXPLICIT_FLIPS}
    expected = inherit | {"report/study"}
    assert changed(original.files, resolve_here(copy)) == expected


def test_a_new_network_is_one_file_and_its_knobs(copy, original):
    """With knobs that are known already it is only the file."""
    before, params = original.files, copy / "params.yaml"
    new = copy / "stages/networks/plain.py"
    new.write_text("LEARNS_FROM = 'images'\ndef build(inputs, *, n_classes, seed, filters, depth=1): pass\n")
    edit(params, "  basenet: {data:", "  mine: {data: cifar100, network: plain, depth: 2}\n  basenet: {data:")
    after = resolve(copy)
    assert changed(before, after) == {"train/mine", "evaluate/mine", "compare/study", "report/study"}
    assert json.loads(after["train/mine"])["knobs"]["network"] == {"plain": {"filters": [6, 16], "depth": 2}}

    new.write_text(new.read_text().replace("depth=1", "depth=1, width"))
    lacks = (
        "lacks width, which variants.mine needs and does not set; add width to stages/study/knobs.py first"
    )
    assert lacks in run(copy).stderr
    edit(params, "depth: 2}", "width: 3}")
    assert "variants.mine.width is unknown." in run(copy).stderr
    edit(copy / "stages/study/knobs.py", "    depth: Ann", "    width: Size = Field(None)\n    depth: Ann")
    assert changed(after, resolve(copy)) == {"train/mine", "report/study"}


def test_mistakes_are_one_error_with_lines_and_leave_the_earlier_files(copy):
    resolve(copy)
    before = {path: path.read_bytes() for path in (copy / "data").rglob("*.json")}
    params = copy / "params.yaml"
    edit(params, "basenet: {data: cifar100, epochs: 30,", "basenet: {data: cifar100, epoch: 30,")
    edit(params, "zoom: 0.3}", "zoom: 1}")
    edit(params, "name: RMSprop", "name: RMSprp")
    edit(
        params,
        "fine_tuned: {data: cub200, starts_from: frozen, epochs: 10",
        "fine_tuned: {data: cub200, starts_from: frozen, epochs: 0",
    )
    lines = [line.partition(":")[0] for line in params.read_text().splitlines()]
    first, second, third, fourth = (
        f"params.yaml, line {lines.index(f'  {name}') + 1 + below}: "
        for name, below in (("basenet", 0), ("zoom_30", 0), ("rmsprop", 5), ("fine_tuned", 0))
    )
    done = run(copy)
    assert done.returncode == 1
    found = done.stderr.removeprefix("error: ").splitlines()
    assert [line.strip().split(", expected")[0] for line in found] == [
        first + "variants.basenet.epoch is unknown. Did you mean 'epochs'?",
        second + "variants.zoom_30.zoom is 1",
        third + "variants.rmsprop.optimizer.class_name is 'RMSprp'",
        fourth + "fine_tunes.fine_tuned.epochs is 0",
    ]
    assert {path: path.read_bytes() for path in (copy / "data").rglob("*.json")} == before


def test_mistakes_of_the_report_have_their_lines_too_and_its_file_may_not_lack(copy):
    edit(copy / "report.yaml", "  adam_dropout: {dataset", "  adam_dropuot: {dataset")
    text = (copy / "report.yaml").read_text().split("\n")
    line = next(number for number, line in enumerate(text, 1) if "adam_dropuot" in line)
    problem = "results.adam_dropuot is not a variant. Did you mean 'adam_dropout'?"
    assert run(copy).stderr == f"error: report.yaml, line {line}: {problem}\n"
    (copy / "report.yaml").unlink()
    assert run(copy).stderr == (
        "error: no report.yaml; run the command in the folder that holds report.yaml; {} is a study without"
        " a report\n"
    )


def test_a_syntax_error_in_a_network_is_reported_with_its_file_and_line(copy):
    (copy / "stages/networks/mine.py").write_text("x = 1\ndef build(:\n")
    assert run(copy).stderr == (
        f"error: {copy}/stages/networks/mine.py, line 2: invalid syntax; correct the code, then run again\n"
    )


@pytest.mark.parametrize("folder", ["data", "models"])
def test_a_link_in_place_of_a_folder_of_outputs_is_refused_at_once(copy, tmp_path_factory, folder):
    (copy / folder).symlink_to(tmp_path_factory.mktemp("large_disk"))
    done = run(copy)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {folder}/ is a link to ")
    assert "`dvc cache dir " in done.stderr
    assert not list((copy / folder).iterdir())


def test_dvc_repro_runs_no_command_that_hides_in_a_name(copy):
    """DVC pastes names into commands unquoted; `resolve` runs before any of these and refuses them."""
    shutil.copy(ROOT / "dvc.yaml", copy)
    edit(copy / "params.yaml", "  basenet: {data:", "  x; touch pwned: {data: cifar100}\n  basenet: {data:")
    succeed(copy, "dvc", "init", "--no-scm", "--quiet")
    for target in ([], ["train@x; touch pwned"]):
        done = call(copy, "dvc", "repro", *target, DATA_MIRROR="nowhere", DVC_NO_ANALYTICS="1")
        assert "variants.'x; touch pwned' is an invalid name" in done.stderr
        assert done.returncode != 0
    assert not list(copy.rglob("*pwned*"))

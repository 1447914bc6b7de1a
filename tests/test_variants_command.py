"""`python -m stages.variants`: tree, changes, accuracies, on the shipped study."""

import json
import pty
import re
import sys

import pytest
from commands import succeed

from dvc_parallel.tests.pseudo_terminal import read_all
from stages import variants as verb
from stages.runtime.errors import InputError
from tests.edited_study import ROOT, SHIPPED

STYLE = re.compile(r"\x1b\[[0-9;]*m")
LIGHT = """
import sys
from stages.variants import main
main([])
assert not {"keras", "tensorflow", "jax", "torch", "matplotlib", "pandas", "dvc"} & sys.modules.keys()
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The current folder, with the shipped study, of which two variants have run."""
    for name in ("params.yaml", "report.yaml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/basenet.json").write_text(
        json.dumps({"seeds": 7, "test": {"accuracy": 0.4242, "std": 0.0251}})
    )
    (tmp_path / "metrics/flip.json").write_text(json.dumps({"seeds": 1, "test": {"accuracy": 0.4661}}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(capsys, *arguments):
    verb.main(list(arguments))
    return capsys.readouterr().out.splitlines()


def test_names_bring_their_ancestors_with_changes_accuracies_and_the_reports(study, capsys):
    lines = shown(capsys, "final", "flip")
    (depth, name, result, change), *rows = (
        (len(line) - len(line.lstrip()), *re.split(" {2,}", line.strip())) for line in lines
    )
    assert (depth, name, result) == (0, "basenet", "0.424 ± 0.025, 7 seeds (report 0.419)")
    assert change.startswith("seed: 0, threads: 1, ")
    assert rows == [
        (2, "normalised", "not run", "normalisation: none -> featurewise"),
        (4, "flip", "0.466", "flip: false -> true"),
        (4, "deeper_1", "not run", "network: base_net -> deeper_net, filters: [6, 16] -> [16, 32, 64, 128],"
         " dense_units: [50] -> [150]"),
        (6, "deeper_2", "not run", "filters: [16, 32, 64, 128] -> [32, 64, 128, 256],"
         " dense_units: [150] -> [500, 150]"),
        (8, "dropout_2", "not run", "block_dropout: [] -> [0.25, 0.5], dense_dropout: [] -> [0.5, 0.25]"),
        (10, "longer_2", "not run", "epochs: 30 -> 60"),
        (12, "final", "not run (report 0.680)", "flip: false -> true, batch_norm: none -> before"),
    ]  # fmt: skip
    assert len({line.index(row[-1]) for line, row in zip(lines[1:], rows, strict=True)}) == 1  # aligned


def test_without_names_all_variants_are_there_and_a_fine_tune_is_below_the_head_it_starts_from(study, capsys):
    lines = shown(capsys)
    names = [line.split()[0] for line in lines]
    every = [name for group in ("variants", "heads", "fine_tunes") for name in SHIPPED[group]]
    assert sorted(names) == sorted(every)
    frozen, tuned = (lines[names.index(name)] for name in ("frozen", "fine_tuned"))
    assert tuned.index("fine_tuned") == frozen.index("frozen") + 2


def test_json_has_the_same(study, capsys):
    verb.main(["normalised", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["basenet", "normalised"]
    assert found["normalised"] == {
        "name": "normalised",
        "group": "variants",
        "data": "cifar100",
        "seeds": 10,
        "parent": "basenet",
        "changes": {"normalisation": ["none", "featurewise"]},
        "reported": None,
        "accuracy": None,
        "std": None,
        "trained": 0,
    }
    basenet = found["basenet"]
    assert (basenet["accuracy"], basenet["std"], basenet["reported"]) == (0.4242, 0.0251, 0.4192)


def test_a_terminal_gets_a_tree_that_fits_its_width(study, monkeypatch):
    ours, theirs = pty.openpty()
    monkeypatch.setenv("COLUMNS", "40")
    with open(theirs, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", terminal)
        patch.setenv("TERM", "xterm")
        verb.main(["deeper_1"])
    lines = [line.rstrip() for line in STYLE.sub("", read_all(ours)).splitlines()]
    assert "└── normalised  not run  normalisation:" in lines
    assert max(map(len, lines)) <= 40


def test_it_imports_neither_tensorflow_nor_dvc(study):
    succeed(study, sys.executable, "-c", LIGHT)


def test_bad_input_is_one_line(study):
    with pytest.raises(InputError, match=r"^there is no variant 'finl'; did you mean 'final'\?$"):
        verb.main(["finl"])
    with pytest.raises(InputError, match=r"^there is no variant '12345'; params.yaml has basenet, normal"):
        verb.main(["12345"])
    (study / "metrics/basenet.json").write_text('{"test":')
    with pytest.raises(InputError, match=r"^metrics/basenet.json is damaged \(JSONDecodeError\), expected"):
        verb.main([])
    (study / "params.yaml").unlink()
    with pytest.raises(InputError, match=r"^no params.yaml; run the command in the folder that holds"):
        verb.main([])

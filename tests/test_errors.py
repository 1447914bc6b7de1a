"""A user's mistake is one message on stderr and exit code 1; a mistake of ours keeps its traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from stages import errors

ROOT = Path(__file__).parent.parent


def command(*arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )


def test_a_mistake_is_one_message_and_exit_code_1(tmp_path):
    done = command("-m", "stages.resolve", "params.yaml", "variants", "code", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "error: no params.yaml; run the command in the folder that holds params.yaml\n"
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_names_itself_and_what_makes_it(tmp_path):
    done = command("-c", "from stages.errors import run; run(lambda: open('data/x.json'))", cwd=tmp_path)
    assert done.returncode == 1
    assert (
        done.stderr == "error: no file data/x.json; `dvc repro` makes what is missing, in the right order\n"
    )


def test_several_mistakes_stand_below_each_other(tmp_path):
    (tmp_path / "params.yaml").write_text(
        "defaults: {seed: 0, threads: 1, epochs: 1, batch_size: 1, optimizer: {}, flip: false, zoom: 0.0,"
        " architecture: base_net, filters: [], dense_units: [], block_dropout: [], dense_dropout: [],"
        " batch_norm: none, normalisation: none, pooling: flatten, end_to_end: false, unfreeze: all}\n"
        "variants: {a: {epochs: one}, b: {seed: -1}}\n"
    )
    done = command("-m", "stages.resolve", "params.yaml", "variants", "code", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "error: variants: variant 'a': epochs is 'one', expected int\n"
        "       variants: variant 'b': seed is -1, expected 0 or more\n"
    )


def test_a_mistake_of_ours_keeps_its_traceback():
    code = "from stages.errors import run\ndef main():\n    raise ValueError('bug')\nrun(main)"
    done = command("-c", code)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("ValueError: bug\n")


def test_success_is_silent(capsys):
    errors.run(lambda: None)
    assert capsys.readouterr() == ("", "")


def test_the_message_is_the_error_itself():
    def main():
        raise errors.InputError("no such bird")

    with pytest.raises(SystemExit) as caught:
        errors.run(main)
    assert caught.value.code == "error: no such bird"

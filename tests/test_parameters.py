"""params.yaml as DVC reads it, YAML 1.2; what is none gets one line that says where."""

import io
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages import parameters
from stages.errors import InputError

ROOT = Path(__file__).parent.parent


@pytest.fixture
def read(tmp_path, monkeypatch):
    """A function that loads params.yaml with these bytes."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path.joinpath("params.yaml").relative_to(tmp_path)

    def read(content):
        path.write_bytes(content)
        return parameters.load(path)

    return read


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-5", 1e-5),
        ("1E3", 1000.0),
        ("-.5", -0.5),
        ("1", 1),
        ("1.0", 1.0),
        ("on", "on"),
        ("yes", "yes"),
        ("no", "no"),
        ("true", True),
        ("null", None),
        ("010", 10),
        ("1:30", "1:30"),
        ("'3.10'", "3.10"),
        ("3.1.1", "3.1.1"),
        ("[1, 2]", [1, 2]),
    ],
)
def test_scalars_are_those_of_yaml_1_2(read, written, value):
    loaded = read(f"knob: {written}\n".encode())["knob"]
    assert loaded == value
    assert type(loaded) is type(value)


def test_mappings_are_plain_dicts_in_the_order_of_the_file(read):
    loaded = read(b"zebra: {b: 1, a: 2}\napple: []\n")
    assert list(loaded) == ["zebra", "apple"]
    assert type(loaded) is type(loaded["zebra"]) is dict
    assert list(loaded["zebra"]) == ["b", "a"]


def test_text_is_utf_8(read):
    assert read('name: "Grèbe à cou noir"\n'.encode()) == {"name": "Grèbe à cou noir"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"variants:\n  final: {}\n  final: {}\n",
            'params.yaml, line 3: found duplicate key "final" with value "{}" (original value: "{}")',
        ),
        (b"a: 1\nb: [1,\nc: 2\n", "params.yaml, line 4: expected ',' or ']', but got '<stream end>'"),
        (b"a: 1\n\tb: 1\n", "params.yaml, line 2: found character '\\t' that cannot start any token"),
        (b"a: 1\n---\nb: 2\n", "params.yaml, line 2: but found another document"),
        (b"a: *parent\n", "params.yaml, line 1: found undefined alias 'parent'"),
        (
            b"a: !!python/object/apply:os.system [ls]\n",
            "params.yaml, line 1: could not determine a constructor for the tag"
            " 'tag:yaml.org,2002:python/object/apply:os.system'",
        ),
        (
            b"a: \x00\n",
            "params.yaml: unacceptable character #x0000: special characters are not allowed",
        ),
        (
            "a: Grèbe\n".encode("latin-1"),
            "params.yaml is not UTF-8 (invalid continuation byte at byte 5); save it as UTF-8",
        ),
        (b"- a\n- b\n", "params.yaml holds list, expected a mapping of sections"),
        (b"epochs\n", "params.yaml holds str, expected a mapping of sections"),
        (b"# nothing but a comment\n", "params.yaml holds NoneType, expected a mapping of sections"),
    ],
)
def test_what_is_no_params_yaml_is_an_error_with_its_place(read, content, message):
    with pytest.raises(InputError) as caught:
        read(content)
    assert str(caught.value) == message


def test_a_missing_file_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(InputError) as caught:
        parameters.load(tmp_path / "params.yaml")
    assert str(caught.value) == (
        f"no {tmp_path / 'params.yaml'}; run the command in the folder that holds params.yaml"
    )


def test_dvc_can_rewrite_the_shipped_file_without_changing_a_byte(tmp_path):
    """DVC writes params.yaml anew for an experiment, so its layout is the one that DVC's parser writes."""
    shipped = (ROOT / "params.yaml").read_text(encoding="utf-8")
    yaml = YAML()
    written = io.StringIO()
    yaml.dump(yaml.load(shipped), written)
    assert written.getvalue() == shipped

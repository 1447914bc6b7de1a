"""params.yaml as DVC reads it, YAML 1.2; anything else gets one line that says where."""

import shutil
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.runtime.errors import InputError
from stages.study import reading
from stages.study.reading import Mistake

ROOT = Path(__file__).parent.parent


@pytest.fixture
def read(tmp_path, monkeypatch):
    """A function that loads params.yaml with these bytes."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path.joinpath("params.yaml").relative_to(tmp_path)

    def read(content):
        path.write_bytes(content)
        return reading.load(path).content

    return read


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-5", 1e-5),
        ("1", 1),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("null", None),
        ("010", 10),
        ("1:30", "1:30"),
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
        (b"a: 1\n---\nb: 2\n", "params.yaml, line 2: but found another document"),
        (
            b"a: !!python/object/apply:os.system [ls]\n",
            "params.yaml, line 1: could not determine a constructor for the tag"
            " 'tag:yaml.org,2002:python/object/apply:os.system'",
        ),
        (
            b"a: 1\nb: \x00\n",
            "params.yaml, line 2: unacceptable character #x0000: special characters are not allowed",
        ),
        (
            "a: 1\nb: Grèbe\n".encode("latin-1"),
            "params.yaml, line 2: not UTF-8 (invalid continuation byte); save it as UTF-8",
        ),
        (
            "a: Grèbe\n".encode("utf-16"),
            "params.yaml, line 1: not UTF-8 (invalid start byte); save it as UTF-8",
        ),
        (b"- a\n- b\n", "params.yaml holds a list, expected a mapping of sections; {} is an empty one"),
        (b"", "params.yaml holds nothing, expected a mapping of sections; {} is an empty one"),
    ],
)
def test_anything_but_a_params_yaml_is_an_error_with_its_place(read, content, message):
    with pytest.raises(InputError) as caught:
        read(content)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\nb: 2001-99-99\n", "params.yaml: month must be in 1..12; write this value in quotes"),
        ("a: 1\n? {b: 1}\n: 2\n", "params.yaml, line 2: found unhashable key"),
    ],
)
def test_a_value_that_python_does_not_take_is_an_error(read, content, message):
    with pytest.raises(InputError) as caught:
        read(content.encode())
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("content", ["a: &a {c: 1}\nb: *a\n", "a: &a {c: 1}\nb: {<<: *a}\n"])
def test_an_alias_is_refused(read, content):
    with pytest.raises(InputError) as caught:
        read(content.encode())
    assert str(caught.value) == (
        "params.yaml, line 2: aliases such as *x are not supported; write it out, or use `extends`"
    )


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder, expected a file"):
        reading.load(tmp_path)


TEXT = b"""# a comment
variants:
  basenet: {epochs: 30}
  final:
    filters:
    - 1
    - 2
    5: six
"""


@pytest.mark.parametrize(
    ("place", "line", "written"),
    [
        ((), 1, "the file"),
        (("variants",), 2, "variants"),
        (("variants", "basenet", "epochs"), 3, "variants.basenet.epochs"),
        (("variants", "final", "filters", 1), 7, "variants.final.filters[1]"),
        (("variants", "final", 5), 8, "variants.final[5]"),
        (("variants", "final", "zoom"), 4, "variants.final.zoom"),  # not written there: the variant's line
        (("heads", "some", "zoom"), 1, "heads.some.zoom"),
        (("variants", "a\nb"), 2, "variants.'a\\nb'"),
    ],
)
def test_a_mistake_is_reported_with_the_line_of_its_place(tmp_path, monkeypatch, place, line, written):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_bytes(TEXT)
    with pytest.raises(InputError) as caught:
        reading.load(Path("params.yaml")).refuse([Mistake(place, "is odd")])
    expected = 2 if line == 1 else line  # a comment is no content
    assert str(caught.value) == f"params.yaml, line {expected}: {written} is odd"


def test_mistakes_are_reported_at_once_in_the_order_of_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_bytes(TEXT)
    first, second = Mistake(("variants", "basenet"), "is odd"), Mistake(("variants", "final"), "is, too")
    document = reading.load(Path("params.yaml"))
    with pytest.raises(InputError) as caught:
        document.refuse([second, first, first])
    assert str(caught.value) == (
        "params.yaml, line 3: variants.basenet is odd\n       params.yaml, line 4: variants.final is, too"
    )
    document.refuse([])


@settings(deadline=None, max_examples=200)
@given(
    content=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))
)
def test_any_bytes_give_a_dict_or_one_line_of_error(content, tmp_path_factory):
    loads_or_reports(content, tmp_path_factory)


SHIPPED = (ROOT / "params.yaml").read_bytes()
PIECES = [
    b"\t",
    b"\n",
    b"- ",
    b": ",
    b"{",
    b"]",
    b"&a ",
    b"*a",
    b"!!int ",
    b"'",
    b'"',
    b"? ",
    b"<<: ",
    b"\xff",
]


@settings(deadline=None, max_examples=50)
@given(
    start=st.integers(0, len(SHIPPED)),
    length=st.integers(0, 40),
    piece=st.sampled_from(PIECES) | st.binary(max_size=5),
)
def test_a_damaged_params_yaml_gives_a_dict_or_one_line_of_error(start, length, piece, tmp_path_factory):
    loads_or_reports(SHIPPED[:start] + piece + SHIPPED[start + length :], tmp_path_factory)


def loads_or_reports(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "params.yaml"
    path.write_bytes(content)
    try:
        loaded = reading.load(path).content
    except InputError as error:
        loaded, message = {}, str(error)
    else:
        message = str(path)
    assert type(loaded) is dict
    assert message.startswith(str(path))
    assert len(message.splitlines()) == 1


@settings(deadline=None)
@given(word=st.text() | st.integers() | st.none() | st.binary(), known=st.lists(st.text() | st.integers()))
def test_did_you_mean_never_raises_and_names_a_known_word(word, known):
    hint = reading.did_you_mean(word, known)
    assert hint == "" or hint in [f" Did you mean {name!r}?" for name in known]


def test_a_missing_file_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(InputError) as caught:
        reading.load(tmp_path / "params.yaml")
    assert str(caught.value) == (
        f"no {tmp_path / 'params.yaml'}; run the command in the folder that holds params.yaml"
    )


@pytest.mark.parametrize(
    ("overrides", "n_changed"),
    [
        ([], 0),
        (["variants.zoom_50.zoom=0.4"], 1),
        (["variants.final.epochs=61", "defaults.filters=[6,17]"], 2),
    ],
)
def test_an_experiment_changes_only_its_lines_of_params_yaml(tmp_path, overrides, n_changed):
    """`dvc exp run -S` writes the whole file; ours is committed in the form that DVC writes."""
    path = tmp_path / "params.yaml"
    shutil.copy(ROOT / "params.yaml", path)
    apply_overrides(path, overrides)
    before, after = (file.read_text("utf-8").splitlines() for file in (ROOT / "params.yaml", path))
    assert len(before) == len(after)
    assert sum(old != new for old, new in zip(before, after, strict=True)) == n_changed

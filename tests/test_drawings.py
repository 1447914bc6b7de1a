"""Drawn images: a hundred kinds, and the example of a folder of one's own."""

import itertools

import pytest
from PIL import Image

from stages.demo import drawings
from stages.runtime.errors import InputError


def test_a_hundred_classes_are_a_hundred_kinds():
    assert len({drawings.kind_name(label) for label in range(100)}) == 100


def test_neighbouring_classes_differ_by_more_than_colour():
    names = [drawings.kind_name(label).split() for label in range(10)]
    assert len({hue for _, hue, _ in names}) == 5
    for first, second in itertools.pairwise(names):
        assert not set(first) & set(second)


def test_the_folder_has_three_classes_of_png_and_jpeg_of_varying_sizes(tmp_path, capsys):
    out = tmp_path / "my_images"
    drawings.main([str(out)])
    files = sorted(path for path in out.rglob("*") if path.is_file())
    assert sorted(path.name for path in out.iterdir()) == [
        "checked violet square",
        "dark blue diamond",
        "plain red disk",
    ]
    assert len(files) == 120
    found = set()
    for path in files:
        with Image.open(path) as image:
            found.add((image.format, image.size))
    assert {kind for kind, _ in found} == {"PNG", "JPEG"}
    assert len({size for _, size in found}) > 50
    assert f"stages.new ../shapes {out}\n" in capsys.readouterr().out


def test_an_existing_folder_is_left_alone(tmp_path):
    with pytest.raises(InputError, match="exists; name a new folder"):
        drawings.write_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []

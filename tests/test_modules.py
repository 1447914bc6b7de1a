"""Modules that a knob names are found by their files, and read without importing them."""

import pytest

from stages.runtime import modules


@pytest.fixture
def root(tmp_path):
    """A project with a room of two networks and a helper."""
    room = tmp_path / "stages/networks"
    room.mkdir(parents=True)
    (room / "__init__.py").write_text("def build(*, hidden): pass\n")
    (room / "layers.py").write_text("def dense(x, *, units): pass\n")
    (room / "wide.py").write_text(
        "import not_installed\nLEARNS_FROM = 'images'\n"
        "def build(inputs, *, seed, width, rates=(), depth=2, start=not_installed.one()): pass\n"
    )
    (room / "a_net.py").write_text("def build(inputs): pass\n")
    return tmp_path


def test_files_that_define_the_function_are_offered_with_their_keywords(root):
    assert modules.offered("networks", "build", root) == {
        "a_net": {},
        "wide": {
            "seed": modules.REQUIRED,
            "width": modules.REQUIRED,
            "rates": [],
            "depth": 2,
            "start": None,
        },
    }
    assert modules.offered("nowhere", "build", root) == {}


def test_constants_are_read_without_an_import(root):
    assert modules.constant("networks", "wide", "LEARNS_FROM", root) == "images"
    assert modules.constant("networks", "a_net", "LEARNS_FROM", root) is None

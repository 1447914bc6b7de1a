"""Pickles of CIFAR: read whoever wrote them, refused where they name anything but arrays."""

import os
import pickle

import numpy as np
import pytest

from stages.datasets import pickles
from stages.runtime.errors import InputError

DATA = np.arange(2 * 3072, dtype=np.uint16).astype(np.uint8).reshape(2, 3072)
PYTHON_2 = (  # {"data": uint8[1, 2], "fine_labels": [7], "filenames": ["a.png"]}, as cPickle wrote it
    b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85"
    b"U\x01b\x87Rq\x05(K\x01K\x01K\x02\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff"
    b"\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x02\xc8\x05tbU\x0bfine_labelsq\x08]q\tK\x07aU\tfilenamesq\n]q"
    b"\x0bU\x05a.pngq\x0cau."
)


def test_a_pickle_as_python_2_wrote_it_is_read():
    loaded = pickles.load(PYTHON_2, name="train")
    assert loaded["data"].tolist() == [[200, 5]]
    assert (loaded["data"].dtype, loaded["fine_labels"], loaded["filenames"]) == (np.uint8, [7], [b"a.png"])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("is_fortran", [False, True])
@pytest.mark.parametrize("kind", [str, str.encode])
def test_a_pickle_of_python_3_is_read_in_every_protocol_with_keys_of_both_kinds(protocol, is_fortran, kind):
    data = np.asfortranarray(DATA) if is_fortran else DATA
    content = pickle.dumps({kind("data"): data, kind("fine_labels"): [0, 99]}, protocol)
    loaded = pickles.load(content, name="train")
    assert np.array_equal(loaded["data"], DATA)
    assert loaded["fine_labels"] == [0, 99]


def test_the_name_that_numpy_2_gave_its_functions_is_known_under_the_older_one():
    content = pickle.dumps({"data": DATA}, 2)
    assert b"numpy._core" in content
    old = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert np.array_equal(pickles.load(old, name="train")["data"], DATA)


class Evil:
    """Calls a function where it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("function", [os.system, eval, os.mkdir, np.fromfile, np.load, getattr])
def test_a_pickle_that_calls_anything_is_refused_and_nothing_ran(tmp_path, protocol, function):
    evil = Evil(function, str(tmp_path / "pwned"))
    with pytest.raises(InputError, match=r"^train is not a pickled dict .* is not allowed"):
        pickles.load(pickle.dumps({"data": evil}, protocol), name="train")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"<html>", PYTHON_2[:-9], pickle.dumps([1]), pickle.dumps({5: 5})[:9]]
)
def test_damage_and_other_things_than_a_dict_are_one_message(content):
    with pytest.raises(InputError, match=r"^train is not a pickled dict of arrays and texts"):
        pickles.load(content, name="train")


def test_a_lack_of_memory_is_not_taken_for_damage(monkeypatch):
    def fail(self):
        raise MemoryError

    monkeypatch.setattr(pickles._Unpickler, "load", fail, raising=False)
    with pytest.raises(MemoryError):
        pickles.load(PYTHON_2, name="train")


@pytest.mark.parametrize("length", range(0, len(PYTHON_2), 7))
def test_a_pickle_cut_off_anywhere_is_refused_in_one_printable_line(length):
    with pytest.raises(InputError, match=r"^train is not a pickled dict of arrays and texts: ") as caught:
        pickles.load(PYTHON_2[:length], name="train")
    assert str(caught.value).isprintable()

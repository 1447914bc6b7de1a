"""Hostile pickles: each is refused with a message, none has an effect, none takes much memory."""

import os
import pickle
import random
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.datasets import pickles, python2_pickles
from stages.errors import InputError

BATCH = {
    b"filenames": [b"a.png", b"b" * 300],
    b"fine_labels": [0, 255, 256, 70_000],
    b"data": np.arange(2 * 3072, dtype=np.uint16).astype(np.uint8).reshape(2, 3072),
}


def same(left, right):
    return all(np.array_equal(left[key], right[key]) for key in right) and set(left) == set(right)


def test_a_pickle_as_python_2_wrote_it_is_read_as_pickle_reads_it():
    content = python2_pickles.dumps(BATCH)
    assert same(pickles.load(content, name="train"), BATCH)
    assert same(pickle.loads(content, encoding="bytes"), BATCH)


class Evil:
    """Runs a command where it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_runs_a_command_is_refused_and_nothing_ran(tmp_path, protocol):
    evil = Evil(os.system, f"touch {tmp_path / 'pwned'}")
    with pytest.raises(InputError, match=r"is no CIFAR pickle: .* is not allowed"):
        pickles.load(pickle.dumps({b"data": evil}, protocol), name="train")
    assert list(tmp_path.iterdir()) == []


def call(module, name, *arguments):
    """Pickles a dict whose value calls a function, in the instructions that CIFAR's pickles need."""
    given = b"".join(python2_pickles._item(argument) for argument in arguments)
    return b"\x80\x02}(U\x04datac" + f"{module}\n{name}\n(".encode() + given + b"tRu."


@pytest.mark.parametrize(
    "content",
    [
        call("os", "system", b"true"),
        call("builtins", "eval", b"1"),
        call("numpy", "load", b"/etc/passwd"),
        call("numpy", "fromfile", b"/etc/passwd"),
        call("numpy.core.multiarray", "fromfile", b"/etc/passwd"),
        call("numpy", "ndarray.tofile", b"a"),
    ],
)
def test_no_function_but_those_of_an_array_can_be_called(content):
    with pytest.raises(InputError, match="is not allowed"):
        pickles.load(content, name="train")


ARRAY = python2_pickles.dumps({b"data": BATCH[b"data"]})


@pytest.mark.parametrize(
    "content",
    [
        call("numpy", "dtype", b"O8", 0, 1),
        call("numpy.core.multiarray", "_reconstruct", b"no array", b"", b"b"),
        call("numpy", "ndarray", 1 << 30),  # would take a gigabyte
        ARRAY.replace(b"U\x02u1", b"U\x02O8"),
        ARRAY.replace(b"K\x01K\x02J", b"K\x01K\x03J", 1),  # three rows of two
        ARRAY.replace(b"\x89T", b"\x88T", 1),  # Fortran order
        ARRAY.replace(
            b"K\x01K\x02J\x00\x0c\x00\x00", b"K\x01J\xff\xff\xff\xffJ\x00\x0c\x00\x00", 1
        ),  # -1 rows
        ARRAY.replace(b"K\x01K\x02J\x00\x0c\x00\x00", b"K\x01K\x02J\xff\xff\xff\x7f", 1),  # 2**31 - 1 columns
        ARRAY.replace(b"K\x01K\x02J\x00\x0c\x00\x00\x86", b"K\x01J\x00\x18\x00\x00", 1),  # no tuple
        ARRAY.replace(b"K\x01K\x02J", b"K\x01\x88J", 1),  # True rows
        ARRAY.replace(b"K\x01K\x02J", b"K\x01K\x01J", 1),  # one row of two
        b"\x80\x02}K\x01K\x02s.",  # a key that is no text
        b"\x80\x02}U\x04data)s.",  # a tuple
        b"\x80\x02}U\x04data]]as.",  # a list in a list
        b"\x80\x02}U\x04data}s.",  # a dict in a dict
        b"\x80\x02}U\x04datacnumpy\nndarray\ns.",  # a class
        ARRAY[: ARRAY.index(b"(K\x01K\x02J")] + b"u.",  # an array without values
        b"\x80\x02]q\x01.",  # a list
        b"\x80\x02}",
        b"",
        b"<html>",
        ARRAY[:-1],
        ARRAY[:100],
    ],
)
def test_a_spoilt_pickle_is_refused(content):
    with pytest.raises(InputError, match="train is no CIFAR pickle"):
        pickles.load(content, name="train")


@pytest.mark.parametrize("code", [b"O", b"V1", b"u2", b"f4", b"S1", b"M8[s]", b"i1"])
def test_an_array_of_anything_but_bytes_is_refused(code):
    content = ARRAY.replace(b"U\x02u1", b"U" + bytes([len(code)]) + code)
    with pytest.raises(InputError, match="array of type"):
        pickles.load(content, name="train")


def test_tuples_in_tuples_are_refused_as_hashing_them_would_crash_python():
    load = 'pickles.load(b"\\x80\\x02})" + b"\\x85" * 1_000_000 + b"K\\x01s.", name="train")'
    ended = subprocess.run(
        [sys.executable, "-c", f"from stages.datasets import pickles; {load}"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert ended.returncode == 1
    assert (
        "InputError: train is no CIFAR pickle: more than 2000000 instructions or 100 tuples" in ended.stderr
    )


def test_lists_in_lists_are_refused():
    with pytest.raises(InputError, match="more than 2000000 instructions"):
        pickles.load(b"\x80\x02}U\x04data" + b"]" * 1_000_000 + b"a" * 999_999 + b"s.", name="train")


@pytest.mark.parametrize("container", [b"](h%ch%ce", b"h%ch%c\x86", b"](h%ch%ct"])
def test_a_pickle_that_doubles_what_it_holds_again_and_again_is_refused(container):
    levels = [container % (level, level) + b"q" + bytes([level + 1]) for level in range(60)]
    with pytest.raises(InputError, match="sharing anything but text is not allowed"):
        pickles.load(b"\x80\x02}U\x04data]q\x00" + b"".join(levels) + b"s.", name="train")


def test_a_number_given_to_text_and_then_to_a_list_does_not_share_the_list():
    content = b"\x80\x02}U\x04data](U\x01aq\x01]q\x01h\x01es."
    with pytest.raises(InputError, match="sharing anything but text is not allowed"):
        pickles.load(content, name="train")


def test_text_and_names_may_be_shared_as_python_2_did():
    content = b"\x80\x02}q\x01(U\x01aq\x02]q\x03(U\x01bq\x04h\x04h\x02eu."
    assert (
        pickles.load(content, name="train")
        == {b"a": [b"b", b"b", b"a"]}
        == pickle.loads(content, encoding="bytes")
    )


def test_a_memo_of_gigabytes_is_refused_before_memory_is_taken_for_it():
    with pytest.raises(InputError, match="memo number 2147483648 is not allowed"):
        pickles.load(b"\x80\x02}r" + struct.pack("<I", 1 << 31) + b".", name="train")


def test_a_memo_number_far_above_those_before_it_is_refused_in_a_large_pickle_too():
    content = b"\x80\x02}U\x04dataT" + struct.pack("<i", 1 << 20) + bytes(1 << 20) + b"r\x00\x00\x0f\x00s."
    with pytest.raises(InputError, match="memo number 983040 is not allowed"):
        pickles.load(content, name="train")


@pytest.mark.parametrize("name", ["numpy\nndarray", "numpy\ndtype", "numpy.core.multiarray\n_reconstruct"])
def test_nothing_outlives_a_pickle_that_sets_attributes(name):
    before = [(vars(kind).keys(), kind.__slots__) for kind in (pickles._Array, pickles._DType)]
    content = f"\x80\x02}}U\x04datac{name}\n".encode("latin-1") + b"}U\x01aK\x01sbs."
    with pytest.raises(InputError):
        pickles.load(content, name="train")
    assert [(vars(kind).keys(), kind.__slots__) for kind in (pickles._Array, pickles._DType)] == before
    assert {type(known) for known in pickles._Unpickler._known.values()} == {type}


@pytest.mark.parametrize("protocol", [0, 1, 3, 4, 5])
def test_a_pickle_of_another_kind_than_the_official_ones_is_refused_though_harmless(protocol):
    with pytest.raises(InputError, match=r"instruction [A-Z_0-9]+ is not allowed"):
        pickles.load(pickle.dumps({b"fine_labels": [b"1", 2.5]}, protocol), name="train")


def test_a_lack_of_memory_is_not_taken_for_a_damaged_pickle(monkeypatch):
    def starve(content):
        raise MemoryError

    monkeypatch.setattr(pickles, "_check_instructions", starve)
    with pytest.raises(MemoryError):
        pickles.load(ARRAY, name="train")


PIECES = [
    *(code.to_bytes(1, "big") for code in b"\x80.(NRbJKMGTUaelst}]u)\x85\x86\x87\x88\x89\x8aqrhjcio0123"),
    *(b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"cnumpy.core.multiarray\n_reconstruct\n", b"cos\nsystem\n"),
    *(b"U\x02u1", b"U\x04abcd", b"K\x00", b"K\x01", b"q\x01", b"h\x01", b"J\xff\xff\xff\xff", b"\x80\x02}"),
]
SMALL = python2_pickles.dumps(BATCH | {b"data": np.arange(60, dtype=np.uint8).reshape(2, 30)})


def load_or_refuse(content):
    """Loads within memory in proportion to the content, and nothing of Python changes."""
    modules = set(sys.modules)
    tracemalloc.start()
    try:
        value = pickles.load(content, name="train")
    except InputError as error:
        value, message = None, str(error)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000 + 200 * len(content)
    assert set(sys.modules) == modules
    if value is None:
        assert message.isprintable()
        assert len(message) < 400
    else:
        assert_is_of_the_promised_kind(value)


def assert_is_of_the_promised_kind(value):
    assert type(value) is dict
    for key, item in value.items():
        assert type(key) is bytes
        assert type(item) in (type(None), bytes, int, list, np.ndarray)
        if type(item) is list:
            assert {type(entry) for entry in item} <= {bytes, int}
        if type(item) is np.ndarray:
            assert item.dtype == np.uint8


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=500) | st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))
def test_any_bytes_at_all_are_loaded_as_promised_or_refused(content):
    load_or_refuse(content)
    load_or_refuse(b"\x80\x02" + content + b".")


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 1 << 32), changes=st.integers(1, 4), length=st.integers(0, len(SMALL)))
def test_a_pickle_changed_anywhere_is_loaded_as_promised_or_refused(seed, changes, length):
    draw, content = random.Random(seed), bytearray(SMALL)
    for _ in range(changes):
        start = draw.randrange(len(content))
        content[start : start + draw.randrange(3)] = draw.choice([draw.randbytes(1), draw.choice(PIECES)])
    load_or_refuse(bytes(content))
    load_or_refuse(SMALL[:length])


@pytest.mark.parametrize(
    "piece", [b"]", b"}", b"N", b"K\x01", b"U\x00", b"U\x01aq\x01", b"U\x01ar\x01\x00\x00\x00"]
)
def test_a_large_pickle_of_small_things_takes_memory_in_proportion(piece):
    load_or_refuse(b"\x80\x02}U\x04data](" + piece * 20_000 + b"es.")

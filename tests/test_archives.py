"""Hostile tar archives and pickles: each is refused with a message, none has an effect."""

import gzip
import io
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest

from stages.datasets import pickles, python2_pickles
from stages.datasets.archives import Limits, read_members
from stages.datasets.generated import write_tar
from stages.errors import InputError


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "archive.tgz"


def write_members(archive, *members, format=tarfile.PAX_FORMAT):
    """Writes an archive of TarInfo objects or names, each of four bytes where regular."""
    with tarfile.open(archive, "w:gz", format=format) as tar:
        for member in members:
            if isinstance(member, str):
                member = tarfile.TarInfo(member)
                member.size = 4
            tar.addfile(member, io.BytesIO(b"data") if member.size else None)


def special(name, kind, target=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def read(archive, expected=lambda name: True, **limits):
    return dict(read_members(archive, expected, limits=Limits(**limits)))


def test_expected_files_come_in_order_under_normalised_names(archive):
    write_members(archive, special("a", tarfile.DIRTYPE), "./a/second.txt", "a//first.txt", "a/other.mat")
    assert list(read(archive, lambda name: name.endswith(".txt"))) == ["a/second.txt", "a/first.txt"]


def test_macos_side_files_are_passed_over(archive):
    write_members(archive, "._images", "images/._bird.jpg", "images/bird.jpg")
    assert list(read(archive)) == ["images/bird.jpg"]


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 65536])
def test_contents_of_any_size_come_back_whole(archive, size):
    contents = {"a": os.urandom(size), "b": b"after"}
    write_tar(archive, contents)
    assert read(archive) == contents


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        (special("a", tarfile.SYMTYPE, "/etc/passwd"), "no regular file"),
        (special("a", tarfile.LNKTYPE, "b"), "no regular file"),
        (special("a", tarfile.CHRTYPE), "no regular file"),
        (special("a", tarfile.BLKTYPE), "no regular file"),
        (special("a", tarfile.FIFOTYPE), "no regular file"),
        (special("a", tarfile.GNUTYPE_SPARSE), "no regular file"),
        ("../a", "lies outside"),
        ("a/../../b", "lies outside"),
        ("/a", "lies outside"),
        ("a\\..\\b", "lies outside"),
    ],
)
def test_a_member_that_no_data_set_needs_is_refused_even_where_it_is_not_wanted(archive, member, problem):
    write_members(archive, member, format=tarfile.GNU_FORMAT)
    with pytest.raises(InputError, match=problem):
        read(archive, lambda name: False)


def test_a_member_that_is_there_twice_is_refused(archive):
    write_members(archive, "a/b", "a/./b")
    with pytest.raises(InputError, match="'a/b' is there twice"):
        read(archive)


def test_more_members_than_allowed_are_refused(archive):
    write_members(archive, "a", "b", "c")
    assert len(read(archive, members=3)) == 3
    with pytest.raises(InputError, match="'c' is one of more than 2"):
        read(archive, members=2)


def test_a_member_larger_than_allowed_is_refused_before_it_is_read(archive):
    write_tar(archive, {"a": bytes(2000)})
    with pytest.raises(InputError, match="'a' has 2000 bytes, expected at most 1999"):
        read(archive, member_bytes=1999)


@pytest.mark.parametrize("is_wanted", [True, False])
def test_an_archive_that_unpacks_to_more_than_allowed_is_refused(archive, is_wanted):
    write_tar(archive, {name: bytes(100_000) for name in "abcdef"})
    with pytest.raises(InputError, match="unpacks to more than 300000 bytes"):
        read(archive, lambda name: is_wanted, total_bytes=300_000)


def test_a_name_of_a_gigabyte_is_refused_before_memory_is_taken_for_it(archive):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    with gzip.open(archive, "wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        file.write(bytes(10_000))
    with pytest.raises(InputError, match="unpacks to more than"):
        read(archive)


def test_an_archive_cut_off_anywhere_is_refused(archive):
    write_tar(archive, {"a": os.urandom(3000), "b": os.urandom(3000)})
    whole = archive.read_bytes()
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        archive.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"is damaged or no \.tar\.gz"):
            read(archive)


def test_an_archive_with_a_flipped_bit_is_refused(archive):
    write_tar(archive, {"a": os.urandom(3000)})
    content = bytearray(archive.read_bytes())
    content[1500] ^= 1
    archive.write_bytes(content)
    with pytest.raises(InputError, match=r"is damaged or no \.tar\.gz"):
        read(archive)


@pytest.mark.parametrize("content", [b"", b"<html>", gzip.compress(b"no tar" * 999)])
def test_what_is_no_archive_is_refused(archive, content):
    archive.write_bytes(content)
    with pytest.raises(InputError, match=r"is damaged or no \.tar\.gz"):
        read(archive)


def test_a_missing_archive_names_the_command_that_fetches_it(archive):
    with pytest.raises(InputError, match=r"python -m stages.download"):
        read(archive)


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


def test_a_memo_of_gigabytes_is_refused_before_memory_is_taken_for_it():
    with pytest.raises(InputError, match="memo number 2147483648 is not allowed"):
        pickles.load(b"\x80\x02}r" + struct.pack("<I", 1 << 31) + b".", name="train")


@pytest.mark.parametrize("protocol", [0, 1, 3, 4, 5])
def test_a_pickle_of_another_kind_than_the_official_ones_is_refused_though_harmless(protocol):
    with pytest.raises(InputError, match=r"instruction [A-Z_0-9]+ is not allowed"):
        pickles.load(pickle.dumps({b"fine_labels": [b"1", 2.5]}, protocol), name="train")

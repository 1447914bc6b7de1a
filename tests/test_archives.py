"""Tar archives: exactly the expected regular files, and a message that says what was found instead."""

import gzip
import io
import os
import tarfile
import zipfile

import pytest
from small_archives import write_tar

from stages.datasets.archives import read_members
from stages.runtime.errors import InputError


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "archive.tgz"


def read(archive, expected=("a",), **options):
    return dict(read_members(archive, expected, **options))


def special(name, kind, target=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def test_expected_and_optional_files_come_under_normalised_names_and_others_are_skipped(archive):
    write_tar(
        archive, {"./b/second": b"2", "._b": b"mac", "b//first": b"1", "/etc/passwd": b"x", "../up": b"x"}
    )
    found = read(archive, ["b/first"], optional=["b/second", "b/third"])
    assert found == {"b/second": b"2", "b/first": b"1"}


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 65536])
def test_contents_of_any_size_come_back_whole(archive, size):
    contents = {"a": os.urandom(size), "b": b"after"}
    write_tar(archive, contents)
    assert read(archive, contents) == contents


def test_a_plain_tar_is_read_too(archive):
    write_tar(archive, {"a": b"data"})
    archive.write_bytes(gzip.decompress(archive.read_bytes()))
    assert read(archive) == {"a": b"data"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_an_expected_file_that_is_a_link_or_otherwise_special_is_refused(archive, kind):
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(special("a", kind, "/etc/passwd"))
    with pytest.raises(InputError, match="a must be a regular file"):
        read(archive)


def test_a_file_larger_than_allowed_is_refused_before_it_is_read(archive):
    write_tar(archive, {"a": bytes(2000)})
    assert len(read(archive, max_bytes=2000)["a"]) == 2000
    with pytest.raises(InputError, match="regular file of at most 1999 bytes"):
        read(archive, max_bytes=1999)


def test_of_a_file_that_is_there_twice_the_first_counts(archive):
    with tarfile.open(archive, "w:gz") as tar:
        for content in (b"1", b"2"):
            member = tarfile.TarInfo("a")
            member.size = 1
            tar.addfile(member, io.BytesIO(content))
    assert read(archive) == {"a": b"1"}


def test_another_edition_or_a_folder_more_is_named_beside_what_was_expected(archive):
    write_tar(archive, {f"CUB_200_2011/images/{number}.jpg": b"x" for number in range(5)})
    with pytest.raises(InputError) as caught:
        read(archive, ["lists/train.txt", "lists/test.txt"])
    assert str(caught.value) == (
        f"{archive} lacks 'lists/test.txt', 'lists/train.txt'; found 5 members:"
        " 'CUB_200_2011/images/0.jpg', 'CUB_200_2011/images/1.jpg', 'CUB_200_2011/images/2.jpg', and 2 more."
        " Is it another edition, or packed inside another folder?"
    )


def test_a_missing_archive_is_an_error_that_names_it(archive):
    with pytest.raises(InputError, match=r"archive\.tgz not found; `dvc repro` downloads it"):
        read(archive)


def test_a_zip_archive_is_named_as_such(archive):
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("a", "data")
    with pytest.raises(InputError, match=r"archive\.tgz is a zip archive, expected a whole \.tar\.gz"):
        read(archive)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "damaged or no archive"),
        (b"x" * 2000, "damaged or no archive"),
        (b"\n<!DOCTYPE html><title>Confirm</title>", "a web page"),
        (gzip.compress(b"no tar" * 999, mtime=0), "damaged or cut off"),
    ],
)
def test_what_is_not_an_archive_is_named(archive, content, kind):
    archive.write_bytes(content)
    with pytest.raises(InputError, match=f"is {kind}, expected a whole"):
        read(archive)


def test_an_archive_cut_off_anywhere_is_refused(archive):
    write_tar(archive, {"b": os.urandom(3000), "a": os.urandom(3000)})
    whole = archive.read_bytes()
    for length in range(0, len(whole) - 200, 97):
        archive.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"archive\.tgz (is|lacks)"):
            read(archive)


def test_an_archive_whose_checksum_is_wrong_is_refused(archive):
    write_tar(archive, {"a": b"0123456789"})
    content = bytearray(archive.read_bytes())
    content[-8] ^= 1  # the first byte of gzip's CRC
    archive.write_bytes(content)
    with pytest.raises(InputError, match="is damaged or cut off"):
        read(archive)

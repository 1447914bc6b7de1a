"""Hostile tar archives: each is refused with a message, none has an effect."""

import gzip
import io
import os
import tarfile
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def write_blocks(archive, *blocks):
    with gzip.open(archive, "wb", compresslevel=1) as file:
        for block in blocks:
            file.write(block)


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
    header = special("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    header.size = 1 << 30
    write_blocks(archive, header.tobuf(tarfile.GNU_FORMAT), bytes(10_000))
    with pytest.raises(InputError, match="has a header of 1073741824 bytes, expected at most 65536"):
        read(archive)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE])
def test_a_header_of_a_negative_size_is_refused_as_it_would_read_all_there_is(archive, kind):
    header = special("././@LongLink", kind)
    header.size = -512
    write_blocks(archive, header.tobuf(tarfile.GNU_FORMAT), bytes(10_000))
    with pytest.raises(InputError, match="has a header of -512 bytes"):
        read(archive)


def test_headers_of_more_than_allowed_in_all_are_refused(archive):
    write_members(archive, *[str(number) for number in range(100)])
    assert len(read(archive, headers_bytes=60_000)) == 100
    with pytest.raises(InputError, match="has more than 50000 bytes of headers"):
        read(archive, headers_bytes=50_000)


def sparse(name, **headers):
    member = tarfile.TarInfo(name)
    member.pax_headers = {f"GNU.sparse.{key}": value for key, value in headers.items()}
    return member


def test_a_sparse_map_without_end_is_refused_before_memory_is_taken_for_it(archive):
    member = sparse("a", major="1", minor="0")
    content = b"900000\n" + b"1\n" * 800_000
    member.size = len(content)
    write_blocks(archive, member.tobuf(tarfile.PAX_FORMAT), content, bytes(10_240))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="has more than 65536 bytes of headers"):
            read(archive, headers_bytes=1 << 16)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "headers", [{"map": "0,1", "size": "9"}, {"size": "9", "numblocks": "1"}, {"major": "1", "minor": "0"}]
)
def test_a_sparse_member_of_any_kind_is_refused(archive, headers):
    content = b"1\n0\n1\n".ljust(512, b"\0")
    member = sparse("a", **headers)
    member.size = len(content)
    write_blocks(archive, member.tobuf(tarfile.PAX_FORMAT), content, bytes(10_240))
    with pytest.raises(InputError, match="no regular file"):
        read(archive)


@pytest.mark.parametrize("content", [b"x\n", b"1\nx\n", b"9" * 5000 + b"\n", b""])
def test_a_sparse_map_that_is_none_is_refused(archive, content):
    member = sparse("a", major="1", minor="0")
    member.size = len(content)
    write_blocks(archive, member.tobuf(tarfile.PAX_FORMAT), content.ljust(5120, b" "), bytes(10_240))
    with pytest.raises(InputError, match=r"is damaged or no \.tar\.gz|no regular file"):
        read(archive)


def test_a_size_that_a_later_header_belittles_is_refused(archive):
    member = tarfile.TarInfo("a")
    member.size = 1 << 70
    header = member.tobuf(tarfile.GNU_FORMAT)
    small = sparse("a", realsize="4").tobuf(tarfile.PAX_FORMAT)[:1024]
    write_blocks(archive, small, header, b"data".ljust(512, b"\0"), bytes(10_240))
    with pytest.raises(InputError, match=r"is damaged or no \.tar\.gz .*offset-sized integer"):
        read(archive)


@pytest.mark.parametrize("size", ["-512", "-1024", str(1 << 40), "9" * 30])
def test_a_size_that_would_lead_back_or_beyond_the_archive_is_refused(archive, size):
    member = tarfile.TarInfo("a")
    member.pax_headers = {"size": size}
    write_blocks(archive, member.tobuf(tarfile.PAX_FORMAT), b"x" * 512, bytes(10_240))
    with pytest.raises(InputError, match=f"'a' has {size} bytes, expected at most 268435456"):
        read(archive, lambda name: False)


@pytest.mark.parametrize(
    ("name", "problem"),
    [("../../etc/passwd", "lies outside"), ("/etc/passwd", "lies outside"), ("a\\..\\b", "lies outside")],
)
@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_a_long_name_is_held_to_the_same_rules(archive, name, problem, format):
    write_members(archive, name + "/x" * 100, format=format)
    with pytest.raises(InputError, match=problem) as caught:
        read(archive)
    assert len(str(caught.value)) < 600


def test_a_link_by_way_of_pax_headers_is_refused(archive):
    member = special("a", tarfile.SYMTYPE)
    member.pax_headers = {"linkpath": "/etc/passwd", "path": "images/a.jpg"}
    write_members(archive, member)
    with pytest.raises(InputError, match=r"'images/a\.jpg' is a link"):
        read(archive)


def test_a_name_for_all_members_makes_them_duplicates(archive):
    with tarfile.open(archive, "w:gz", pax_headers={"path": "a"}) as tar:
        tar.addfile(tarfile.TarInfo("b"))
        tar.addfile(tarfile.TarInfo("c"))
    with pytest.raises(InputError, match="'a' is there twice"):
        read(archive)


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2J", "a\u202eb", "a\0b"])
def test_a_name_with_control_characters_is_passed_over_or_shown_harmlessly(archive, name):
    write_members(archive, name, "b")
    assert "b" in read(archive, {"b"}.__contains__)
    write_members(archive, special(name, tarfile.FIFOTYPE))
    with pytest.raises(InputError) as caught:
        read(archive)
    assert str(caught.value).isprintable()


def test_a_file_named_like_a_folder_of_another_harms_neither(archive):
    write_members(archive, "a", "a/b", special("a/b", tarfile.DIRTYPE))
    assert read(archive) == {"a": b"data", "a/b": b"data"}


def test_an_archive_of_several_gzip_members_is_one_archive(archive):
    write_tar(archive, {"a": b"1" * 3000, "b": b"2"})
    tar = gzip.decompress(archive.read_bytes())
    archive.write_bytes(
        b"".join(gzip.compress(tar[start : start + 1000]) for start in range(0, len(tar), 1000))
    )
    assert read(archive) == {"a": b"1" * 3000, "b": b"2"}


@pytest.mark.parametrize("rubbish", [b"x", b"<html>", gzip.compress(b"x")])
def test_what_follows_the_end_of_an_archive_is_refused(archive, rubbish):
    write_tar(archive, {"a": b"1"})
    archive.write_bytes(archive.read_bytes() + rubbish)
    with pytest.raises(InputError, match=r"is damaged or no \.tar\.gz"):
        read(archive)


def test_a_damaged_header_is_not_taken_for_the_end_of_the_archive(archive):
    write_tar(archive, {"a": b"1", "b": b"2"})
    tar = bytearray(gzip.decompress(archive.read_bytes()))
    tar[1024] ^= 1  # in the name of b, whose checksum is then wrong
    archive.write_bytes(gzip.compress(tar))
    with pytest.raises(InputError, match="its last member is not followed by the end mark alone"):
        read(archive)


def test_an_archive_whose_last_members_are_missing_is_refused_though_gzip_is_content(archive):
    write_tar(archive, {"a": b"1", "b": b"2"})
    archive.write_bytes(gzip.compress(gzip.decompress(archive.read_bytes())[:1024]))
    with pytest.raises(InputError, match="its last member is not followed by the end mark alone"):
        read(archive)


def test_zeros_without_end_after_the_last_member_are_refused(archive):
    write_tar(archive, {"a": b"1"})
    archive.write_bytes(archive.read_bytes() + gzip.compress(bytes(1 << 20)))
    with pytest.raises(InputError, match="not followed by the end mark alone"):
        read(archive, total_bytes=100_000)


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


CONTENTS = {"a": b"1" * 700, f"{'b' * 90}/{'c' * 60}": b"2" * 512, "d": b"", "e/f": bytes(range(256)) * 5}
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def tar_bytes(format):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
        for name, content in CONTENTS.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if format == tarfile.PAX_FORMAT:
                member.pax_headers = {"path": name, "size": str(len(content)), "comment": "x"}
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


VALID = [tar_bytes(format) for format in FORMATS]
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "add", "end"]), st.floats(0, 1), st.binary(min_size=1, max_size=9)
    ),
    min_size=1,
    max_size=4,
)


def changed(content, changes):
    """Overwrites, removes or inserts a few bytes at a place, or cuts off what follows it."""
    content = bytearray(content)
    for kind, place, replacement in changes:
        start = int(place * len(content))
        end = start + len(replacement)
        match kind:
            case "set":
                content[start:end] = replacement
            case "cut":
                del content[start:end]
            case "add":
                content[start:start] = replacement
            case "end":
                del content[start:]
    return bytes(content)


def with_right_checksums(tar):
    tar = bytearray(tar)
    for start in range(0, len(tar) - 511, 512):
        header = tar[start : start + 512]
        if header[257:262] == b"ustar":
            header[148:156] = b" " * 8
            tar[start + 148 : start + 156] = b"%06o\0 " % sum(header)
    return bytes(tar)


def read_or_refuse(path, content):
    """Returns what an archive of these bytes holds, None where it is refused."""
    path.write_bytes(content)
    try:
        return read(path, total_bytes=1 << 20)
    except InputError as error:
        message = str(error)
    assert message.isprintable()
    assert len(message) < 600 + len(str(path))
    return None


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=2000), is_packed=st.booleans())
def test_any_bytes_at_all_are_refused(tmp_path_factory, content, is_packed):
    path = tmp_path_factory.getbasetemp() / "any.tgz"
    assert not read_or_refuse(path, gzip.compress(content) if is_packed else content)


@settings(max_examples=300, deadline=None)
@given(valid=st.sampled_from(VALID), changes=CHANGES)
def test_an_archive_changed_anywhere_is_refused_or_whole(tmp_path_factory, valid, changes):
    path = tmp_path_factory.getbasetemp() / "changed.tgz"
    found = read_or_refuse(path, changed(gzip.compress(valid, mtime=0), changes))
    assert found is None or found == CONTENTS


@settings(max_examples=300, deadline=None)
@given(valid=st.sampled_from(VALID), changes=CHANGES, is_header_right=st.booleans())
def test_an_archive_changed_before_it_was_packed_is_refused_or_a_valid_other(
    tmp_path_factory, valid, changes, is_header_right
):
    path = tmp_path_factory.getbasetemp() / "repacked.tgz"
    tar = changed(valid, changes)
    found = read_or_refuse(path, gzip.compress(with_right_checksums(tar) if is_header_right else tar, 1))
    for content in (found or {}).values():
        assert content in tar  # nothing but what the archive holds

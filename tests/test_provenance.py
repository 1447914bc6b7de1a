"""Where data come from, and what is said of all that is made of them."""

import hashlib
import json

import pytest

from stages.runtime.errors import InputError
from stages.sources import provenance


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["official", "official"], "official"),
        (["official", "stand-in"], "stand-in"),
        (["own", "stand-in", "official"], "own"),
        (["own", "generated", "official"], "generated"),
    ],
)
def test_the_worst_source_decides_for_the_whole(kinds, expected):
    assert provenance.worst({f"{place}.tgz": {"kind": kind} for place, kind in enumerate(kinds)}) == expected


def write_archives(folder, content=b"archive"):
    folder.mkdir()
    (folder / "a.tgz").write_bytes(content)
    entry = {"kind": "stand-in", "sha256": hashlib.sha256(b"archive").hexdigest(), "note": "x"}
    (folder / "provenance.json").write_text(json.dumps({"a.tgz": entry}))
    return {"a.tgz": entry}


def test_downloaded_archives_are_what_their_provenance_says(tmp_path):
    sources = write_archives(tmp_path / "archives")
    assert provenance.sources_of(tmp_path / "archives") == sources


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"other")])
def test_an_archive_that_changed_since_it_was_downloaded_is_an_error(tmp_path, spoil):
    write_archives(tmp_path / "archives")
    spoil(tmp_path / "archives/a.tgz")
    with pytest.raises(
        InputError, match=r"a\.tgz is missing or changed since it was downloaded, expected sha256"
    ):
        provenance.sources_of(tmp_path / "archives")


def test_any_other_folder_or_file_is_the_users_own_under_its_name(tmp_path):
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets/a.png").write_bytes(b"image")
    (tmp_path / "mine.keras").write_bytes(b"model")
    assert provenance.sources_of(tmp_path / "pets")["pets"]["kind"] == "own"
    assert provenance.sources_of(tmp_path / "mine.keras") == {
        "mine.keras": {"kind": "own", "sha256": hashlib.sha256(b"model").hexdigest()}
    }


def test_the_hash_of_an_own_folder_counts_names_and_contents_but_not_what_is_hidden(tmp_path):
    hashes = []
    for name, content in (("a.png", b"1"), (".DS_Store", b"2"), ("b.png", b"3"), ("a.png", b"4")):
        (tmp_path / "pets/cats").mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets/cats" / name).write_bytes(content)
        hashes.append(provenance.sources_of(tmp_path / "pets")["pets"]["sha256"])
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_a_missing_source_is_an_error_that_says_where_it_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere not found; .*, or correct `from` in params.yaml"):
        provenance.sources_of(tmp_path / "nowhere")


def test_what_is_written_of_an_item_is_read_again(tmp_path):
    sources = {"a.tgz": {"kind": "official"}, "b.tgz": {"kind": "stand-in"}}
    assert provenance.write(tmp_path / "pets.json", sources, format="folder") == "stand-in"
    written = {"kind": "stand-in", "format": "folder", "sources": sources}
    assert provenance.read(tmp_path / "pets.json") == written

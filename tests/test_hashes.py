"""Whether files are still as their stage wrote them."""

import hashlib

import pytest

from stages.runtime.errors import InputError
from stages.runtime.hashes import check_files, file_hash


def test_a_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"some bytes")
    assert file_hash(tmp_path / "a") == hashlib.sha256(b"some bytes").hexdigest()
    assert file_hash(tmp_path / "a", "md5") == hashlib.md5(b"some bytes").hexdigest()


def test_changed_files_are_named_with_both_hashes_and_the_remedy(tmp_path):
    for name in ("good.npy", "bad.npy"):
        (tmp_path / name).write_text(name)
    hashes = {name: file_hash(tmp_path / name) for name in ("good.npy", "bad.npy")}
    check_files(tmp_path, hashes)
    (tmp_path / "bad.npy").write_text("changed")
    received = file_hash(tmp_path / "bad.npy")
    with pytest.raises(InputError) as caught:
        check_files(tmp_path, hashes)
    assert str(caught.value) == (
        f"{tmp_path}/bad.npy has sha256 {received[:12]}..., but its stage wrote {hashes['bad.npy'][:12]}...;"
        " run `python -m stages.verify --repair`, then `dvc repro`"
    )

"""Which bytes results rest on, as an inspection finds it: archives, provenance, the publisher's hash."""

import hashlib
import json
from pathlib import Path

import pytest
import small_study

from stages.inspection.provenance import archives_problem, backbone_problem, kinds
from stages.inspection.workspaces import Workspace

CIFAR, CUB = "data/archives/cifar100", "data/archives/cub200"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    small_study.write(tmp_path)
    return Workspace(tmp_path, small_study.PARAMS)


@pytest.mark.parametrize("source", small_study.ARCHIVES)
def test_archives_that_are_as_their_provenance_says_are_right(workspace: Workspace, source: str) -> None:
    assert archives_problem(workspace, source) is None


def test_an_archive_with_other_bytes_than_its_provenance_says_is_found(workspace: Workspace) -> None:
    (workspace.root / CUB / "images.tgz").write_text("another cub2OO")
    (received, expected) = (
        hashlib.sha256(text.encode()).hexdigest()[:12] for text in ("another cub2OO", "another cub200")
    )
    assert archives_problem(workspace, "cub200") == (
        f"holds images.tgz of 14 bytes, sha256 {received}...,"
        f" its provenance.json says 14 bytes, {expected}..."
    )


def test_a_size_that_is_not_the_archives_is_found(workspace: Workspace) -> None:
    small_study.edit_json(workspace.root / CUB / "provenance.json", "images.tgz", "bytes", value=15)
    assert "of 14 bytes" in str(archives_problem(workspace, "cub200"))


def test_official_is_believed_only_of_the_publishers_bytes(workspace: Workspace) -> None:
    small_study.edit_json(workspace.root / CUB / "provenance.json", "images.tgz", "kind", value="official")
    assert archives_problem(workspace, "cub200") == (
        "says that images.tgz is 'official', by the hash in params.yaml it is 'stand-in'"
    )


def test_the_publishers_bytes_under_another_name_are_not_official(workspace: Workspace) -> None:
    folder = workspace.root / CIFAR
    (folder / "cifar.tgz").rename(folder / "other.tgz")
    entry = json.loads((folder / "provenance.json").read_text())["cifar.tgz"]
    small_study.write_json(folder / "provenance.json", {"other.tgz": entry})
    assert "says that other.tgz is 'official'" in str(archives_problem(workspace, "cifar100"))


def test_a_publisher_may_give_md5(workspace: Workspace) -> None:
    md5 = hashlib.md5(b"cifar100", usedforsecurity=False).hexdigest()
    params = {"sources": {"cifar100": {"cifar.tgz": {"bytes": 8, "md5": md5}}}}
    assert archives_problem(Workspace(workspace.root, params), "cifar100") is None


def test_an_archive_of_which_nobody_says_where_it_is_from_is_found(workspace: Workspace) -> None:
    (workspace.root / CUB / "lists.tgz").write_text("lists")
    assert archives_problem(workspace, "cub200") == (
        "holds images.tgz, lists.tgz, its provenance.json names images.tgz"
    )


def test_a_backbone_of_other_weights_than_were_fetched_is_found(workspace: Workspace) -> None:
    assert backbone_problem(workspace, Path("data/resnet50"), "resnet50") is None
    path = workspace.root / "data/resnet50/provenance.json"
    small_study.edit_json(path, "backbone.keras", "sha256", value="0" * 64)
    assert backbone_problem(workspace, Path("data/resnet50"), "resnet50") == (
        "names other sources than data/archives/resnet50/provenance.json"
    )


def test_a_result_names_kind_and_hash_of_its_sources() -> None:
    assert kinds({"b.tgz": {"kind": "stand-in", "sha256": "1", "bytes": 2}}) == {
        "b.tgz": {"kind": "stand-in", "sha256": "1"}
    }

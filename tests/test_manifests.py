"""Prepared data sets and features against their manifests, as an inspection finds it."""

from pathlib import Path

import numpy as np
import pytest
import small_study

from stages.errors import InputError
from stages.hashes import file_hash
from stages.inspection.manifests import dataset_problem, features_problem
from stages.inspection.workspaces import Workspace

FEATURES, IMAGES = Path("data/features"), Path("data/cub200/images.npy")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    small_study.write(tmp_path)
    return Workspace(tmp_path, small_study.PARAMS)


@pytest.fixture
def data(workspace: Workspace) -> Path:
    return workspace.root / "data/cub200"


def replace(path: Path, array: np.ndarray) -> None:
    """Writes an array and lets the manifest say so, as a stage that goes wrong would."""
    np.save(path, array)
    small_study.edit_json(path.with_name("manifest.json"), "sha256", path.name, value=file_hash(path))


def test_what_is_as_its_manifest_says_is_right(workspace: Workspace) -> None:
    assert dataset_problem(workspace, "cifar100") is None
    assert dataset_problem(workspace, "cub200") is None
    assert features_problem(workspace, FEATURES, IMAGES) is None


def test_a_dataset_of_other_archives_than_were_fetched_is_found(workspace: Workspace, data: Path) -> None:
    small_study.edit_json(data / "manifest.json", "sources", "images.tgz", "sha256", value="0" * 64)
    assert dataset_problem(workspace, "cub200") == (
        "names other sources than data/archives/cub200/provenance.json"
    )


def test_a_dataset_of_stand_ins_that_calls_itself_official_is_found(workspace: Workspace, data: Path) -> None:
    small_study.edit_json(data / "manifest.json", "provenance", value="official")
    assert dataset_problem(workspace, "cub200") == "says 'official', its sources are 'stand-in'"


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "split.npy"])
def test_an_array_of_another_hash_than_its_stage_noted_is_found(
    workspace: Workspace, data: Path, name: str
) -> None:
    array = np.load(data / name)
    array.flat[0] ^= 1
    np.save(data / name, array)
    assert f"holds {name} of sha256" in str(dataset_problem(workspace, "cub200"))


def test_an_array_whose_hash_nobody_noted_is_found(workspace: Workspace, data: Path) -> None:
    small_study.edit_json(data / "manifest.json", "sha256", value={})
    assert dataset_problem(workspace, "cub200") == (
        "holds images.npy, labels.npy, split.npy, its stage noted the hashes of nothing"
    )


def test_pictures_of_another_size_are_found(workspace: Workspace, data: Path) -> None:
    replace(data / "images.npy", np.zeros((40, 9, 8, 3), np.uint8))
    assert dataset_problem(workspace, "cub200") == (
        "holds images.npy as uint8[40, 9, 8, 3], expected uint8[40, 8, 8, 3]"
    )


def test_more_labels_than_pictures_are_found(workspace: Workspace, data: Path) -> None:
    replace(data / "labels.npy", np.zeros(41, np.int64))
    assert dataset_problem(workspace, "cub200") == "holds labels.npy as int64[41], expected int64[40]"


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_of_no_class_is_found(workspace: Workspace, data: Path, label: int) -> None:
    labels = np.load(data / "labels.npy")
    labels[0] = label
    replace(data / "labels.npy", labels)
    assert "holds labels from" in str(dataset_problem(workspace, "cub200"))


def test_a_picture_in_no_set_is_found(workspace: Workspace, data: Path) -> None:
    split = np.load(data / "split.npy")
    split[np.flatnonzero(split == 0)[0]] = 3
    replace(data / "split.npy", split)
    assert "and numbers to 3" in str(dataset_problem(workspace, "cub200"))


def test_sets_of_other_sizes_are_found(workspace: Workspace, data: Path) -> None:
    split = np.load(data / "split.npy")
    split[np.flatnonzero(split == 2)[0]] = 0
    replace(data / "split.npy", split)
    assert "holds sets of {'train': 15, 'validation': 6, 'test': 19}" in str(
        dataset_problem(workspace, "cub200")
    )


@pytest.mark.parametrize("names", [["ant", "bee"], ["ant", "bee", "bee"]])
def test_a_class_without_a_name_of_its_own_is_found(workspace: Workspace, data: Path, names: list) -> None:
    small_study.write_json(data / "class_names.json", names)
    assert dataset_problem(workspace, "cub200") == "holds 2 class names, its manifest says 3"


def test_a_cut_off_array_is_found(workspace: Workspace, data: Path) -> None:
    content = (data / "images.npy").read_bytes()
    (data / "images.npy").write_bytes(content[:-1])
    value = file_hash(data / "images.npy")
    small_study.edit_json(data / "manifest.json", "sha256", "images.npy", value=value)
    with pytest.raises(InputError, match=r"images\.npy is no readable array"):
        dataset_problem(workspace, "cub200")


def test_features_of_fewer_images_are_found(workspace: Workspace) -> None:
    small_study.write_features(workspace.root / FEATURES, 39)
    assert features_problem(workspace, FEATURES, IMAGES) == (
        "is of 39 images, data/cub200/images.npy holds 40"
    )


def test_features_of_another_hash_than_their_stage_noted_are_found(workspace: Workspace) -> None:
    np.save(workspace.root / FEATURES / "maps.npy", np.zeros((40, 2, 2, 4), np.float16))
    assert "holds maps.npy of sha256" in str(features_problem(workspace, FEATURES, IMAGES))


@pytest.mark.parametrize(
    ("name", "array", "expected"),
    [
        ("maps.npy", np.zeros((40, 2, 2, 4), np.float32), "float16[40, 2, 2, 4]"),
        ("pooled.npy", np.zeros((40, 3), np.float32), "float32[40, 4]"),
    ],
)
def test_features_of_another_shape_are_found(
    workspace: Workspace, name: str, array: np.ndarray, expected: str
) -> None:
    replace(workspace.root / FEATURES / name, array)
    assert str(features_problem(workspace, FEATURES, IMAGES)).endswith(f"expected {expected}")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_found(workspace: Workspace, value: float) -> None:
    pooled = np.load(workspace.root / FEATURES / "pooled.npy")
    pooled[7, 2] = value
    replace(workspace.root / FEATURES / "pooled.npy", pooled)
    assert features_problem(workspace, FEATURES, IMAGES) == "holds features that are no finite numbers"

"""Generated archives: official layout, reproducible, and classes that a network can tell apart."""

import hashlib

import numpy as np
import pytest

from stages.datasets import cifar100, cub200
from stages.demo.mirror import FINE_NAMES, write_checksums, write_mirror
from stages.runtime.errors import InputError
from stages.sources.checksums import is_generated, read_checksums


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated") / "mirror"
    write_mirror(folder)
    return folder


def read_cifar100(folder, classes):
    return cifar100.read(folder, classes=classes, image_size=32, scratch=folder)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(mirror, tmp_path):
    write_mirror(tmp_path / "again")
    write_mirror(tmp_path / "other", seed=1)
    again, other = contents(tmp_path / "again"), contents(tmp_path / "other")
    assert contents(mirror) == again
    assert sorted(again) == ["SHA256SUMS", "cifar-100-python.tar.gz", "images.tgz", "lists.tgz"]
    assert [name for name in again if again[name] == other[name]] == ["lists.tgz"]


def test_the_archives_have_the_numbers_asked_for(tmp_path):
    counts = {"train_per_class": 3, "test_per_class": 2, "train_per_species": 4, "test_per_species": 1}
    write_mirror(tmp_path, n_classes=2, n_species=3, **counts)
    images = read_cifar100(tmp_path, ["0-1"])
    birds = cub200.read(tmp_path, classes=["all"], image_size=8, scratch=tmp_path)
    assert (len(images.labels), int(images.is_test.sum())) == (10, 4)
    assert (len(birds.labels), int(birds.is_test.sum())) == (15, 3)
    with pytest.raises(InputError, match="no images of 2 "):
        read_cifar100(tmp_path, ["0-2"])


def test_the_meta_file_has_the_official_names_of_all_classes():
    assert len(FINE_NAMES) == len(set(FINE_NAMES)) == 100
    assert list(FINE_NAMES) == sorted(FINE_NAMES)
    # Of the names in the official meta file, joined by spaces.
    digest = hashlib.md5(" ".join(FINE_NAMES).encode()).hexdigest()
    assert digest == "9295dc8e20f9e2e862978c5334db9bb8"


def test_every_file_of_a_mirror_is_in_its_checksums_also_one_added_later(mirror, tmp_path):
    for name, content in contents(mirror).items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "resnet50_backbone.keras").write_bytes(b"backbone")
    write_checksums(tmp_path)
    sums = read_checksums(tmp_path / "SHA256SUMS")
    assert sums["resnet50_backbone.keras"] == hashlib.sha256(b"backbone").hexdigest()
    assert sums.items() > read_checksums(mirror / "SHA256SUMS").items()
    assert set(sums) == {path.name for path in tmp_path.iterdir()} - {"SHA256SUMS"}
    assert is_generated(tmp_path / "SHA256SUMS")


def test_averages_of_classes_tell_most_test_images_apart_but_not_all(mirror):
    examples = read_cifar100(mirror, ["0-9"])
    images, labels, is_test = examples.images.astype(float), examples.labels, examples.is_test
    averages = np.stack([images[(labels == label) & ~is_test].mean(axis=0) for label in range(10)])
    for mirrored in (images, images[:, :, ::-1]):
        distances = ((mirrored[is_test][:, None] - averages) ** 2).sum(axis=(2, 3, 4))
        accuracy = (distances.argmin(axis=1) == labels[is_test]).mean()
        assert 0.4 < accuracy < 0.95

"""An own folder of images: layouts, names, what is skipped, which images test."""

import shutil

import numpy as np
import pytest
from PIL import Image
from small_archives import encoded, noise, write_folder

from stages.datasets import folder
from stages.datasets.packing import pack, pixel_hash
from stages.runtime.errors import InputError


def read(source, *, classes=("all",), image_size=8, **options):
    scratch = source.parent / "scratch.npy"
    return folder.read(source, classes=list(classes), image_size=image_size, scratch=scratch, **options)


@pytest.fixture
def pets(tmp_path):
    return write_folder(tmp_path / "pets", {"dogs": 20, "cats": 10, "übrige Tiere": 5})


def test_sub_folders_are_classes_in_sorted_order_and_a_fifth_of_each_tests(pets):
    found = read(pets)
    assert (found.images.shape, found.images.dtype) == ((35, 8, 8, 3), np.uint8)
    assert isinstance(found.images, np.memmap)
    assert found.class_names == ["cats", "dogs", "übrige Tiere"]
    assert np.bincount(found.labels).tolist() == [10, 20, 5]
    assert np.bincount(found.labels[found.is_test]).tolist() == [2, 4, 1]


def test_share_and_seed_choose_the_test_images_by_content_alone(pets, tmp_path):
    def tests(source, **options):
        found = read(source, **options)
        return {pixel_hash(image) for image in found.images[found.is_test]}

    shutil.copytree(pets, tmp_path / "copy")
    for path in sorted((tmp_path / "copy/dogs").iterdir()):
        path.rename(path.with_name(f"{99 - int(path.stem)}.PNG"))
    assert tests(tmp_path / "copy") == tests(pets)
    assert tests(pets, split_seed=1) != tests(pets)
    assert len(tests(pets, test_share=0.4)) == 14


def test_the_same_images_test_at_every_size(pets):
    small, large = read(pets, image_size=4), read(pets, image_size=16)
    assert np.array_equal(small.is_test, large.is_test)


def test_equal_content_gives_equal_bytes_whatever_the_order_of_the_file_system(pets, tmp_path, monkeypatch):
    walk, packed = folder.os.walk, {}

    def reversed_walk(top):
        return reversed([(place, folders, files[::-1]) for place, folders, files in walk(top)])

    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        packed[name] = pack(tmp_path / name, read(pets), share=0.2, seed=0)
        monkeypatch.setattr(folder.os, "walk", reversed_walk)
    assert packed["first"] == packed["second"]


def test_train_and_test_folders_are_the_splits(tmp_path):
    source = write_folder(tmp_path / "pets", {"train/a": 4, "train/b": 3, "test/a": 2, "test/b": 1})
    found = read(source)
    assert found.class_names == ["a", "b"]
    assert np.bincount(found.labels[found.is_test]).tolist() == [2, 1]
    assert np.bincount(found.labels[~found.is_test]).tolist() == [4, 3]


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val"])
def test_validation_folders_join_the_training_pool_and_this_is_said(tmp_path, capsys, name):
    counts = {"Train/a": 4, "Train/b": 4, "test/a": 1, "test/b": 1, f"{name}/a": 2}
    found = read(write_folder(tmp_path / "pets", counts))
    assert (np.sum(~found.is_test), np.sum(found.is_test)) == (10, 2)
    assert (
        f"Train, {name} are one pool; the study draws its validation images itself" in capsys.readouterr().out
    )


def test_without_a_test_folder_beside_train_test_images_are_drawn(tmp_path):
    found = read(write_folder(tmp_path / "pets", {"train/a": 10, "train/b": 10}))
    assert (found.class_names, int(found.is_test.sum())) == (["a", "b"], 4)


def test_train_is_a_class_where_other_classes_are_beside_it(tmp_path):
    source = write_folder(tmp_path / "vehicles", {"bus": 5, "train": 5, "test": 5})
    assert read(source).class_names == ["bus", "test", "train"]


def test_nested_folders_of_a_class_are_read_and_classes_may_be_chosen(tmp_path):
    source = write_folder(tmp_path / "pets", {"a/2023/may": 5, "a": 5, "b/deep/er/still": 5, "c": 5})
    found = read(source, classes=["a", 1])
    assert found.class_names == ["a", "b"]
    assert np.bincount(found.labels).tolist() == [10, 5]


def test_names_of_one_look_are_one_class_however_a_file_system_writes_the_umlaut(tmp_path):
    found = read(write_folder(tmp_path / "pets", {"B\u00e4r": 3, "Ba\u0308r": 3, "Hund": 6}))
    assert found.class_names == ["B\u00e4r", "Hund"]
    assert np.bincount(found.labels).tolist() == [6, 6]


def test_hidden_and_other_files_are_skipped_with_one_counted_line(pets, capsys):
    for name in (".DS_Store", "cats/.hidden.png", "cats/notes.txt", "cats/.thumbs/1.png", "loose.png"):
        (pets / name).parent.mkdir(exist_ok=True)
        (pets / name).write_bytes(b"no image")
    (pets / ".git").mkdir()
    (pets / "cats/link.png").symlink_to("nowhere")
    assert len(read(pets).labels) == 35
    assert capsys.readouterr().out == (
        f"{pets}: skipped 6 files that are hidden, of other kinds, or not in a class's folder\n"
    )


def test_every_kind_of_image_is_read(tmp_path):
    source = write_folder(tmp_path / "pets", {"a": 2, "b": 4})
    for name, kind in (("grey.JPG", "JPEG"), ("w.webp", "WEBP"), ("wrong_suffix.jpeg", "PNG")):
        (source / "a" / name).write_bytes(encoded(noise(99).convert("L"), kind))
    (source / "b/inks.jpg").write_bytes(encoded(Image.new("CMYK", (9, 9)), "JPEG"))
    assert np.bincount(read(source).labels).tolist() == [5, 5]


def test_a_damaged_image_is_one_message_that_names_the_file(pets):
    (pets / "cats/3.png").write_bytes((pets / "cats/3.png").read_bytes()[:100])
    with pytest.raises(InputError, match=r"pets/cats/3\.png cannot be decoded as JPEG, PNG or WebP"):
        read(pets)
    assert len(read(pets, classes=["dogs", "übrige Tiere"]).labels) == 25


def test_a_class_of_very_few_images_is_an_error_with_counts(tmp_path):
    source = write_folder(tmp_path / "pets", {"cats": 2, "dogs": 10, "eels": 1})
    with pytest.raises(InputError) as caught:
        read(source)
    assert str(caught.value) == (
        f"{source}: class 'cats' has 2, 'eels' has 1 image(s), expected at least 3: one each to train,"
        " validate and test (13 images of 3 classes); add some, or leave it out of `classes`"
    )


def test_a_class_folder_without_images_is_an_error_that_names_it(tmp_path):
    source = write_folder(tmp_path / "pets", {"cats": 4, "dogs": 4, "notes": 0})
    with pytest.raises(InputError, match=r"no images of 2 \(notes\); 2 of 3 classes have some"):
        read(source)
    assert read(source, classes=["cats", "dogs"]).class_names == ["cats", "dogs"]


@pytest.mark.parametrize(
    "counts", [{}, {"cats": 5}, {"train/a": 3}, {"a": 0, "b": 0}, {"train": 3, "test": 3}]
)
def test_fewer_than_two_classes_or_no_images_are_an_error_that_says_what_was_found(tmp_path, counts):
    (tmp_path / "pets").mkdir()
    with pytest.raises(
        InputError, match=r"pets holds \d images .* of \d classes .*, expected a folder for each"
    ):
        read(write_folder(tmp_path / "pets", counts))


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path):
    (tmp_path / "pets").write_bytes(b"")
    with pytest.raises(InputError, match="is not a folder; it must hold a folder of images per class"):
        read(tmp_path / "pets")


def test_a_training_image_that_is_also_in_the_test_folder_does_not_train(tmp_path):
    source = write_folder(tmp_path / "pets", {"train/a": 10, "train/b": 10, "test/a": 2, "test/b": 2})
    shutil.copy(source / "test/a/0.png", source / "train/a/again.png")
    (tmp_path / "out").mkdir()
    manifest = pack(tmp_path / "out", read(source), share=0.1, seed=0)
    assert manifest["duplicates"] == {"pool_and_test": 1, "within_pool": 0, "within_test": 0}
    images, split = (np.load(tmp_path / f"out/{name}.npy") for name in ("images", "split"))
    trained = [pixel_hash(image) for image in images[split == 0]]
    assert not set(trained) & {pixel_hash(image) for image in images[split != 0]}


def test_equal_images_never_lie_on_both_sides_of_a_drawn_split(tmp_path):
    source = write_folder(tmp_path / "pets", {"a": 10, "b": 10})
    for number in range(5):
        shutil.copy(source / f"a/{number}.png", source / f"a/copy_{number}.png")
    found = read(source)
    hashes = np.array([pixel_hash(image) for image in found.images])
    assert not set(hashes[found.is_test]) & set(hashes[~found.is_test])

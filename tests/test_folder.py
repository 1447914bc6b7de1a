"""An own folder of images: layouts, names, what is skipped, which images test."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from small_archives import encoded, noise, write_folder

from stages.datasets import folder
from stages.datasets.packing import pack, pixel_hash
from stages.runtime.errors import InputError


def read(source, *, classes=("all",), image_size=8, **options):
    scratch = source.parent / "scratch"
    scratch.mkdir(exist_ok=True)
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


def test_train_and_test_folders_are_the_splits(tmp_path):
    source = write_folder(tmp_path / "pets", {"train/a": 4, "train/b": 3, "test/a": 2, "test/b": 1})
    found = read(source)
    assert found.class_names == ["a", "b"]
    assert np.bincount(found.labels[found.is_test]).tolist() == [2, 1]
    assert np.bincount(found.labels[~found.is_test]).tolist() == [4, 3]


@pytest.mark.parametrize("name", ["valid", "Val"])
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


def test_what_is_no_image_of_a_class_is_skipped_and_counted_by_kind(pets, capsys):
    for name in (".DS_Store", "cats/.hidden.png", "cats/a.txt", "dogs/b.TXT", "cats/.t/1.png", "loose.png"):
        (pets / name).parent.mkdir(exist_ok=True)
        (pets / name).write_bytes(b"no image")
    (pets / "cats/README").write_bytes(b"")
    (pets / ".git").mkdir()
    (pets / "#recycle/old").mkdir(parents=True)
    (pets / "#recycle/old/1.png").write_bytes(b"")
    assert len(read(pets).labels) == 35
    assert capsys.readouterr().out == (
        f"{pets}: skipped 2 .txt, 2 hidden, 2 outside a class folder, 1 without suffix\n"
    )


@pytest.mark.parametrize("litter", ["@eaDir", "__MACOSX"])
def test_what_storages_and_systems_leave_is_no_class_and_no_image(pets, capsys, litter):
    """Thumbnails below each class, and a folder next to the classes."""
    write_folder(pets, {litter: 3, f"cats/{litter}/0.png": 2, f"dogs/deep/{litter}": 1}, seed=99)
    found = read(pets)
    assert np.bincount(found.labels).tolist() == [10, 20, 5]
    assert f"skipped 3 in {litter}\n" in capsys.readouterr().out


def test_every_kind_of_image_is_read(tmp_path):
    source = write_folder(tmp_path / "pets", {"a": 2, "b": 4})
    for name, kind in (
        ("grey.JPG", "JPEG"),
        ("w.webp", "WEBP"),
        ("wrong_suffix.jpeg", "PNG"),
        ("b.bmp", "BMP"),
        ("t.tif", "TIFF"),
        ("g.gif", "GIF"),
    ):
        (source / "a" / name).write_bytes(encoded(noise(99).convert("L"), kind))
    (source / "b/inks.jpg").write_bytes(encoded(Image.new("CMYK", (9, 9)), "JPEG"))
    assert np.bincount(read(source).labels).tolist() == [8, 5]


def damage(folder, numbers):
    for number in numbers:
        path = folder / f"{number}.png"
        path.write_bytes(path.read_bytes()[:100])


def test_all_damaged_images_are_told_together_some_and_a_count(pets):
    damage(pets / "cats", range(2, 9))
    with pytest.raises(InputError) as caught:
        read(pets)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{pets}: 7 of 35 images cannot be read:"
    assert [line.split(" cannot be decoded")[0] for line in lines[1:6]] == [
        f"  {pets}/cats/{number}.png" for number in range(2, 7)
    ]
    assert lines[6:] == [
        "  and 2 more",
        "replace, remove or skip them: skip_damaged: true in params.yaml, --skip-damaged of stages.new",
    ]
    assert len(read(pets, classes=["dogs", "übrige Tiere"]).labels) == 25


def test_a_name_that_would_control_the_terminal_is_shown_escaped(pets, capsys):
    (pets / "cats/a.\x1b[2j").write_bytes(b"")
    (pets / "dogs/b\x1b[2J.png").write_bytes(b"")
    read(pets, skip_damaged=True)
    out = capsys.readouterr().out
    assert "skipped 1 .\\x1b[2j\n" in out
    assert "b\\x1b[2J.png cannot be decoded" in out
    assert "\x1b" not in out


def test_damaged_images_are_skipped_on_demand_and_counted(pets, capsys):
    whole = read(pets, classes=["cats", "dogs"])
    damage(pets / "cats", [2, 5])
    found = read(pets, skip_damaged=True, sizes=[4])
    assert f"{pets}: 2 of 35 images cannot be read:" in capsys.readouterr().out
    assert np.bincount(found.labels).tolist() == [8, 20, 5]
    assert len(found.further[4]) == len(found.images) == len(found.is_test) == 33
    kept = {pixel_hash(image) for image in whole.images[whole.labels == 0]}
    assert len(kept & {pixel_hash(image) for image in found.images[found.labels == 0]}) == 8


def test_an_image_removed_while_the_folder_is_read_is_named_as_such(pets, monkeypatch):
    found = folder.images_below

    def and_remove(place):
        answer = found(place)
        (pets / "cats/3.png").unlink(missing_ok=True)
        return answer

    monkeypatch.setattr(folder, "images_below", and_remove)
    with pytest.raises(InputError, match=r"cats/3\.png was removed while it was being read; run again"):
        read(pets)


def test_classes_of_too_few_images_are_told_together_with_what_is_damaged(tmp_path):
    source = write_folder(tmp_path / "pets", {"cats": 4, "dogs": 4, "few": 2, "notes": 0})
    few = (
        f"{source}: a class needs at least 3 different images, but 'few' has 2, 'notes' has 0; add images,"
        " remove its folder, or list the other classes in `classes`"
    )
    with pytest.raises(InputError) as caught:
        read(source)
    assert str(caught.value) == few
    damage(source / "cats", [1])
    with pytest.raises(InputError) as caught:
        read(source)
    first, *_, last = str(caught.value).splitlines()
    assert (first, last) == (f"{source}: 1 of 10 images cannot be read:", few)
    assert read(source, classes=["cats", "dogs"], skip_damaged=True).class_names == ["cats", "dogs"]


@pytest.mark.parametrize("counts", [{}, {"cats": 5}, {"train": 3, "test": 3}])
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


def packed(source, out, **options):
    """Reads and packs a folder; returns images, labels and split."""
    out.mkdir()
    pack(out, read(source, **options), share=0.2, seed=0)
    return [np.load(out / f"{name}.npy") for name in ("images", "labels", "split")]


def assert_no_leak(images, split):
    sides = [{pixel_hash(image) for image in images[split == side]} for side in range(3)]
    assert not (sides[0] & sides[1]) | (sides[0] & sides[2]) | (sides[1] & sides[2])


def test_images_of_the_test_folder_that_are_also_in_train_are_left_out_there(tmp_path):
    """A third of train/ is in test/, too."""
    source = write_folder(tmp_path / "pets", {"train/a": 9, "train/b": 9, "test/a": 1, "test/b": 1})
    for name in ("a/0", "a/1", "a/2", "b/3", "b/4", "b/5"):
        shutil.copy(source / f"train/{name}.png", source / f"test/{name.replace('/', '/again ')}.png")
    images, labels, split = packed(source, tmp_path / "out")
    assert np.bincount(split).tolist() == [10, 2, 8, 6]
    assert np.bincount(labels[split == 3]).tolist() == [3, 3]
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["duplicates"] == {"within_pool": 0, "within_test": 0, "pool_and_test": 6}
    assert_no_leak(images, split)


def test_a_folder_in_which_every_file_is_there_twice_can_be_learned_from(tmp_path):
    source = write_folder(tmp_path / "pets", {"a": 10, "b": 10})
    for path in sorted(source.rglob("*.png")):
        shutil.copy(path, path.with_name(f"copy of {path.name}"))
    images, _, split = packed(source, tmp_path / "out")
    assert np.bincount(split).tolist() == [24, 8, 8]
    assert_no_leak(images, split)


def test_classes_that_differ_in_capitals_alone_are_refused_also_across_train_and_test(tmp_path):
    for counts in ({"A": 5, "a": 5, "b": 5}, {"train/Cat": 5, "train/dog": 5, "test/cat": 1, "test/dog": 1}):
        source = write_folder(tmp_path / str(len(counts)), counts)
        with pytest.raises(InputError, match="differ only in capitals"):
            read(source)

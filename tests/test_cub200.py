"""The birds' archives: lists against images."""

import numpy as np
import pytest
from PIL import Image
from small_archives import encoded, write_tar

from stages.datasets import cub200
from stages.runtime.errors import InputError

COLOURS = {"001.Red_Bird": (200, 0, 0), "002.Green_Bird": (0, 200, 0), "003.Blue_Bird": (0, 0, 200)}
TRAIN = [f"{folder}/{number}.jpg" for number in (1, 2) for folder in COLOURS]
TEST = [f"{folder}/3.jpg" for folder in COLOURS]


def write(folder, *, train=TRAIN, test=TEST, newline="\n", images=None, lists=None):
    """Writes archives of three species in one colour each, with what a test changes."""
    contents = {
        f"lists/{name}.txt": newline.join(entries).encode()
        for name, entries in (("train", train), ("test", test))
    }
    write_tar(folder / cub200.LISTS, contents | (lists or {}))
    birds = {
        f"images/{name}": encoded(Image.new("RGB", (20 + place, 30), COLOURS[name.partition("/")[0]]), "JPEG")
        for place, name in enumerate(sorted(TRAIN + TEST))
    }
    write_tar(folder / cub200.IMAGES, birds | (images or {}))
    return folder


def read(folder, *, classes=("all",), image_size=8, **options):
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    return cub200.read(folder, classes=list(classes), image_size=image_size, scratch=scratch, **options)


def test_listed_images_come_as_squares_with_labels_and_names(tmp_path):
    found = read(write(tmp_path))
    assert (found.images.shape, found.images.dtype) == ((9, 8, 8, 3), np.uint8)
    assert isinstance(found.images, np.memmap)  # all are 0.9 GB
    assert found.class_names == ["Red Bird", "Green Bird", "Blue Bird"]
    assert sorted(zip(found.labels.tolist(), found.is_test.tolist(), strict=True)) == [
        (label, is_test) for label in range(3) for is_test in (False, False, True)
    ]
    assert found.images.mean(axis=(1, 2)).argmax(axis=1).tolist() == found.labels.tolist()


def test_each_image_is_there_in_every_size_and_shape_asked_for(tmp_path):
    found = read(write(tmp_path), image_size=30, sizes=[4, 30], resize="pad")
    assert found.further.keys() == {4}
    assert found.further[4].shape == (9, 4, 4, 3)
    assert found.further[4][:, 2, 2].argmax(axis=1).tolist() == found.labels.tolist()
    assert (found.images[:, 0, 0] == 128).all()  # images are 20 to 28 wide, 30 high


@pytest.mark.parametrize("newline", ["\n", "\r\n", " \t\n\n  "])
def test_line_ends_blanks_and_a_missing_last_newline_do_not_matter(tmp_path, newline):
    assert len(read(write(tmp_path, newline=newline)).labels) == 9


def test_a_byte_order_mark_does_not_matter(tmp_path):
    train = "\n".join(TRAIN).encode("utf-8-sig")
    assert len(read(write(tmp_path, lists={"lists/train.txt": train})).labels) == 9


def test_names_in_other_alphabets_and_endings_in_capitals_are_taken(tmp_path):
    other = ["001.Red_Bird/Rotkehlchen_Übergröße.JPG", "001.Red_Bird/赤い鳥.Png"]
    images = {f"images/{name}": encoded(Image.new("RGB", (9, 9), (200, 0, 0))) for name in other}
    assert len(read(write(tmp_path, train=[*TRAIN, *other], images=images)).labels) == 11


def test_chosen_classes_alone_are_decoded(tmp_path):
    found = read(write(tmp_path, images={f"images/{TRAIN[0]}": b"damaged"}), classes=["Blue_Bird", 1])
    assert found.class_names == ["Green Bird", "Blue Bird"]
    assert found.images.mean(axis=(1, 2)).argmax(axis=1).tolist() == [label + 1 for label in found.labels]


def test_images_in_no_list_and_other_files_are_skipped(tmp_path):
    others = {"images/._x.jpg": b"mac", "images/001.Red_Bird/new.jpg": b"?", "images/README": b"?"}
    assert len(read(write(tmp_path, images=others, lists={"lists/splits.mat": b"?"})).labels) == 9


def test_a_class_between_others_may_be_missing_but_not_chosen(tmp_path):
    some = {
        key: [name for name in names if "002" not in name]
        for key, names in {"train": TRAIN, "test": TEST}.items()
    }
    write(tmp_path, **some)
    assert read(tmp_path, classes=[0, 2]).class_names == ["Red Bird", "Blue Bird"]
    with pytest.raises(InputError, match=r"no images of 1 \(class 1\); 2 of 3 classes have some"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": [*TRAIN, "001.Red_Bird/9.jpg"]}, "images.tgz lacks 'images/001.Red_Bird/9.jpg'; found 9"),
        ({"train": [*TRAIN, TRAIN[0]]}, f"lists.tgz: '{TRAIN[0]}' is listed twice in train.txt and test.txt"),
        ({"test": [*TEST, TRAIN[1]]}, f"lists.tgz: '{TRAIN[1]}' is listed twice"),
        ({"train": [*TRAIN, "/etc/passwd"]}, "received '/etc/passwd', expected NNN.Class_name/file.jpg"),
        ({"train": [*TRAIN, "../../x.jpg"]}, "received '../../x.jpg', expected NNN.Class_name/file.jpg"),
        ({"train": [*TRAIN, "001.Red_Bird/x.gif"]}, "received '001.Red_Bird/x.gif', expected"),
        ({"train": [*TRAIN, "000.Bird/a.jpg"]}, "received '000.Bird/a.jpg', expected"),
        ({"train": [*TRAIN, "001.Red\x1b[2JBird/x.jpg"]}, "received '001.Red\\x1b[2JBird/x.jpg', expected"),
        ({"train": [*TRAIN, "001.Other/a.jpg"]}, "a class has two names, or two classes have one"),
        ({"train": [*TRAIN, "004.Red_Bird/a.jpg"]}, "a class has two names, or two classes have one"),
        ({"lists": {"lists/train.txt": b"\xff\xfe"}}, "the lists are not UTF-8 text (byte 0)"),
        ({"images": {f"images/{TEST[0]}": b"<html>"}}, f"images.tgz: images/{TEST[0]} cannot be decoded"),
        (
            {"images": {f"images/{name}": b"<html>" for name in TRAIN}},
            " 1 more\nget the archive again",
        ),
    ],
)
def test_lists_and_images_that_do_not_agree_are_an_error_that_names_the_entry(tmp_path, change, message):
    with pytest.raises(InputError) as caught:
        read(write(tmp_path, **change))
    assert message in str(caught.value)


def test_a_missing_list_is_an_error_that_names_it(tmp_path):
    write(tmp_path)
    write_tar(tmp_path / cub200.LISTS, {"lists/train.txt": "\n".join(TRAIN).encode()})
    with pytest.raises(InputError, match=r"lacks 'lists/test\.txt'; found 1 members: 'lists/train\.txt'"):
        read(tmp_path)

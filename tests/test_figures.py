"""Pictures: equal data give equal bytes, and every shape of study can be drawn."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from stages.results.figures import (
    draw_accuracy_per_class,
    draw_comparison,
    draw_confusion_matrix,
    draw_learning_curves,
)

CURVES = {"training": [(1, 3.0), (2, 2.0)], "validation": [(1, 3.1), (2, 2.5)]}


def draw_all(folder: Path, n_classes: int = 4) -> list[Path]:
    """Draws one of each kind and returns their paths."""
    names = tuple(f"class_{label}" for label in range(n_classes))
    confusion = np.eye(n_classes, dtype=np.int64) * 3 + 1
    rows = [(name, (label + 1) / (n_classes + 1), 10) for label, name in enumerate(names)]
    draw_learning_curves(folder / "curves.png", CURVES, CURVES, title="final")
    draw_comparison(folder / "comparison.png", CURVES, CURVES, title="Zoom", note="not run yet: zoom_50")
    draw_confusion_matrix(folder / "confusion.png", confusion, names, title="final")
    draw_accuracy_per_class(folder / "classes.png", rows, title="final")
    return sorted(folder.glob("*.png"))


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_equal_data_give_equal_bytes_whatever_style_the_user_prefers(tmp_path):
    first = [path.read_bytes() for path in draw_all(tmp_path / "first")]
    preferred = {"font.size": 20, "savefig.dpi": 50, "axes.facecolor": "black"}
    with matplotlib.rc_context(preferred):
        second = [path.read_bytes() for path in draw_all(tmp_path / "second")]
        assert matplotlib.rcParams["font.size"] == 20, "the user's style must be left as it was"
    assert len(first) == 4
    assert first == second


def test_other_data_give_another_picture(tmp_path):
    draw_learning_curves(tmp_path / "one.png", CURVES, CURVES, title="final")
    draw_learning_curves(tmp_path / "two.png", {"training": [(1, 9.0)]}, CURVES, title="final")
    assert (tmp_path / "one.png").read_bytes() != (tmp_path / "two.png").read_bytes()


def test_pictures_carry_no_date_and_no_version(tmp_path):
    for path in draw_all(tmp_path):
        with Image.open(path) as image:
            assert image.info == {}, path.name


def test_two_hundred_classes_fit_the_same_page(tmp_path):
    many, few = draw_all(tmp_path / "many", 200), draw_all(tmp_path / "few", 25)
    sizes = {path.name: size_of(path) for path in many}
    # 28 named rows of 0.21 inch and 1.8 for title and legend, 100 pixels an inch; 25 rows in the small study
    assert sizes["classes.png"] == (760, 768)
    assert size_of(next(path for path in few if path.name == "classes.png")) == (760, 705)
    assert sizes["confusion.png"] == (820, 760)
    assert all(path.stat().st_size < 80_000 for path in many + few)


def test_one_epoch_is_a_visible_point(tmp_path):
    one = {"training": [(1, 3.0)]}
    draw_learning_curves(tmp_path / "one.png", one, one, title="final")
    with Image.open(tmp_path / "one.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    is_blue = (np.abs(pixels - [0x00, 0x72, 0xB2]) < 30).all(axis=2)
    # above the x axis, in the left half: the point and the legend's line and point
    assert is_blue[:, :480].sum() > 100


@pytest.mark.parametrize("n_lines", [1, 7, 9])
def test_more_variants_than_colours_can_be_compared(tmp_path, n_lines):
    lines = {f"variant_{number}": [(1, 1.0 + number), (2, 0.5 + number)] for number in range(n_lines)}
    draw_comparison(tmp_path / "many.png", lines, lines, title="Many")
    assert size_of(tmp_path / "many.png") == (960, 460)


def test_a_class_without_images_leaves_its_row_empty(tmp_path):
    draw_confusion_matrix(tmp_path / "empty.png", np.array([[2, 0], [0, 0]]), ("a", "b"), title="final")
    assert (tmp_path / "empty.png").stat().st_size > 1000

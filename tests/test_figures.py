"""Pictures: equal data give equal bytes, and every shape of study can be drawn."""

import re
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from stages.results import drawing
from stages.results.class_figures import draw_accuracy_per_class, draw_confusion_matrix
from stages.results.classification import ClassAccuracy
from stages.results.drawing import BLUE, PALETTE, VERMILION, labels
from stages.results.figures import _draw_curves, draw_comparison, draw_learning_curves, draw_overview


def curve(values, index, band: float = 0.0, name: str = "epoch") -> pd.DataFrame:
    """Returns a curve, with a band so wide on each side."""
    values = pd.Series(values, pd.Index(index, name=name))
    columns = {"low": values - band, "high": values + band} if band else {}
    return pd.DataFrame({"value": values} | columns)


EPOCHS = [1, 2]
CURVES = {"training": curve([3.0, 2.0], EPOCHS), "validation": curve([3.1, 2.5], EPOCHS)}
COMPARED = {"styles": [0, 1], "reported": [{"loss": 2.2}, {}], "title": "Zoom"}


RAN = {
    "accuracy": 0.4,
    "accuracy_low": 0.38,
    "accuracy_high": 0.42,
    "section": None,
    "accuracies": [0.39, 0.41],
}
NOT_RUN = dict.fromkeys(RAN) | {"accuracies": []}
OVERVIEW = [
    {"variant": "base", "reported_accuracy": 0.5, **RAN, "section": "1.2"},
    {"variant": "own", "reported_accuracy": None, **RAN},
    {"variant": "later", "reported_accuracy": None, **NOT_RUN},
]


def draw_classes(folder: Path, n_classes: int) -> None:
    """Draws what has a row per class."""
    names = tuple(f"class_{label}" for label in range(n_classes))
    confusion = np.eye(n_classes, dtype=np.int64) * 3 + 1
    shares = [(label + 1) / (n_classes + 1) for label in range(n_classes)]
    rows = [ClassAccuracy(name, share, 10, share / 2, 1.0) for name, share in zip(names, shares, strict=True)]
    draw_confusion_matrix(folder / "confusion.png", confusion, names, title="final")
    draw_accuracy_per_class(folder / "classes.png", rows, names, title="final")


def draw_all(folder: Path) -> list[Path]:
    """Draws one of each kind and returns their paths."""
    draw_learning_curves(folder / "curves.png", CURVES, CURVES, title="final")
    draw_comparison(folder / "comparison.png", CURVES, CURVES, **COMPARED, note="not run yet: zoom_50")
    draw_classes(folder, 4)
    draw_overview(folder / "overview.png", OVERVIEW, title="Every variant")
    return sorted(folder.glob("*.[ps][nv]g"))


def is_near(path: Path, colour: str, distance: int = 30) -> np.ndarray:
    """Returns bool[height, width]: which pixels have almost this colour."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    wanted = 255 * np.array(matplotlib.colors.to_rgb(colour))
    return (np.abs(pixels - wanted) < distance).all(axis=2)


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The paths of one of each kind."""
    return draw_all(tmp_path_factory.mktemp("drawn"))


def test_equal_data_give_equal_bytes_whatever_style_the_user_prefers(drawn, tmp_path):
    preferred = {"font.size": 20, "savefig.dpi": 50, "axes.facecolor": "black"}
    with matplotlib.rc_context(preferred):
        again = draw_all(tmp_path)
        assert matplotlib.rcParams["font.size"] == 20, "the user's style must be left as it was"
    assert len(drawn) == 9
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in drawn]


def test_pictures_carry_no_date_and_no_version_and_drawings_need_no_font(drawn):
    for path in drawn:
        if path.suffix == ".svg":
            assert not re.search("<metadata>|<dc:|20\\d\\d-|<text|<image", path.read_text()), path.name
            continue
        with Image.open(path) as image:
            assert image.info == {}, path.name
    pixels = [path.name for path in drawn if not path.with_suffix(".svg").exists()]
    assert pixels == ["confusion.png"], "every other picture is a drawing, too"


def test_two_hundred_classes_fit_the_same_page(tmp_path):
    draw_classes(tmp_path, 25)  # rows of 0.21 inch and 1.8 for title and legend, 200 pixels an inch
    assert size_of(tmp_path / "classes.png") == (1520, 1410)
    draw_classes(tmp_path, 200)  # 28 of them have a row
    assert size_of(tmp_path / "classes.png") == (1520, 1536)
    assert size_of(tmp_path / "confusion.png") == (1640, 1520)
    assert all(path.stat().st_size < 100_000 for path in tmp_path.iterdir()), "git keeps them"


def test_one_epoch_is_a_visible_point(tmp_path):
    one = {"training": curve([3.0], [1])}
    draw_learning_curves(tmp_path / "one.png", one, one, title="final")
    # above the legend, in the left half: the point alone
    assert is_near(tmp_path / "one.png", BLUE)[:625, :960].sum() > 50


def test_a_variant_keeps_its_colour_in_another_comparison(tmp_path):
    draw_comparison(tmp_path / "first.png", CURVES, CURVES, **COMPARED | {"styles": [4, 2]})
    draw_comparison(tmp_path / "second.png", CURVES, CURVES, **COMPARED | {"styles": [2, 5]})
    for number, there in ((2, (True, True)), (4, (True, False)), (5, (False, True))):
        found = [
            is_near(tmp_path / f"{name}.png", PALETTE[number]).sum() > 200 for name in ("first", "second")
        ]
        assert tuple(found) == there


def test_the_reports_value_is_inside_the_picture_and_named_in_the_legend(tmp_path):
    silent = COMPARED | {"reported": [{}, {}]}
    draw_comparison(tmp_path / "silent.png", CURVES, CURVES, **silent)
    draw_comparison(tmp_path / "low.png", CURVES, CURVES, **COMPARED | {"reported": [{"loss": 0.1}, {}]})
    blue = [is_near(tmp_path / name, BLUE)[:800, :960].sum() for name in ("silent.png", "low.png")]
    # a line over the whole axis, thinner than two pixels, is in the left panel below all curves
    assert blue[1] > blue[0] + 300


def test_the_first_and_the_last_epoch_have_a_tick():
    for last in (1, 2, 7, 10, 20, 30, 60, 61):
        axes = Figure().subplots()
        _draw_curves(axes, {"final": curve(range(last), range(1, last + 1))}, "loss", [0])
        ticks = axes.get_xticks().tolist()
        assert (ticks[0], ticks[-1]) == (1, last)
        assert ticks == sorted(ticks)
        assert len(ticks) <= 9


def test_the_axis_says_where_epochs_that_do_not_start_at_one_come_from():
    axes = Figure().subplots()
    _draw_curves(axes, {"fine_tuned": curve([1.0, 2.0], [11, 12])}, "loss", [0])
    assert axes.get_xlabel() == "epoch; 1 to 10: the run it started from"


def test_more_variants_than_colours_can_be_compared(tmp_path):
    n_lines = len(PALETTE) + 2
    lines = {f"variant_{number}": curve([1.0 + number, 0.5 + number], EPOCHS) for number in range(n_lines)}
    style = {"styles": list(range(n_lines)), "reported": [{}] * n_lines}
    draw_comparison(tmp_path / "many.png", lines, lines, **style, title="Many")
    assert size_of(tmp_path / "many.png") == (1920, 920)


def test_a_class_without_images_leaves_its_row_empty(tmp_path):
    draw_confusion_matrix(tmp_path / "empty.png", np.array([[2, 0], [0, 0]]), ("a", "b"), title="final")
    assert (tmp_path / "empty.png").stat().st_size > 1000


def test_the_overview_marks_what_ran_and_what_the_report_says(tmp_path):
    draw_overview(tmp_path / "both.png", OVERVIEW, title="Every variant")
    draw_overview(tmp_path / "own.png", OVERVIEW[1:], title="Every variant")
    draw_overview(tmp_path / "none.png", OVERVIEW[2:], title="Every variant")
    blue, red = (
        {name: is_near(tmp_path / f"{name}.png", colour).sum() for name in ("both", "own", "none")}
        for colour in (BLUE, VERMILION)
    )
    assert min(blue["both"], blue["own"]) > blue["none"]
    assert red["both"] > 0
    assert red["own"] == red["none"] == 0


def test_several_seeds_have_a_band_and_the_axis_says_what_it_is(tmp_path):
    axes = Figure().subplots()
    _draw_curves(axes, {"final": curve([3.0, 2.0], EPOCHS, band=0.5)}, "loss", [0])
    assert axes.get_xlabel() == "epoch; bands: one standard deviation over seeds"
    corners = axes.collections[0].get_paths()[0].vertices
    assert {(1, 2.5), (1, 3.5), (2, 1.5), (2, 2.5)} <= set(map(tuple, corners.tolist()))


def test_penalties_lie_on_an_axis_of_powers_with_plain_numbers(tmp_path):
    axes = Figure().subplots()
    penalties = [0.001, 0.01, 0.1]
    _draw_curves(axes, {"head": curve([1.0, 0.5, 2.0], penalties, name="penalty")}, "loss", [0])
    assert (axes.get_xscale(), axes.get_xlabel()) == ("log", "penalty")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.001", "0.01", "0.1"]


@pytest.mark.parametrize(
    "names",
    [
        ["0.5", "1.5", "10.5", "2"],
        ["001.Black_footed", "002.Black_footed", "Black_footed"],
        ["a b", "a_b", "a\nb", "a\x1bb"],
        ["a" * 40 + end for end in "xyz"],
        ["a" * 40 + middle + "b" * 40 for middle in "xyz"],
    ],
)
def test_no_two_classes_have_one_text_in_pictures(names):
    shown = labels(names)
    assert len(set(shown)) == len(names)
    assert max(map(len, shown)) <= drawing.LONGEST + len("2: ")
    assert all(text.isprintable() for text in shown)


def test_short_names_are_shown_as_they_are():
    assert labels(["0.5", "aquarium_fish", "$x$"]) == ["0.5", "aquarium_fish", "$x$"]


@pytest.mark.parametrize("name", [r"$\frac{a}$", "100%"])
def test_names_of_classes_are_literal_text(tmp_path, name):
    draw_confusion_matrix(tmp_path / "odd.png", np.eye(2, dtype=int), (name, "b"), title=f"{name} on {name}")
    rows = [ClassAccuracy(name, 0.5, 10, 0.2, 0.8)]
    draw_accuracy_per_class(tmp_path / "bars.png", rows, (name,), title=name)
    assert size_of(tmp_path / "odd.png")[0] > 1000


def missing_letter(has: set[str]) -> str:
    """Returns a letter that a font which comes with Matplotlib has, and its usual one lacks."""
    usual = drawing._letters(drawing.font_manager.findfont(drawing.FONT))
    return min(letter for letter in has - usual if letter.isalpha())


def draw_letter(path: Path, letter: str) -> bytes:
    draw_accuracy_per_class(path, [ClassAccuracy(letter, 0.5, 10, 0.2, 0.8)], (letter,), title="final")
    return path.read_bytes()


def test_letters_that_the_usual_font_lacks_come_from_another_one(tmp_path, capsys, monkeypatch):
    letter = missing_letter(drawing._letters(drawing.font_manager.findfont("STIXGeneral")))
    found = draw_letter(tmp_path / "found.png", letter)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(drawing, "_fonts_of", lambda letters: ([], letters))
    assert draw_letter(tmp_path / "box.png", letter) != found


def test_letters_that_no_font_has_are_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(drawing, "_fonts_of", lambda letters: ([], letters))
    names = tuple(chr(0x4E00 + place) for place in range(30))
    draw_confusion_matrix(tmp_path / "boxes.png", np.eye(30, dtype=int), names, title="final")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("boxes.png: no font for 30 letters, shown as boxes: 一 丁")


def test_classes_without_test_images_are_counted_below_the_bars(tmp_path):
    rows = [ClassAccuracy("a", 0.5, 10, 0.2, 0.8)]
    draw_accuracy_per_class(tmp_path / "all.png", rows, ("a",), title="final")
    draw_accuracy_per_class(tmp_path / "some.png", rows, ("a", "b"), title="final")
    assert (tmp_path / "all.png").read_bytes() != (tmp_path / "some.png").read_bytes()


def test_the_overview_has_a_dot_for_each_of_several_seeds(tmp_path):
    dots = []
    for accuracies in ([0.4], [0.39, 0.41], [0.37, 0.39, 0.41, 0.43]):
        row = OVERVIEW[1] | {"accuracies": accuracies}
        draw_overview(tmp_path / "some.png", [row], title="")
        dots.append(
            is_near(tmp_path / "some.png", drawing.DARK)[: size_of(tmp_path / "some.png")[1] // 2].sum()
        )
    assert dots[0] + 20 < dots[1] < dots[2] - 20

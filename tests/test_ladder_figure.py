"""The picture of the ladders: what each step shows, in both palettes, and equal bytes for equal rows."""

import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from test_figures import is_near, size_of

from stages.page.document import FOLDER
from stages.results import ladder_figure
from stages.results.drawing import DAY, NIGHT

NO_GAIN = {"gain": None, "gain_low": None, "gain_high": None}
KNOWN = {"difference": None, "reported_accuracy": None, "ensemble": None}
FIRST = {
    "variant": "small",
    "parent": None,
    "idea": "small network",
    "accuracy": 0.4,
    "accuracies": [0.4],
    **KNOWN,
    **NO_GAIN,
}
SECOND = FIRST | {
    **{"variant": "crop", "parent": "small"},
    "idea": "crop and flip",
    "accuracy": 0.5,
    "accuracies": [0.48, 0.5, 0.52],
    "ensemble": 0.56,
    "gain": 0.1,
    "gain_low": 0.06,
    "gain_high": 0.14,
}
STEPS = [FIRST, SECOND]


def panel(*steps):
    axes = Figure().subplots()
    ladder_figure._draw_panel(axes, "Up", steps, ladder_figure._marks(DAY), DAY)
    return axes


def marks(axes, word):
    """Returns the accuracies that a kind of mark stands at, by step."""
    wanted = ladder_figure._marks(DAY)[word]
    found = {}
    for line in axes.lines:
        if (line.get_marker(), line.get_markersize()) == (wanted["marker"], wanted["markersize"]):
            found[line.get_ydata()[0]] = list(line.get_xdata())
    return found


def texts(axes):
    return [text.get_text() for text in axes.texts]


def draw(folder, ladders, title="What each step brings"):
    folder.mkdir()
    ladder_figure.draw_ladders(folder, "ladder", ladders, title=title)
    return folder


def test_a_step_is_joined_to_the_one_before_it_unless_that_has_not_run():
    joined = [line for line in panel(*STEPS).lines if len(line.get_xdata()) == 3 and line.get_ls() == "-"]
    assert [list(line.get_xdata()) for line in joined] == [[0.4, 0.4, 0.5]]
    after_gap = SECOND | {"parent": "other"} | NO_GAIN
    assert [line for line in panel(FIRST, after_gap).lines if line.get_ls() == "-"] == []


def test_a_step_shows_its_mean_its_seeds_their_ensemble_and_its_gain():
    axes = panel(*STEPS)
    assert marks(axes, "mean over seeds") == {0: [0.4], 1: [0.5]}
    assert marks(axes, "one seed")[1] == [0.48, 0.5, 0.52]
    assert marks(axes, "ensemble of the seeds") == {1: [0.56]}
    (bar,) = axes.patches
    assert (bar.get_x(), bar.get_width()) == (0.4, pytest.approx(0.1))
    assert "+0.100 [+0.060, +0.140]" in texts(axes)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["small network", "crop and flip"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "from top to bottom"


def test_a_loss_has_a_real_minus_and_a_gain_that_may_be_none_is_pale():
    loss = SECOND | {"gain": -0.1, "gain_low": -0.25, "gain_high": 0.05}
    (text,) = [text for text in panel(FIRST, loss).texts if text.get_text().startswith("\u2212")]
    assert (text.get_text(), text.get_color()) == ("\u22120.100 [\u22120.250, +0.050]", DAY["soft"])


def test_a_step_whose_images_are_not_recorded_has_its_value_and_no_gain():
    axes = panel(FIRST, SECOND | NO_GAIN)
    assert len(axes.patches) == 0
    assert texts(axes) == ["mean", "gain [95 %]", "0.400", "0.500"]


def test_the_reports_figure_is_a_mark_only_where_it_is_comparable():
    reported = FIRST | {"reported_accuracy": 0.42}
    assert marks(panel(reported, SECOND), "the report") == {}
    assert marks(panel(reported | {"difference": -0.02}, SECOND), "the report") == {0: [0.42]}


def test_equal_rows_give_equal_bytes_and_other_rows_another_picture(tmp_path):
    one, again = (draw(tmp_path / name, {"Up": STEPS}) for name in ("one", "again"))
    other = draw(tmp_path / "other", {"Up": [FIRST, SECOND | {"ensemble": 0.6}]})
    files = sorted(path.name for path in one.iterdir())
    assert files == ["ladder.png", "ladder.svg", "ladder_dark.png", "ladder_dark.svg"]
    for name in files:
        assert (one / name).read_bytes() == (again / name).read_bytes() != (other / name).read_bytes()


def test_each_palette_has_its_paper_and_its_marks(tmp_path):
    draw(tmp_path / "both", {"Up": STEPS})
    for name, palette, other in (("ladder", DAY, NIGHT), ("ladder_dark", NIGHT, DAY)):
        path = tmp_path / "both" / f"{name}.png"
        paper = is_near(path, palette["paper"], 2)
        assert paper[0].all()
        assert paper.mean() > 0.7
        assert is_near(path, palette["here"]).sum() > 50
        assert not is_near(path, other["here"], 10).any()


def test_the_dark_picture_has_the_colours_of_the_dark_page():
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    dark = dict(re.findall(r"--(\w+): light-dark\(#\w{6}, (#\w{6})\)", style))
    pairs = {"paper": "paper", "ink": "ink", "soft": "soft", "rule": "rule", "here": "c0", "report": "c1"}
    assert {key: NIGHT[key].lower() for key in pairs} == {key: dark[name] for key, name in pairs.items()}


def test_a_panel_for_each_ladder(tmp_path):
    longer = {"Up": STEPS, "Further up": [FIRST, SECOND, SECOND | {"accuracy": 0.6}]}
    _, one = size_of(draw(tmp_path / "one", {"Up": STEPS}) / "ladder.png")
    path = draw(tmp_path / "two", longer) / "ladder.png"
    assert size_of(path)[1] > one + 200
    ink = is_near(path, DAY["ink"], 60)
    halves = [half[:, ink.shape[1] // 4 :].sum() for half in np.array_split(ink, 2)]
    assert min(halves) > 500

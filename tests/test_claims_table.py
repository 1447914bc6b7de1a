"""The table of conclusions: a row per sentence to read, a row per test with all digits."""

import csv
import re

import pytest

from stages.results import claims, claims_table
from stages.results.statistics import Interval

PAIR = {"measure": "test_accuracy", "of": "flip", "than": "normalised", "above": 0}
FIGURE = {"measure": "validation_loss", "of": "flip", "figure": [1.9, 2.0]}
CLAIM = claims.Claim(
    "2.2",
    "",
    {"en": "Flips help | most.", "es": "El volteo ayuda."},
    "holds in part",
    [
        claims.Tested(PAIR, [10, 9], Interval(0.02, 0.004, 0.0366, "images and seeds"), "holds"),
        claims.Tested(FIGURE, [1], None, "inconclusive", "fewer than 3 seeds", ("flip",)),
    ],
)


def test_a_sentence_has_its_measurements_their_seeds_and_its_verdict(tmp_path):
    claims_table.write_conclusions(tmp_path, [CLAIM])
    *_, row = (tmp_path / "conclusions.md").read_text(encoding="utf-8").splitlines()
    assert row == (
        "| §2.2 | Flips help \\| most. | ✓ test accuracy, `flip` minus `normalised`: +0.020 [+0.004, +0.037],"
        " seeds: 10 and 9; said > 0<br>? validation loss, `flip`: figure 1.9 to 2"
        " (fewer than 3 seeds: `flip`) | holds in part |"
    )


def test_our_own_sentences_have_a_table_of_their_own(tmp_path):
    claims_table.write_conclusions(tmp_path, [CLAIM, CLAIM._replace(section="", ladder="pets")])
    tables = (tmp_path / "conclusions.md").read_text(encoding="utf-8")
    starts = re.findall(r"^\| (\w+) \| .*\n\|.*\n\| (\S+) ", tables, re.MULTILINE)
    assert starts == [("section", "§2.2"), ("ladder", "pets")]
    rows = (tmp_path / "conclusions.csv").read_text(encoding="utf-8").splitlines()
    assert [row.split(",")[:3] for row in rows[2:4]] == [["2.2", "", "1"], ["", "pets", "2"]]


def test_the_tests_have_all_digits(tmp_path):
    claims_table.write_conclusions(tmp_path, [CLAIM])
    with (tmp_path / "conclusions.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert (first["section"], first["claim"], first["claim_verdict"]) == ("2.2", "1", "holds in part")
    assert (first["measure"], first["of"], first["than"], first["said_low"]) == (
        *("test_accuracy", "flip", "normalised", "0"),
    )
    assert (first["high"], first["counts"], first["seeds"]) == ("0.0366", "images and seeds", "10 9")
    assert (second["said_to_be"], second["said_high"], second["value"]) == ("figure", "2.0", "")
    assert (second["reason"], second["lacking"]) == ("fewer than 3 seeds", "flip")


@pytest.mark.parametrize(
    ("test", "shown"),
    [
        ({"above": 0}, "> 0"),
        ({"below": -0.1}, "< -0.1"),
        ({"above": -0.02, "below": 0.02}, "-0.02 to 0.02"),
        ({"figure": [0.6, 0.7]}, "0.6 to 0.7"),
    ],
)
def test_a_region_is_shown_as_it_is_said(test, shown):
    assert claims_table.region(test) == shown


def test_a_study_without_a_report_has_no_conclusions(tmp_path):
    claims_table.write_conclusions(tmp_path, [])
    assert (tmp_path / "conclusions.md").read_text(encoding="utf-8").startswith("# Conclusions\n\nNone is")
    assert len((tmp_path / "conclusions.csv").read_text(encoding="utf-8").splitlines()) == 1

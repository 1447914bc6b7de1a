"""Comparisons and the table of the study: what they say."""

from pathlib import Path

import pytest

from stages.results.comparisons import write_comparison
from stages.results.contents import Comparison
from stages.results.learning_curves import write_lines
from stages.results.summary import COLUMNS, markdown, summary_row, verdict

METRICS = {
    "test": {"loss": 2.5, "accuracy": 0.5, "accuracy_low": 0.48, "accuracy_high": 0.52, "n": 2500},
    "parameters": {"total": 12345, "trainable": 12000},
    "epochs": 30,
    "provenance": "official",
}


def write_variant(plots: Path, name: str, last: float) -> None:
    for quantity in ("loss", "accuracy"):
        lines = {"training": [(1, 1.0), (2, 0.25)], "validation": [(1, 1.5), (2, last)]}
        write_lines(plots / name / f"{quantity}.csv", lines, quantity)


@pytest.mark.parametrize(
    ("reported_accuracy", "expected"),
    [
        (0.50, "as reported"),
        (0.48, "as reported"),
        (0.52, "as reported"),
        (0.4799, "better than reported"),
        (0.5201, "worse than reported"),
        (None, "not reported"),
    ],
)
def test_verdict_asks_whether_the_reports_accuracy_lies_in_our_interval(reported_accuracy, expected):
    assert verdict(reported_accuracy, METRICS["test"]) == expected


def test_verdict_of_a_variant_that_has_not_run_is_not_run_even_where_nothing_is_reported():
    assert verdict(0.5, {}) == verdict(None, {}) == "not run"


def test_a_row_has_every_column_and_differences_are_ours_minus_the_reports():
    row = summary_row(
        "basenet",
        "cifar100",
        reported={"section": "1.2", "figure": "Fig. 3", "loss": 2.0, "accuracy": 0.25},
        metrics=METRICS,
    )
    assert tuple(row) == COLUMNS
    assert (row["loss_difference"], row["accuracy_difference"]) == (0.5, 0.25)
    assert (row["verdict"], row["parameters"], row["epochs"]) == ("better than reported", 12345, 30)


def test_a_row_of_a_variant_that_has_not_run_keeps_what_is_reported():
    row = summary_row("basenet", "cifar100", reported={"accuracy": 0.25}, metrics=None)
    assert row["reported_accuracy"] == 0.25
    assert {row[key] for key in ("loss", "accuracy", "accuracy_difference", "provenance")} == {None}


def test_the_markdown_table_has_as_many_cells_in_every_line_and_a_sentence_above():
    rows = [
        summary_row("basenet", "cifar100", reported={"section": "1.2", "accuracy": 0.25}, metrics=METRICS),
        summary_row("zoom_20", "cifar100", reported={}, metrics=None),
    ]
    page = markdown(rows)
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert len(table) == 4
    assert {line.count("|") for line in table} == {13}
    assert "| `basenet` | cifar100 | §1.2 |" in page
    assert "0.5000 [0.480, 0.520] | +0.2500 | better than reported | 12,345 | 30 | official |" in page
    assert "95 % interval" in page.split("|")[0]


def test_stand_in_results_are_marked_above_the_table_in_its_head_and_in_their_row():
    official = summary_row("basenet", "cifar100", reported={}, metrics=METRICS)
    stand_in = summary_row("zoom_20", "cifar100", reported={}, metrics=METRICS | {"provenance": "stand-in"})
    assert "stand-in" not in markdown([official])
    lines = markdown([official, stand_in]).splitlines()
    assert any(line.startswith("**Results marked *stand-in*") for line in lines)
    assert "stand-in data" in next(line for line in lines if line.startswith("| variant"))
    assert [line.endswith("| stand-in |") for line in lines if line.startswith("| `")] == [False, True]


def test_comparison_holds_the_validation_lines_of_its_variants_in_their_order(tmp_path):
    for name, last in (("basenet", 0.5), ("zoom_20", 0.75)):
        write_variant(tmp_path / "plots", name, last)
    comparison = Comparison("zoom", "Fig. 5", ("zoom_20", "basenet", "mlp_head"))
    provenances = {"basenet": "official", "zoom_20": "official"}
    assert write_comparison(tmp_path / "out", comparison, provenances=provenances, plots=tmp_path / "plots")
    assert (tmp_path / "out" / "val_loss" / "zoom.csv").read_text() == (
        "epoch,line,val_loss\n1,zoom_20,1.5\n2,zoom_20,0.75\n1,basenet,1.5\n2,basenet,0.5\n"
    )
    assert (
        (tmp_path / "out" / "val_accuracy" / "zoom.csv")
        .read_text()
        .startswith("epoch,line,val_accuracy\n1,zoom_20")
    )


def test_the_picture_tells_which_variants_are_missing(tmp_path):
    write_variant(tmp_path / "plots", "basenet", 0.5)
    pictures = []
    for variants in (("basenet",), ("basenet", "zoom_20")):
        comparison = Comparison("zoom", "Fig. 5", variants)
        write_comparison(tmp_path, comparison, provenances={"basenet": "official"}, plots=tmp_path / "plots")
        pictures.append((tmp_path / "zoom.png").read_bytes())
    assert pictures[0] != pictures[1]


def test_nothing_is_written_for_a_comparison_none_of_whose_variants_has_run(tmp_path):
    comparison = Comparison("zoom", "Fig. 5", ("zoom_20",))
    assert not write_comparison(tmp_path / "out", comparison, provenances={}, plots=tmp_path)
    assert not (tmp_path / "out").exists()

"""The table of the study: when a result may be compared with the report's, and what the page says."""

from typing import Any

import pytest
from small_results import EVALUATED, METRICS, REPORT

from stages.results import summary


def row(record: dict[str, Any] | None = EVALUATED, accuracy: float | None = 0.25, **test: Any) -> dict:
    """Returns the row of `final`; `accuracy` is the report's."""
    reported = {**REPORT["results"]["final"], "accuracy": accuracy}
    if accuracy is None:
        del reported["accuracy"]
    metrics = {"test": METRICS["test"] | test} if record else None
    return summary.row("final", REPORT | {"results": {"final": reported}}, record, metrics)


def page(tmp_path, rows, **records) -> str:
    summary.write_summary(tmp_path, rows, records)
    return (tmp_path / "summary.md").read_text()


@pytest.mark.parametrize(
    ("accuracy", "verdict"),
    [
        # 50 of 100 here: 95 % interval 0.404 to 0.596. Against as many trials in the report the difference
        # becomes significant at about 0.137, farther off than the end of our own interval.
        (0.50, "as reported"),
        (0.39, "as reported"),
        (0.36, "better than reported"),
        (0.61, "as reported"),
        (0.64, "worse than reported"),
        (None, "not reported"),
    ],
)
def test_the_verdict_counts_the_sampling_error_of_both_sides(accuracy, verdict):
    assert row(accuracy=accuracy)["verdict"] == verdict


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"provenance": "generated"}, "generated data"),
        ({"provenance": "own"}, "own data"),
        ({"format": "folder"}, "folder instead of cifar100"),
        ({"classes": 10}, "classes: 10, report 3"),
        ({"first_class": "bed"}, "first class: bed, report apple"),
        ({"last_class": "bed"}, "last class: bed, report bear"),
        ({"epochs": 1}, "epochs: 1, report 2"),
        ({"splits": {"train": 4, "validation": 4, "test": 100}}, "train images: 4, report 40"),
        ({"splits": {"train": 40, "validation": 5, "test": 100}}, "validation images: 5, report 4"),
        ({"splits": {"train": 40, "validation": 4, "test": 10}}, "test images: 10, report 100"),
    ],
)
def test_what_cannot_be_compared_gets_a_reason_in_place_of_a_verdict(changes, reason):
    result = row(EVALUATED | changes)
    assert result["verdict"] == f"not comparable ({reason})"
    assert (result["difference"], result["difference_low"]) == (None, None)


def test_official_data_are_compared_too():
    assert row(EVALUATED | {"provenance": "official"})["verdict"] == "better than reported"


def test_a_variant_that_has_not_run_keeps_what_is_reported():
    result = row(None)
    assert (result["verdict"], result["dataset"], result["reported_accuracy"]) == (
        "not run",
        "cifar100",
        0.25,
    )
    assert {result[key] for key in ("loss", "accuracy", "difference", "epochs", "provenance")} == {None}


def test_a_variant_the_report_does_not_know_has_a_row():
    result = summary.row("mine", REPORT, EVALUATED, METRICS)
    assert (result["verdict"], result["accuracy"], result["section"]) == ("not reported", 0.5, None)


def test_every_row_of_the_page_has_as_many_cells(tmp_path):
    text = page(tmp_path, [row(), row(None), row(EVALUATED | {"epochs": 1})], final=EVALUATED)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 5
    assert {line.count("|") for line in table} == {13}
    assert "| `final` | cifar100 | §2.7, Fig. 16 | 2.0000 | 1.5000 | 0.2500 | 0.5000 [0.400, 0.600] |" in text
    # Wilson: 0.5 in 100 gives 0.4038 to 0.5962, 0.25 in 100 gives 0.1755 to 0.3430; so Newcombe's limits are
    # 0.25 - sqrt(0.0962^2 + 0.0930^2) = 0.116 and 0.25 + sqrt(0.0962^2 + 0.0745^2) = 0.372
    assert "| +0.2500 [+0.116, +0.372] | better than reported | 12,345 | 2 | stand-in |" in text


def test_the_csv_file_has_all_digits_and_whole_numbers_beside_empty_cells(tmp_path):
    page(tmp_path, [row(accuracy=1 / 3), row(None)])
    header, first, second = (tmp_path / "summary.csv").read_text().splitlines()
    assert header.startswith("variant,dataset,section,figure,reported_loss,loss,reported_accuracy,accuracy,")
    assert ",0.3333333333333333," in first
    assert first.endswith(",12345,2,3,stand-in")
    assert second.endswith(",not run,,,,")


def test_data_that_are_not_official_are_named_above_the_table(tmp_path):
    official = EVALUATED | {"provenance": "official"}
    assert " data*" not in page(tmp_path, [row(official)], final=official)
    text = page(tmp_path, [row(official), row(), row(EVALUATED | {"provenance": "own"})])
    assert "*own data*, *stand-in data*" in text.partition("| variant")[0]


def test_seeds_of_one_recipe_have_a_mean_and_a_deviation(tmp_path):
    accuracies = {"final": (0, 0.5), "again": (1, 0.7), "other": (0, 0.9)}
    rows, records = [], {}
    for name, (seed, accuracy) in accuracies.items():
        records[name] = EVALUATED | {"seed": seed, "recipe": "other" if name == "other" else "same"}
        rows.append(row(records[name], accuracy=None) | {"variant": name, "accuracy": accuracy})
    # mean 0.6, sample deviation sqrt(2 * 0.1^2 / 1) = 0.1414
    assert "| `final`, `again` | 2 | 0.6000 ± 0.1414 | 1.5000 ± 0.0000 |" in page(tmp_path, rows, **records)


def test_one_seed_needs_no_table_of_seeds(tmp_path):
    assert "seeds" not in page(tmp_path, [row()], final=EVALUATED)


def test_results_of_different_versions_devices_or_settings_are_named(tmp_path):
    records = {
        "final": EVALUATED,
        "other": EVALUATED
        | {"device": "GPU", "versions": {"keras": "3.16.0"}, "settings": {"XLA_FLAGS": "x"}},
    }
    text = page(tmp_path, [row()], **records)
    assert "- keras: 3.15.0 (final); 3.16.0 (other)\n" in text
    assert "- device: CPU (final); GPU (other)\n" in text
    assert "- XLA_FLAGS: not set (final); x (other)\n" in text
    assert "- backend" not in text


def test_equal_environments_are_not_mentioned(tmp_path):
    assert "environments" not in page(tmp_path, [row()], final=EVALUATED, other=EVALUATED)

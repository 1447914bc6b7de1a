"""The rows of the study: when a result may be compared with the report's, and what the table says."""

import csv
from typing import Any

import pytest
from small_results import EVALUATED, METRICS, REPORT, rights

from stages.results import contrasts, summary, summary_table
from stages.results.evaluated import Evaluated


def evaluated(seeds: int = 1, **changes: Any) -> Evaluated:
    """Returns a variant that gets half of 100 images right, each seed one more than the one before."""
    n = changes.get("splits", EVALUATED["splits"])["test"]
    correct = rights(0.5, n, seeds)
    record = EVALUATED | {"seeds": list(range(seeds)), "accuracies": correct.mean(axis=1).tolist()} | changes
    test = METRICS["test"] | {"accuracy": correct.mean()}
    if seeds > 1:
        test |= {"std": correct.mean(axis=1).std(ddof=1), "ensemble": 0.6}
    return Evaluated(record, {"test": test}, correct)


def row(found: Evaluated | None, accuracy: float | None = 0.25, spread: Any = None) -> dict:
    """Returns the row of `final`; `accuracy` is the report's."""
    reported = {**REPORT["results"]["final"], "accuracy": accuracy}
    if accuracy is None:
        del reported["accuracy"]
    return summary.row("final", REPORT | {"results": {"final": reported}}, found, spread)


def page(tmp_path, rows, **records) -> str:
    complete = {"parent": None, "gain": None, "gain_obstacle": None}
    summary_table.write_summary(tmp_path, [complete | row for row in rows], records)
    return (tmp_path / "summary.md").read_text(encoding="utf-8")


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
def test_of_one_seed_the_verdict_counts_the_images_of_both_sides(accuracy, verdict):
    assert row(evaluated(), accuracy)["verdict"] == verdict


def test_of_several_seeds_the_verdict_asks_what_one_more_run_could_give():
    # accuracies .50 .51 .52: sd .01, t of 2 degrees of freedom 4.3027, times sqrt(4/3): .0497
    for reported, verdict in ((0.465, "as reported"), (0.455, "better than reported")):
        result = row(evaluated(seeds=3), reported)
        assert result["difference_high"] - result["difference"] == pytest.approx(0.0497, abs=1e-4)
        assert (result["verdict"], result["difference_counts"]) == (verdict, "seeds")


def test_where_the_test_images_are_not_the_reports_they_count_too():
    report = REPORT | {"datasets": {"cub200": REPORT["datasets"]["cifar100"]}}
    report["results"] = {"final": REPORT["results"]["final"] | {"dataset": "cub200"}}
    counted = {
        kind: summary.row("final", report, evaluated(seeds=3, format="cub200", provenance=kind))[
            "difference_counts"
        ]
        for kind in ("official", "stand-in")
    }
    assert counted == {"official": "seeds", "stand-in": "images and seeds"}


def test_one_seed_takes_from_its_family_what_a_seed_is_worth():
    study = {"variants": ["final", "basenet"], "report": REPORT, "extends": {"final": "basenet"}}
    of_family = evaluated(seeds=3, name="basenet")
    alone, related = (
        summary.rows(study, {"final": evaluated()}),
        summary.rows(study, {"final": evaluated(), "basenet": of_family}),
    )
    assert (alone[0]["difference_counts"], related[0]["difference_counts"]) == ("images", "seeds")
    assert related[0]["accuracy_counts"] == "images and seeds"
    others = {"network": {"residual_net": {}}}
    stranger = summary.rows(study, {"final": evaluated(), "basenet": evaluated(seeds=3, knobs=others)})
    assert stranger[0]["difference_counts"] == "images"


def test_seeds_of_other_data_are_no_family():
    related = {"final": evaluated(), "basenet": evaluated(seeds=3, provenance="own")}
    assert contrasts.spreads(related)["final"] is None
    assert contrasts.spreads(related)["basenet"].df == 2


def test_many_seeds_are_their_own_measure():
    family = {"one": evaluated(seeds=3), "many": evaluated(seeds=5)}
    found = contrasts.spreads(family)
    assert (found["one"].df, found["many"].df) == (6, 4)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"provenance": "generated"}, "generated data"),
        ({"format": "folder"}, "folder instead of cifar100"),
        ({"classes": 10}, "classes: 10, report 3"),
        ({"first_class": "bed"}, "first class: bed, report apple"),
        ({"epochs": 1}, "epochs: 1, report 2"),
        ({"splits": {"train": 40, "validation": 4, "test": 10}}, "test images: 10, report 100"),
    ],
)
def test_what_cannot_be_compared_gets_a_reason_in_place_of_a_verdict(changes, reason):
    result = row(evaluated(**changes))
    assert result["verdict"] == f"not comparable ({reason})"
    assert (result["difference"], result["difference_low"]) == (None, None)


def test_every_row_of_the_page_has_as_many_cells(tmp_path):
    found = evaluated()
    rows = [row(found), row(None), row(evaluated(epochs=1))]
    table = [line for line in page(tmp_path, rows, final=found.record).splitlines() if line.startswith("|")]
    assert len(table) == 5
    assert {line.count("|") for line in table} == {15}
    assert table[2].startswith(
        "| `final` | cifar100 | §2.7, Fig. 16 | 2.0000 | 1.5000 | 0.2500 | 0.5000 [0.400, 0.600] | 1 | — |"
    )
    # Wilson: 0.5 in 100 gives 0.4038 to 0.5962, 0.25 in 100 gives 0.1755 to 0.3430; so Newcombe's limits are
    # 0.25 - sqrt(0.0962^2 + 0.0930^2) = 0.116 and 0.25 + sqrt(0.0962^2 + 0.0745^2) = 0.372
    assert table[2].endswith(
        "| +0.2500 [+0.116, +0.372] | better than reported (one seed) | 12,345 | 2 | stand-in |"
    )


def climbed(variants, evaluated, **others):
    study = {"variants": list("abcd"), "report": REPORT, "extends": {}, **others}
    steps = [{"variant": name, "idea": f"idea of {name}"} for name in variants]
    return summary.climb(steps, summary.rows(study, evaluated), evaluated)


def test_a_step_gains_over_the_step_before_it_not_over_what_it_extends():
    names = {name: evaluated(seeds=seeds) for name, seeds in (("a", 1), ("b", 5), ("c", 3))}
    first, second, third = climbed("acb", names, extends={"b": "a", "c": "b"})
    assert (first["gain"], first["idea"]) == (None, "idea of a")
    assert [step["parent"] for step in (second, third)] == ["a", "c"]
    assert second["gain"] == pytest.approx(0.01)  # of .50 .51 .52 over .50
    assert third["gain"] == pytest.approx(0.01)  # of .50 to .54 over it
    assert third["gain_low"] < third["gain"] < third["gain_high"]
    assert third["accuracies"] == pytest.approx([0.50, 0.51, 0.52, 0.53, 0.54])


def test_a_step_without_its_neighbour_or_its_images_has_its_value_and_no_gain():
    unknown = Evaluated(**vars(evaluated()) | {"correct": None})
    first, missing, after, last = climbed("abcd", {"a": evaluated(), "c": evaluated(), "d": unknown})
    assert (missing["accuracy"], missing["accuracies"]) == (None, [])
    assert [step["accuracy"] for step in (first, after, last)] == [0.5, 0.5, 0.5]
    assert [step["gain"] for step in (missing, after, last)] == [None, None, None]


def test_variants_beyond_the_report_stand_in_a_table_of_their_own(tmp_path):
    found = evaluated(seeds=3)
    rows = [summary.row("mine", REPORT, found), row(found), summary.row("later", REPORT, None)]
    text = page(tmp_path, rows, final=found.record)
    of_report, beyond = text.split("## Beyond the report")
    assert "`final`" in of_report
    assert "`mine`" not in of_report
    assert "(one seed)" not in text
    assert "| `mine` | cifar100 | 1.5000 | 0.5100 ± 0.0100 [0.400, 0.600] | 3 | 0.6000 |" in beyond
    assert "| `later` | — | — | not run | — |" in beyond


def test_a_study_without_a_report_has_no_word_of_one(tmp_path):
    nothing = {"datasets": {}, "results": {}}
    found = evaluated(provenance="own")
    text = page(tmp_path, [summary.row("mine", nothing, found)], mine=found.record)
    assert text.startswith("# This study\n")
    assert "report" not in text
    assert "*own data*" in text


def test_the_csv_file_has_all_digits_and_whole_numbers_beside_empty_cells(tmp_path):
    page(tmp_path, [row(evaluated(), accuracy=1 / 3), row(None)])
    with (tmp_path / "summary.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first["reported_accuracy"] == "0.3333333333333333"
    assert (first["parameters"], first["epochs"], first["seeds"]) == ("12345", "2", "1")
    assert (second["verdict"], second["reported_accuracy"], second["seeds"]) == ("not run", "0.25", "")


def test_data_that_are_not_official_are_named_above_the_table(tmp_path):
    official = evaluated(provenance="official")
    assert " data*" not in page(tmp_path, [row(official)], final=official.record)
    rows = [row(official), row(evaluated()), row(evaluated(provenance="own"))]
    text = page(tmp_path, rows, final=official.record)
    assert "*own data*, *stand-in data*" in text.partition("| variant")[0]


def test_results_of_different_versions_devices_or_settings_are_named(tmp_path):
    records = {
        "final": EVALUATED,
        "other": EVALUATED
        | {"device": "GPU", "versions": {"keras": "3.16.0"}, "settings": {"XLA_FLAGS": "x"}},
    }
    text = page(tmp_path, [row(evaluated())], **records)
    assert "- keras: 3.15.0 (final); 3.16.0 (other)\n" in text
    assert "- device: CPU (final); GPU (other)\n" in text
    assert "- XLA_FLAGS: not set (final); x (other)\n" in text
    assert "- backend" not in text
    assert "environments" not in page(tmp_path, [row(evaluated())], final=EVALUATED, other=EVALUATED)

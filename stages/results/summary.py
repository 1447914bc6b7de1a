"""The rows of the study: what came out here, what the report says, and the gain over the parent."""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.results import comparable, contrasts
from stages.results.comparable import Json, data_note
from stages.results.evaluated import Evaluated
from stages.results.statistics import IMAGES, SeedSpread

JUDGED = ("as reported", "better than reported", "worse than reported")


def rows(study: Json, evaluated: Mapping[str, Evaluated]) -> list[dict[str, Any]]:
    """Returns a row for each variant of the study, in its order.

    Args:
        study: as resolved for `compare`: variants, what each extends, and the report.
        evaluated: the variants that have run.
    """
    spreads = contrasts.spreads(evaluated)
    found = []
    for name in study["variants"]:
        of_report = row(name, study["report"], evaluated.get(name), spreads.get(name))
        found.append(of_report | _gain(name, study["extends"].get(name), evaluated, spreads))
    return found


def climb(
    steps: Sequence[Json], rows: Sequence[Json], evaluated: Mapping[str, Evaluated]
) -> list[dict[str, Any]]:
    """Returns the rows of a ladder's steps: the parent of each, and so its gain, is the step before it.

    Args:
        steps: as in report.yaml, each a `variant` and its `idea`, which the rows have too.
        rows: of the study.
        evaluated: the variants that have run.
    """
    spreads, known = contrasts.spreads(evaluated), {row["variant"]: row for row in rows}
    names = [step["variant"] for step in steps]
    return [
        known[name] | {"idea": step["idea"]} | _gain(name, before, evaluated, spreads)
        for step, name, before in zip(steps, names, [None, *names], strict=False)
    ]


def row(
    variant: str, report: Json, evaluated: Evaluated | None, spread: SeedSpread | None = None
) -> dict[str, Any]:
    """Returns what is known of a variant and what the report says; None for a missing value.

    Args:
        variant: its name.
        report: "datasets" and "results", as in report.yaml.
        evaluated: None if the variant has not run.
        spread: between its seeds, as `contrasts.spreads` returns it.
    """
    reported = report["results"].get(variant, {})
    record, test = (evaluated.record, evaluated.metrics["test"]) if evaluated else ({}, {})
    accuracy = contrasts.accuracy(evaluated, spread) if evaluated else None
    difference = None
    if evaluated and "accuracy" in comparable.reported(variant, record, report):
        n = report["datasets"][reported["dataset"]]["test"]
        difference = contrasts.to_report(evaluated, reported["accuracy"], n, spread)
    return {
        "variant": variant,
        "dataset": record.get("dataset", reported.get("dataset")),
        "section": reported.get("section"),
        "figure": reported.get("figure"),
        "reported_loss": reported.get("loss"),
        "loss": test.get("loss"),
        "reported_accuracy": reported.get("accuracy"),
        **_interval("accuracy", accuracy),
        "accuracies": evaluated.accuracies if evaluated else [],
        "std": test.get("std"),
        "seeds": evaluated.seeds if evaluated else None,
        "ensemble": test.get("ensemble"),
        **_interval("difference", difference),
        "verdict": _verdict(reported, record, report, difference),
        "parameters": record["parameters"]["total"] if record else None,
        "epochs": record.get("epochs"),
        "provenance": record.get("provenance"),
    }


def is_one_seed(row: Json) -> bool:
    """Returns whether a row's verdict rests on one seed, without knowing how much seeds differ."""
    return row["verdict"] in JUDGED and row["seeds"] == 1 and row["difference_counts"] == IMAGES


def _gain(
    name: str,
    parent: str | None,
    evaluated: Mapping[str, Evaluated],
    spreads: Mapping[str, SeedSpread | None],
) -> dict[str, Any]:
    """Returns how much a variant is better than its parent, or why that is not known."""
    gain, obstacle = None, None
    if parent in evaluated and name in evaluated:
        pair = evaluated[name], evaluated[parent]
        gain = contrasts.between(*pair, spread=spreads[name], other_spread=spreads[parent])
        obstacle = contrasts.obstacle(*pair) or None
    return {"parent": parent, **_interval("gain", gain), "gain_p": gain and gain.p, "gain_obstacle": obstacle}


def _interval(name: str, interval: contrasts.Interval | None) -> dict[str, Any]:
    """Returns the cells of a value, its bounds and what they count."""
    keys = (name, f"{name}_low", f"{name}_high", f"{name}_counts")
    return dict(zip(keys, interval[:4] if interval else (None,) * 4, strict=True))


def _verdict(reported: Json, record: Json, report: Json, difference: contrasts.Interval | None) -> str:
    if not record:
        return "not run"
    if "accuracy" not in reported:
        return "not reported"
    if difference is None:
        reasons = map(_obstacle, comparable.obstacles(record, reported, report))
        return f"not comparable ({'; '.join(reasons)})"
    if difference.low > 0:
        return "better than reported"
    return "worse than reported" if difference.high < 0 else "as reported"


def _obstacle(difference: tuple[str, Any, Any]) -> str:
    what, here, there = difference
    if what == "data":
        return data_note(here)
    return f"{here} instead of {there}" if what == "format" else f"{what}: {here}, report {there}"

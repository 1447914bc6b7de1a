"""compare: the whole study against the report, and what DVC makes of its tables."""

import csv
import re
from pathlib import Path

import pytest
import small_study
from small_results import write_evaluated

from stages import compare
from stages.runtime import resolved

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / ".dvc" / "plots"

STUDY = small_study.STUDY | {
    "comparisons": {
        "zoom": {"report": "Fig. 5", "variants": ["normalised", "final", "zoom_50"]},
        "heads": {"variants": ["mlp_head", "final"]},
    },
}
STEPS = [
    {"variant": name, "idea": f"idea of {name}"} for name in ("zoom_50", "normalised", "mlp_head", "final")
]


def run_compare(folder: Path, study: dict = STUDY) -> Path:
    """Runs the command in `folder`; returns the folder of plots."""
    resolved.write(folder / "study.json", "compare", study)
    plots = folder / "plots"
    compare.main([*map(str, (folder / "study.json", folder / "metrics", plots / "variants", plots))])
    return plots


def rows_of(plots: Path) -> dict[str, dict[str, str]]:
    with (plots / "summary.csv").open(newline="") as file:
        return {row["variant"]: row for row in csv.DictReader(file)}


def test_every_variant_of_the_study_has_its_row_in_the_studys_order(tmp_path, capsys):
    for name in ("final", "normalised", "forgotten"):  # the last was left by a variant that was renamed
        write_evaluated(tmp_path, name)
    rows = rows_of(run_compare(tmp_path)).values()
    assert [(row["variant"], row["dataset"], row["verdict"]) for row in rows] == [
        ("normalised", "cifar100", "not reported"),
        ("final", "cifar100", "better than reported"),
        ("zoom_50", "", "not run"),
        ("mlp_head", "", "not run"),
    ]
    assert capsys.readouterr().out == (
        "4 variants: 1 not reported, 1 better than reported, 2 not run; 1 of 2 comparisons drawn\n"
    )


def test_a_variant_is_compared_with_its_parent_image_by_image(tmp_path):
    write_evaluated(tmp_path, "normalised", {"accuracy": 0.4})
    write_evaluated(tmp_path, "final", {"accuracy": 0.5})
    row = rows_of(run_compare(tmp_path))["final"]
    assert row["parent"] == "normalised"
    assert float(row["gain"]) == pytest.approx(0.1)
    # ten images are right here alone, none there alone: McNemar 2 / 2^10
    assert float(row["gain_p"]) == pytest.approx(2 / 2**10)
    assert 0 < float(row["gain_low"]) < 0.1 < float(row["gain_high"])


def test_a_parent_on_other_images_is_no_comparison(tmp_path):
    write_evaluated(tmp_path, "normalised", inputs={"labels.npy": "others", "split.npy": "ef"})
    write_evaluated(tmp_path, "final")
    row = rows_of(run_compare(tmp_path))["final"]
    assert (row["gain"], row["gain_obstacle"]) == ("", "different data")
    assert "| `final` | `normalised` | no comparison: different data |" in (
        tmp_path / "plots" / "summary.md"
    ).read_text(encoding="utf-8")


def test_it_writes_the_summary_and_the_comparisons_with_two_curves_or_more(tmp_path):
    for name in ("final", "normalised"):
        write_evaluated(tmp_path, name)
    plots = run_compare(tmp_path)
    files = {path.relative_to(plots).as_posix() for path in plots.rglob("*.*")}
    assert {name for name in files if not name.startswith("variants/")} == {
        "conclusions.csv",
        "conclusions.md",
        "summary.csv",
        "summary.md",
        "comparisons/overview.png",
        "comparisons/overview.svg",
        "comparisons/zoom.png",
        "comparisons/zoom.svg",
        "comparisons/zoom_accuracy.csv",
        "comparisons/zoom_loss.csv",
    }


def ladder_files(folder: Path, *variants: str) -> list[str]:
    for name in variants:
        write_evaluated(folder, name)
    plots = run_compare(folder, STUDY | {"ladders": [{"title": "Up", "steps": STEPS}]})
    return sorted(path.name for path in (plots / "comparisons").glob("ladder*"))


def test_a_ladder_is_drawn_from_its_second_step_that_has_run(tmp_path):
    assert ladder_files(tmp_path) == []
    assert ladder_files(tmp_path, "normalised") == []
    assert ladder_files(tmp_path, "final") == [
        f"ladder{end}" for end in (".png", ".svg", "_dark.png", "_dark.svg")
    ]


def test_the_reports_conclusions_are_tested(tmp_path):
    for name, accuracy in (("final", 0.8), ("normalised", 0.4)):
        write_evaluated(tmp_path, name, {"accuracy": accuracy}, seeds=3)
    shown = (run_compare(tmp_path) / "conclusions.md").read_text(encoding="utf-8")
    assert "| §2.7 | It is better. | ✓ test accuracy, `final` minus `normalised`: +0.400 [" in shown
    assert shown.endswith("seeds: 3 and 3; said > 0.02 | holds |\n")


def test_the_overview_of_very_many_variants_shows_the_reports_and_the_best_of_the_others(tmp_path):
    row = {"provenance": "publisher", "accuracies": [], "reported_accuracy": None}
    row |= {"accuracy_low": 0.0, "accuracy_high": 1.0}
    rows = [row | {"variant": f"other_{n}", "section": None, "accuracy": n / 1000} for n in range(100)]
    rows.insert(50, row | {"variant": "known", "section": "2.1", "accuracy": None})
    compare._draw_overview(tmp_path / "overview.png", rows)
    shown = (tmp_path / "overview.svg").read_text(encoding="utf-8")
    assert "The best of 101 variants" in shown
    names = [*(f"other_{n}" for n in range(100 - compare.MOST_ROWS + 1, 100)), "known (not run)"]
    assert re.findall(r"<!-- ((?:other|known).*) -->", shown) == [names[-1], *names[:-1]]


def test_comparisons_that_are_no_longer_in_the_study_disappear(tmp_path):
    for name in ("final", "normalised"):
        write_evaluated(tmp_path, name)
    run_compare(tmp_path)
    plots = run_compare(tmp_path, STUDY | {"comparisons": {"range": STUDY["comparisons"]["zoom"]}})
    names = sorted(path.name for path in (plots / "comparisons").glob("[!o]*"))
    assert names == ["range.png", "range.svg", "range_accuracy.csv", "range_loss.csv"]
    assert (plots / "variants" / "final" / "loss.csv").exists()


def test_a_study_of_which_nothing_has_run_still_has_its_table(tmp_path):
    plots = run_compare(tmp_path)
    assert (plots / "summary.md").read_text(encoding="utf-8").count("| not run |") == 4
    assert list((plots / "comparisons").iterdir()) == []


def test_the_default_template_of_dvc_is_the_same_as_lines():
    # so that `dvc plots show plots/comparisons/zoom_loss.csv` needs no options
    assert (TEMPLATES / "linear.json").read_bytes() == (TEMPLATES / "lines.json").read_bytes()

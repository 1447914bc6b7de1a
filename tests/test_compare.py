"""compare: the whole study beside the report, and what DVC makes of its tables."""

import csv
import json
import re
import sys
from pathlib import Path

import pytest
from dvc_render.html import HTML
from dvc_render.vega import VegaRenderer

from stages import compare
from stages.errors import InputError
from stages.results.learning_curves import write_lines

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / ".dvc" / "plots"

STUDY = """
variants: {normalised: {}, zoom_20: {}, zoom_50: {}}
heads: {mlp_head: {}}
fine_tunes: {}
report:
  normalised: {section: "2.1", figure: Fig. 4}
  zoom_20: {section: "2.2", figure: Fig. 5, loss: 2.0, accuracy: 0.25}
  mlp_head: {section: "3.1", figure: Fig. 20, accuracy: 0.75}
comparisons:
  zoom: {report: Fig. 5, variants: [normalised, zoom_20, zoom_50]}
  heads: {report: Fig. 20, variants: [mlp_head]}
"""


def write_result(folder: Path, name: str, provenance: str = "official") -> None:
    """Writes what evaluate leaves of one variant: accuracy 0.5, interval 0.4 to 0.6, loss 1.5."""
    metrics = {
        "test": {"loss": 1.5, "accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6, "n": 100},
        "parameters": {"total": 1000, "trainable": 900},
        "epochs": 2,
        "provenance": provenance,
    }
    (folder / "metrics").mkdir(exist_ok=True)
    (folder / "metrics" / f"{name}.json").write_text(json.dumps(metrics))
    for quantity in ("loss", "accuracy"):
        lines = {line: [(1, 0.5), (2, 0.25)] for line in ("training", "validation")}
        write_lines(folder / "plots" / "variants" / name / f"{quantity}.csv", lines, quantity)


def run_compare(monkeypatch: pytest.MonkeyPatch, folder: Path, study: str = STUDY) -> Path:
    """Runs the command in `folder`; returns the folder of plots."""
    (folder / "params.yaml").write_text(study)
    plots = folder / "plots"
    arguments = (folder / "params.yaml", folder / "metrics", plots / "variants", plots)
    monkeypatch.setattr(sys, "argv", ["compare", *map(str, arguments)])
    compare.main()
    return plots


def test_every_variant_of_the_study_has_its_row_in_the_studys_order(tmp_path, monkeypatch, capsys):
    write_result(tmp_path, "zoom_20")
    write_result(tmp_path, "normalised")
    write_result(tmp_path, "forgotten")  # left by a variant that was renamed: no row
    plots = run_compare(monkeypatch, tmp_path)
    with (plots / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["variant"], row["dataset"], row["verdict"]) for row in rows] == [
        ("normalised", "cifar100", "not reported"),
        ("zoom_20", "cifar100", "better than reported"),
        ("zoom_50", "cifar100", "not run"),
        ("mlp_head", "cub200", "not run"),
    ]
    assert (rows[1]["loss_difference"], rows[1]["accuracy_difference"]) == ("-0.5", "0.25")
    assert rows[3]["accuracy"] == ""
    assert capsys.readouterr().out == (
        "4 variants: 1 not reported, 1 better than reported, 2 not run; 1 of 2 comparisons drawn\n"
    )


def test_the_json_summary_is_one_narrow_row_for_dvc_metrics(tmp_path, monkeypatch):
    write_result(tmp_path, "zoom_20", provenance="stand-in")
    write_result(tmp_path, "mlp_head")
    summary = json.loads((run_compare(monkeypatch, tmp_path) / "summary.json").read_text())
    assert summary == {
        "accuracy_difference": {"mlp_head": 0.5 - 0.75, "zoom_20": 0.5 - 0.25},
        "verdicts": {"better than reported": 1, "worse than reported": 1, "not run": 2},
    }


def test_comparisons_that_nothing_belongs_to_any_more_disappear(tmp_path, monkeypatch):
    write_result(tmp_path, "zoom_20")
    plots = run_compare(monkeypatch, tmp_path)
    made = sorted(str(path.relative_to(plots)) for path in (plots / "comparisons").rglob("*.*"))
    assert made == [
        "comparisons/val_accuracy/zoom.csv",
        "comparisons/val_loss/zoom.csv",
        "comparisons/zoom.png",
    ]
    run_compare(monkeypatch, tmp_path, STUDY.replace("zoom: {report", "range: {report"))
    assert sorted(path.name for path in (plots / "comparisons").rglob("*.*")) == [
        "range.csv",
        "range.csv",
        "range.png",
    ]
    assert (plots / "variants" / "zoom_20" / "loss.csv").exists()


def test_a_study_of_which_nothing_has_run_still_has_its_table(tmp_path, monkeypatch):
    plots = run_compare(monkeypatch, tmp_path)
    assert (plots / "summary.md").read_text().count("not run") == 4
    assert list((plots / "comparisons").iterdir()) == []


def test_metrics_that_evaluate_did_not_write_are_named(tmp_path, monkeypatch):
    write_result(tmp_path, "zoom_20")
    path = tmp_path / "metrics" / "zoom_20.json"
    path.write_text('{"test": {}}')
    with pytest.raises(InputError) as error:
        run_compare(monkeypatch, tmp_path)
    assert str(error.value) == (
        f"{path}: no parameters, epochs, provenance, it holds test; evaluate the variant again"
    )


def test_a_variant_that_ran_without_its_curves_is_named(tmp_path, monkeypatch):
    write_result(tmp_path, "zoom_20")
    curves = tmp_path / "plots" / "variants" / "zoom_20" / "loss.csv"
    curves.unlink()
    with pytest.raises(InputError, match=re.escape(f"no {curves}; run the stage that makes it: dvc repro")):
        run_compare(monkeypatch, tmp_path)


@pytest.mark.parametrize("template", ["lines", "linear"])
def test_dvc_draws_a_colour_per_line_and_a_dash_per_revision(template):
    points = [
        {"epoch": "1", "line": line, "val_loss": "2.5", "rev": rev}
        for line in ("flip", "zoom_20")
        for rev in ("workspace", "HEAD~1")
    ]
    properties = {"template": template, "template_dir": str(TEMPLATES), "x": "epoch", "y": "val_loss"}
    drawn = VegaRenderer(points, "plots/comparisons/val_loss/zoom.csv", **properties).get_filled_template()
    assert drawn["data"]["values"] == points
    encoding = drawn["encoding"]
    assert [encoding[channel]["field"] for channel in ("y", "color", "strokeDash")] == [
        "val_loss",
        "line",
        "rev",
    ]
    assert "<DVC_METRIC" not in json.dumps(drawn), "every anchor is filled"


def test_dvc_draws_the_confusion_of_each_revision_as_shares_of_the_true_class():
    points = [{"actual": "apple", "predicted": "baby", "rev": rev} for rev in ("workspace", "HEAD~1")]
    properties = {"template": "confusion", "template_dir": str(TEMPLATES), "x": "predicted", "y": "actual"}
    drawn = VegaRenderer(points, "confusion.csv", **properties).get_filled_template()
    assert drawn["facet"]["column"]["field"] == "rev"
    assert [step.get("groupby") for step in drawn["transform"]] == [
        ["rev", "actual", "predicted"],
        ["rev", "actual"],
        None,
    ]
    assert "<DVC_METRIC" not in json.dumps(drawn), "every anchor is filled"


def test_the_default_template_of_dvc_is_the_same_as_lines():
    # so that `dvc plots show plots/comparisons/val_loss/zoom.csv` needs no options
    assert (TEMPLATES / "linear.json").read_bytes() == (TEMPLATES / "lines.json").read_bytes()


def test_the_page_of_dvc_plots_holds_its_libraries_and_loads_nothing():
    template = (TEMPLATES / "offline.html").read_text(encoding="utf-8")
    page = HTML(template).with_scripts(VegaRenderer.SCRIPTS).with_element("<div>one plot</div>").embed()
    assert "<div>one plot</div>" in page
    markup = re.sub(r"(<script>).*?(</script>)", r"\1\2", page, flags=re.DOTALL)
    assert re.findall(r"\b(?:src|href)=|@import|url\(", markup) == [], "nothing is loaded from anywhere"
    assert markup.count("<script></script>") == 3
    for library in ("vega 5.33.1", "vega-lite 5.23.0", "vega-embed 6.29.0"):
        assert f"<script>/* {library}, BSD-3-Clause" in page

"""DVC's own views of the study, in a small project with our dvc.yaml's plots, metrics and artifacts."""

import html
import json
import re
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from commands import ROOT, call, succeed
from dvc.repo.artifacts import check_name_format
from dvc_render.vega import VegaRenderer
from ruamel.yaml import YAML
from test_page_in_browser import browse
from test_pipeline import STAGES, paths

from stages.results import class_figures, figures
from stages.study import items

PIPELINE = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
STUDY = {
    key: value
    for name in ("params.yaml", "report.yaml")
    for key, value in YAML(typ="safe").load((ROOT / name).read_text(encoding="utf-8")).items()
}
PLOTS = {name: plot for entry in PIPELINE["plots"] for name, plot in entry.items()}
TEMPLATES = ROOT / ".dvc" / "plots"
PAGE = (ROOT / "docs" / "dvc-views.md").read_text(encoding="utf-8")
needs_browser = pytest.mark.claimed("browser")
SIDE_BY_SIDE = (1280 - 72) / 2  # pixels of a plot, two of which stand in the window of a laptop
VARIANTS = ("basenet", "normalised", "final")
SMALL = {
    "compare": {
        "cmd": "exec python compare.py",
        "deps": ["metrics"],
        "outs": [{"plots/comparisons": {"cache": False}}],
    },
    "evaluate": {
        "foreach": "${variants}",
        "do": {
            "cmd": "exec python train.py ${key} ${item.epochs}",
            "outs": [
                "models/${key}",
                {"metrics/${key}.json": {"cache": False}},
                {"plots/variants/${key}": {"cache": False}},
            ],
        },
    },
}
TRAIN = """
import json, sys
from pathlib import Path
name, epochs = sys.argv[1], int(sys.argv[2])
model, plots, metrics = Path("models", name), Path("plots/variants", name), Path("metrics", f"{name}.json")
for folder in (model, plots, metrics.parent):
    folder.mkdir(parents=True, exist_ok=True)
(model / "model.keras").write_text(name)
metrics.write_text(json.dumps({"test": {"accuracy": epochs / 100}}))
(plots / "loss.csv").write_text("epoch,line,loss\\n1,training,2.5\\n2,training,1.5\\n")
# nothing was taken for a bee, and no ant for anything else
(plots / "confusion.csv").write_text(
    "actual,predicted,images\\nant,ant,9\\nant,bee,0\\nbee,ant,9\\nbee,bee,0\\n")
(plots / "per_class_accuracy.csv").write_text("class,accuracy,n\\nbee,0.0,9\\nant,1.0,9\\n")
"""
COMPARE = """
from pathlib import Path
folder = Path("plots/comparisons")
folder.mkdir(parents=True, exist_ok=True)
colours = {"deeper_1": "#CC79A7", "dropout_1": "#E69F00"}
rows = [f"{epoch},{name},{1 / epoch},{colours[name]}\\n" for name in colours for epoch in (1, 2)]
header = "epoch,variant,val_loss,colour\\n"
for name in ("dropout", "epochs"):
    (folder / f"{name}_loss.csv").write_text(header + "".join(rows))
"""


def write_parameters(folder: Path, **epochs: int) -> None:
    lines = [f"  {name}: {{epochs: {epochs.get(name, 40)}}}\n" for name in VARIANTS]
    (folder / "params.yaml").write_text("variants:\n" + "".join(lines))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two commits, of which the second trains `final` for longer."""
    folder = tmp_path_factory.mktemp("views") / "project"
    folder.mkdir()
    (folder / "dvc.yaml").write_text(json.dumps(PIPELINE | {"stages": SMALL}))
    (folder / "train.py").write_text(TRAIN)
    (folder / "compare.py").write_text(COMPARE)
    shutil.copy(ROOT / ".dvcignore", folder)
    shutil.copytree(TEMPLATES, folder / ".dvc" / "plots")
    shutil.copy(ROOT / ".dvc" / "config", folder / ".dvc")
    (folder / ".gitignore").write_text("/models\n/dvc_plots\n")
    succeed(folder, "git", "init", "-q")
    for epochs in (40, 50):
        write_parameters(folder, final=epochs)
        succeed(folder, "dvc", "repro", "-q")
        succeed(folder, "git", "add", ".")
        succeed(folder, "git", "commit", "-q", "-m", f"Train final for {epochs} epochs")
    return folder


@pytest.fixture
def clone(project: Path, tmp_path: Path) -> Path:
    """A fresh clone, without a cache."""
    succeed(tmp_path, "git", "clone", "-q", str(project), "clone")
    return tmp_path / "clone"


def visit(page: Path, width: int = 1280) -> SimpleNamespace:
    """Returns what a page of plots says in a browser without a network: its labels, colours and widths."""
    text = page.read_text(encoding="utf-8")
    assert "return draw(place, spec)" in text
    drawn = page.with_name("svg.html")
    drawn.write_text(text.replace("draw(place, spec)", 'draw(place, spec, {renderer: "svg"})'), "utf-8")
    shown = browse(page.parent, drawn.as_uri(), "--dump-dom", size=f"{width},900")
    seen = re.sub(r"<script.*?</script>", "", html.unescape(shown), flags=re.DOTALL)
    return SimpleNamespace(
        labels=re.findall(r'aria-label="(.*?)"', seen),
        colours=set(re.findall(r"#[0-9a-fA-F]{6}", seen)),
        widths=[int(width) for width in re.findall(r'<svg [^>]*\bwidth="(\d+)"', seen)],
    )


def test_metrics_differ_in_a_fresh_clone_and_variants_that_have_not_run_are_no_failures(clone: Path) -> None:
    (clone / "metrics" / "normalised.json").unlink()
    done = call(clone, "dvc", "metrics", "diff", "HEAD~1", "HEAD", "--json")
    assert json.loads(done.stdout) == {
        "metrics/final.json": {"test.accuracy": {"old": 0.4, "new": 0.5, "diff": pytest.approx(0.1)}}
    }
    assert done.stderr == ""
    assert call(clone, "dvc", "metrics", "show").stderr == ""


@needs_browser
def test_plots_of_two_revisions_are_drawn_from_a_fresh_clone(clone: Path) -> None:
    succeed(clone, "dvc", "plots", "diff", "HEAD~1", "HEAD")
    seen = visit(clone / "dvc_plots" / "index.html")
    titles = [label for label in seen.labels if label.startswith("Title text")]
    assert [title for title in titles if "HEAD" not in title] == [
        "Title text 'Dropout: validation loss (report Fig. 10-13)'",
        "Title text 'Epochs: validation loss (report Fig. 12-15)'",
        "Title text 'basenet: confusion of test images'",
        "Title text 'basenet: accuracy per class, test images'",
        "Title text 'final: confusion of test images'",
        "Title text 'final: accuracy per class, test images'",
    ]
    lines = [
        f"line: {line}; revision: {rev}" for rev in ("HEAD~1", "HEAD") for line in ("deeper_1", "dropout_1")
    ]
    assert [line for line in lines if not any(label.endswith(line) for label in seen.labels)] == []
    # all classes on both axes, though nothing was taken for a bee; two matrices of each of two variants
    assert "X-axis titled 'predicted class' for a discrete scale with 2 values: ant, bee" in seen.labels
    cells = [label for label in seen.labels if label.startswith("predicted class: bee; true class: ant;")]
    assert len(cells) == 4
    assert {"images: 0; share: 0.0%" in cell for cell in cells} == {True}
    assert "accuracy: 100%; class: ant; rev: HEAD~1; revision: HEAD~1; images: 9" in seen.labels
    assert {figures.BLUE, figures.VERMILION} <= seen.colours, "of revisions"
    assert {"#CC79A7", "#E69F00"} <= seen.colours, "of variants, as compare says"
    assert not {"#945dd6", "#13adc7"} & seen.colours, "DVC's own colours of revisions"
    assert max(seen.widths) < SIDE_BY_SIDE


@needs_browser
def test_plots_of_one_revision_name_none_fit_the_window_and_of_many_classes_show_both_ends(
    clone: Path,
) -> None:
    rows = [f"class_{number},{number / 50},9\n" for number in range(50)]
    table = clone / "plots" / "variants" / "final" / "per_class_accuracy.csv"
    table.write_text("class,accuracy,n\n" + "".join(rows))
    names = ("dropout, validation loss", "final, accuracy per class", "final, confusion")
    succeed(clone, "dvc", "plots", "show", *names)
    for window, widest in ((1280, SIDE_BY_SIDE), (500, 500)):
        seen = visit(clone / "dvc_plots" / "index.html", window)
        assert len([width for width in seen.widths if width > 1]) == len(names)  # and menus
        assert max(seen.widths) < widest
        assert not [label for label in seen.labels if "legend titled 'revision'" in label]
    shown = {int(found[1]) for label in seen.labels if (found := re.search(r"; class: class_(\d+);", label))}
    assert class_figures.ENDS == 14
    assert shown == {*range(14), *range(36, 50)}


@pytest.mark.parametrize("template", sorted(path.stem for path in TEMPLATES.glob("*.json")))
def test_templates_leave_to_vs_code_their_size_zoom_and_colours_of_revisions(template: str) -> None:
    properties = {"template": template, "template_dir": str(TEMPLATES), "x": "x", "y": "y"}
    points = [{"x": "1", "y": "2", "rev": "main"}]
    content, split = VegaRenderer(points, "table.csv", **properties).get_partial_filled_template()
    offered = set(split["anchor_definitions"])
    assert {f"<DVC_METRIC_PLOT_{side}>" for side in ("WIDTH", "HEIGHT")} <= offered
    assert ("<DVC_METRIC_ZOOM_AND_PAN>" in offered) == (template != "confusion")  # its axes are names
    assert ("<DVC_METRIC_COLOR>" in offered) == (template == "bars")  # elsewhere a colour is something else
    text = json.dumps(content)
    for anchor in re.findall(r"<DVC_METRIC_\w+>", text):
        assert anchor in offered, "VS Code would not fill it"


@needs_browser
def test_plots_fill_a_tile_of_vs_code_and_have_its_colours(clone: Path) -> None:
    names = ("dropout, validation loss", "final, accuracy per class", "final, confusion")
    output = succeed(clone, "dvc", "plots", "diff", "HEAD~1", "--json", "--split", "--targets", *names)
    tiles = ""
    for number, plots in enumerate(json.loads(output)["data"].values()):
        (plot,) = plots
        side = 300 if "facet" in plot["content"] else "container"
        # as its extension fills them, but for the colours, which a user picks there
        filled = plot["anchor_definitions"] | {
            "<DVC_METRIC_PLOT_WIDTH>": side,
            "<DVC_METRIC_PLOT_HEIGHT>": side,
            "<DVC_METRIC_ZOOM_AND_PAN>": {},
        }
        spec = json.dumps(plot["content"])
        for anchor, value in filled.items():
            spec = spec.replace(f'"{anchor}"', json.dumps(value))
        tiles += f'<div id="t{number}" style="width: 400px; height: 350px"></div>'
        tiles += f'<script>draw("#t{number}", {spec}, {{renderer: "svg", actions: false}});</script>'
    page = (TEMPLATES / "offline.html").read_text(encoding="utf-8")
    tile = clone / "tiles.html"
    tile.write_text(page.replace("{plot_divs}", tiles).replace("{refresh_tag}", ""), "utf-8")
    seen = visit(tile)
    lines, bars, confusion = sorted(seen.widths)
    assert (lines, bars) == (400, 400)
    assert confusion > 600  # two matrices of 300, which can be scrolled there
    assert {"#945dd6", "#13adc7"} <= seen.colours


def test_every_plot_draws_a_table_that_a_stage_writes() -> None:
    outs = {path for stage in STAGES for path in paths(stage, "outs")}
    assert "plots/variants/${key}" in outs
    for name, plot in PLOTS.items():
        assert (TEMPLATES / f"{plot['template']}.json").is_file()
        ((path, _),) = plot["y"].items()
        folder, file = path.rsplit("/", 1)
        subject, what = name.split(", ")
        if folder == "plots/comparisons":
            comparison, quantity = file.removesuffix(".csv").rsplit("_", 1)
            assert (subject, what) == (comparison, f"validation {quantity}")
            assert comparison in STUDY["comparisons"]
            figure = STUDY["comparisons"][comparison]["report"].replace(" - ", "-")
            assert plot["title"].endswith(f": {what} (report {figure})")
        else:
            assert folder == f"plots/variants/{subject}"
            assert any(subject in STUDY[section] for section in items.TRAINERS)
            assert plot["title"].startswith(f"{subject}: ")
    assert len({plot["title"] for plot in PLOTS.values()}) == len(PLOTS)
    drawn = {name.split(", ")[0] for name in PLOTS}
    assert set(STUDY["comparisons"]) <= drawn


def test_every_artifact_is_the_model_of_a_variant_that_dvc_accepts_by_its_name() -> None:
    trained = [STAGES[trainer]["outs"] for trainer in items.TRAINERS.values()]
    assert trained == [["models/${key}"]] * len(items.TRAINERS)
    variants = {name for section in items.TRAINERS for name in STUDY[section]}
    assert PIPELINE["artifacts"]
    for name, artifact in PIPELINE["artifacts"].items():
        check_name_format(name)
        assert artifact["type"] == "model"
        assert artifact["path"] in {f"models/{variant}" for variant in variants}
        assert name.replace("-", "_") == artifact["path"].removeprefix("models/")
        section = next(section for section in items.TRAINERS if name.replace("-", "_") in STUDY[section])
        data = STUDY[section][name.replace("-", "_")]["data"]
        assert artifact["labels"] == [STUDY["features"].get(data, {"dataset": data})["dataset"]]
        assert artifact["desc"]


def test_the_commands_of_the_page_show_what_it_says(project: Path, tmp_path: Path) -> None:
    commands = re.findall(r"^\| `(.+?)` \|", PAGE, re.MULTILINE)
    copy = tmp_path / "project"
    shutil.copytree(project, copy, symlinks=True)
    says = {command: succeed(copy, "env", "BROWSER=true", *shlex.split(command)) for command in commands}

    def of(beginning: str) -> str:
        (found,) = [says.pop(command) for command in commands if command.startswith(beginning)]
        return found

    drawn = [command for command in commands if command.startswith("dvc plots")]
    assert len(drawn) == 6
    for command in drawn:
        assert "/dvc_plots/index.html\n" in says.pop(command)
    assert [line.split() for line in of("dvc metrics show").splitlines()] == [
        ["Path", "test.accuracy"],
        ["metrics/basenet.json", "0.4"],
        ["metrics/final.json", "0.5"],
        ["metrics/normalised.json", "0.4"],
    ]
    changed = of("dvc metrics diff").splitlines()[1:]
    assert [line.split() for line in changed] == [
        ["metrics/final.json", "test.accuracy", "0.4", "0.5", "0.1"]
    ]
    assert of("dvc exp run --queue").count("Queued experiment") == 2
    assert "> exec python train.py final 16" in of("dvc exp run --run-all")
    table = of("dvc exp show")
    assert len(re.findall(r"Success .* 0\.(?:08 +8|16 +16) ", table)) == 2
    assert "variants.basenet" not in table
    assert of("dvc dag").split() == [
        *("flowchart", "TD", 'node1["compare"]', 'node2["evaluate"]', "node2-->node1"),
    ]
    assert of("git tag") == ""
    assert "'final_model'" in of("dvc artifacts get")
    assert (copy / "final_model" / "model.keras").read_text() == "final"
    assert says == {}, "every command was looked at"
    assert succeed(copy, "git", "status", "--porcelain", "--untracked-files=no") == "", "files are as before"

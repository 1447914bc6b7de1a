"""The whole study on generated pictures, and which edits run which stages again (real DVC, real Keras)."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
STUDY = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
SCRATCH, HEADS, FINE_TUNES = (list(STUDY[group]) for group in ("variants", "heads", "fine_tunes"))
VARIANTS = [*SCRATCH, *HEADS, *FINE_TUNES]


def call(*command: str, folder: Path) -> str:
    """Runs a command of the environment in a folder and returns what it printed."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("DATA_MIRROR", None)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # which makes each process compile TensorFlow's Python
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, f"{command} failed:\n{result.stdout}\n{result.stderr}"
    return result.stdout


def stages_run(printed: str) -> set[str]:
    """Returns the stages that DVC says it ran, or took from its cache of former runs."""
    return set(re.findall(r"(?:Running stage|Stage) '(.+?)'(?::| is cached)", printed))


def repro(folder: Path, *targets: str) -> set[str]:
    """Runs dvc repro and returns the stages that ran."""
    return stages_run(call("dvc", "repro", *targets, folder=folder))


def directly_changed(folder: Path) -> set[str]:
    """Resolves, and returns the stages that DVC would then run because their own inputs changed."""
    repro(folder, "resolve")
    return set(json.loads(call("dvc", "status", "--json", folder=folder))) - {"resolve"}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is in {path} {text.count(old)} times"
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo project in which the whole study has run."""
    folder = tmp_path_factory.mktemp("study") / "demo"
    printed = call(sys.executable, "-m", "stages.demo", str(folder), folder=ROOT)
    assert "The study ran on generated pictures" in printed
    return folder


@pytest.fixture
def demo(finished: Path) -> Iterator[Path]:
    """That project, put back to its last commit after the test."""
    yield finished
    call("git", "checkout", "--quiet", ".", folder=finished)
    call("git", "clean", "--quiet", "--force", "-d", folder=finished)
    call("dvc", "checkout", "--quiet", "--force", folder=finished)


# --- what is there afterwards


def test_every_variant_has_a_model_metrics_and_plots(finished: Path) -> None:
    for name in VARIANTS:
        model = {path.name for path in (finished / "models" / name).iterdir()}
        assert model == {"history.csv", "model.keras", "predictions.npz", "run.json"}
        metrics = json.loads((finished / "metrics" / f"{name}.json").read_text(encoding="utf-8"))
        assert metrics["variant"] == name
        assert metrics["provenance"] == "stand-in"
        assert (finished / "plots" / "variants" / name / "learning_curves.png").stat().st_size > 5_000


def test_generated_classes_are_learned(finished: Path) -> None:
    def accuracy(name: str) -> float:
        text = (finished / "metrics" / f"{name}.json").read_text(encoding="utf-8")
        return json.loads(text)["test"]["accuracy"]

    assert accuracy("normalised") > 0.4  # 10 classes, so chance is 0.1
    assert accuracy("final") > 0.4


def test_every_comparison_is_drawn(finished: Path) -> None:
    drawn = {path.stem for path in (finished / "plots" / "comparisons").glob("*.png")}
    assert drawn == set(STUDY["comparisons"])
    summary = (finished / "plots" / "summary.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in summary for name in VARIANTS)


def test_the_demo_ends_with_a_clean_commit(finished: Path) -> None:
    assert call("git", "status", "--porcelain", folder=finished) == ""


# --- which edits run what again


def test_nothing_runs_again_without_an_edit(demo: Path) -> None:
    assert repro(demo) == set()


def test_a_knob_runs_its_variant_again(demo: Path) -> None:
    edit(
        demo / "params.yaml",
        "flip_zoom_20: {extends: flip, zoom: 0.2}",
        "flip_zoom_20: {extends: flip, zoom: 0.3}",
    )
    assert repro(demo) == {"resolve", "train@flip_zoom_20", "evaluate@flip_zoom_20", "compare"}


def test_a_knob_of_a_head_leaves_the_features_alone(demo: Path) -> None:
    edit(demo / "params.yaml", "dense_units: [], epochs: 10}", "dense_units: [], epochs: 9, batch_size: 64}")
    # all other heads extend linear_head; compare reads the names of variants
    assert directly_changed(demo) == {"compare", *(f"train_head@{name}" for name in HEADS)}


def test_a_start_runs_what_goes_on_from_it_again(demo: Path) -> None:
    edit(
        demo / "params.yaml",
        "frozen: {extends: mlp_head, epochs: 5,",
        "frozen: {extends: mlp_head, epochs: 1,",
    )
    trained = {"train_head@frozen", "fine_tune@fine_tuned"}
    evaluated = {"evaluate_head@frozen", "evaluate_fine_tune@fine_tuned"}
    assert repro(demo) == {"resolve", "compare"} | trained | evaluated


def test_a_new_variant_trains_alone(demo: Path) -> None:
    new = "variants:\n  small_batches:\n    extends: flip\n    batch_size: 16\n    epochs: 1\n"
    edit(demo / "params.yaml", "\nvariants:\n", f"\n{new}")
    assert repro(demo) == {"resolve", "train@small_batches", "evaluate@small_batches", "compare"}
    assert "| `small_batches` |" in (demo / "plots" / "summary.md").read_text(encoding="utf-8")


def test_a_comment_runs_resolve_alone(demo: Path) -> None:
    edit(demo / "params.yaml", "\nvariants:\n", "\n# A comment.\nvariants:\n")
    with (demo / "stages" / "networks" / "deeper_net.py").open("a", encoding="utf-8") as file:
        file.write("\n# Another comment.\n")
    assert repro(demo) == {"resolve"}


def test_a_figure_of_the_report_compares_again(demo: Path) -> None:
    edit(demo / "params.yaml", "loss: 2.006, accuracy: 0.4192", "loss: 2.006, accuracy: 0.4193")
    assert repro(demo) == {"resolve", "compare"}


@pytest.mark.parametrize(
    ("file", "old", "new", "stages"),
    [
        pytest.param(
            "networks/deeper_net.py",
            "MaxPooling2D(2,",
            "AveragePooling2D(2,",
            {f"train@{name}" for name in SCRATCH[SCRATCH.index("deeper_1") :]},
            id="a network its variants",
        ),
        pytest.param(
            "networks/conv_head.py",
            "AveragePooling2D(2,",
            "AveragePooling2D(3,",
            {"train_head@conv_head", "train_head@conv_head_pooled"},
            id="a head its variants",
        ),
        pytest.param(
            "training/augmentation.py",
            "< 0.5",
            "< 0.4",
            {
                *(f"train@{name}" for name in SCRATCH),
                *(f"train_head@{name}" for name in HEADS),
                *(f"fine_tune@{name}" for name in FINE_TUNES),
            },
            id="the augmentation every training",
        ),
        pytest.param(
            "results/classification.py",
            "BINS = 15 ",
            "BINS = 10 ",
            {
                "compare",  # draws intervals with the same module
                *(f"evaluate@{name}" for name in SCRATCH),
                *(f"evaluate_head@{name}" for name in HEADS),
                *(f"evaluate_fine_tune@{name}" for name in FINE_TUNES),
            },
            id="a measure every evaluation",
        ),
        pytest.param(
            "datasets/cub200.py",
            "import io",
            "import io\nEDITED = 1",
            {"prepare@cifar100", "prepare@cub200"},
            id="a format the preparation",
        ),
        pytest.param("networks/small_backbone.py", "128)", "64)", set(), id="what no stage imports none"),
    ],
)
def test_a_line_of_code_runs_again(demo: Path, file: str, old: str, new: str, stages: set[str]) -> None:
    edit(demo / "stages" / file, old, new)
    assert directly_changed(demo) == stages


def test_another_validation_set_leaves_the_features_alone(demo: Path) -> None:
    study = (demo / "params.yaml").read_text(encoding="utf-8")
    birds = study.index("  cub200:", study.index("datasets:"))
    edited = study[:birds] + study[birds:].replace("split_seed: 0", "split_seed: 1", 1)
    (demo / "params.yaml").write_text(edited, encoding="utf-8")
    assert repro(demo, "prepare@cub200") == {"resolve", "prepare@cub200"}
    changed = {f"train_head@{name}" for name in HEADS} | {f"fine_tune@{name}" for name in FINE_TUNES}
    assert set(json.loads(call("dvc", "status", "--json", folder=demo))) == changed


def test_a_deleted_model_comes_back_without_training(demo: Path) -> None:
    shutil.rmtree(demo / "models" / "final")
    printed = call("dvc", "repro", folder=demo)
    assert "Running stage" not in printed
    assert stages_run(printed) == {"train@final"}  # taken from the cache
    assert (demo / "models" / "final" / "model.keras").is_file()


# --- DVC's own commands on the study


def test_an_experiment_is_one_command_and_shows_in_metrics_params_and_plots(demo: Path) -> None:
    printed = call("dvc", "exp", "run", "-S", "variants.final.epochs=1", folder=demo)
    assert stages_run(printed) == {"resolve", "train@final", "evaluate@final", "compare"}
    # DVC writes the file anew, lists one item a line; comments stay
    before = call("git", "show", "HEAD:params.yaml", folder=demo)
    after = (demo / "params.yaml").read_text(encoding="utf-8")
    assert re.findall("#.*", after) == re.findall("#.*", before)
    params = json.loads(call("dvc", "params", "diff", "--json", folder=demo))
    assert params["params.yaml"]["variants.final.epochs"] == {"old": 10, "new": 1, "diff": -9}
    metrics = json.loads(call("dvc", "metrics", "diff", "--json", folder=demo))
    assert "test.accuracy" in metrics["metrics/final.json"]
    assert set(metrics) == {"metrics/final.json", "plots/summary.json"}
    shown = json.loads(call("dvc", "exp", "show", "--json", folder=demo))
    assert len(shown) >= 2
    call("dvc", "plots", "diff", "HEAD", "--targets", "plots/variants/final", folder=demo)
    page = (demo / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    assert page.count('"rev": "workspace"') > 0
    assert page.count('"rev": "HEAD"') > 0


def test_the_page_of_all_plots_needs_no_network(demo: Path) -> None:
    call("dvc", "plots", "show", folder=demo)
    page = (demo / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"""(?:src|href)=["']https?://[^"']+""", page) == []
    for name in ("val_loss/zoom.csv", "val_accuracy/optimizers.csv"):
        assert f"plots/comparisons/{name}" in page.replace("::", "/")


def test_the_graph_of_stages_is_drawn(demo: Path) -> None:
    graph = call("dvc", "dag", "--mermaid", folder=demo)
    assert all(f'"train@{name}"' in graph for name in SCRATCH)

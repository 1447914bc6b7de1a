"""predict: images of any kind to classes, by networks and by heads joined to their backbone."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from stages import predict
from stages.projects import own_images
from stages.runtime.errors import InputError
from tests import small_classifiers

pytestmark = pytest.mark.usefixtures("keras_configured")

COLOURS = {"red": (250, 5, 5), "green": (5, 250, 5), "blue": (5, 5, 250)}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small_classifiers.write_project()
    return tmp_path


def encoded(colour, kind="PNG", size=(20, 10)):
    buffer = io.BytesIO()
    Image.new("RGB", size, COLOURS[colour]).save(buffer, kind)
    return buffer.getvalue()


def write(path, colour="red", kind="PNG"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(colour, kind))
    return str(path)


@pytest.mark.parametrize("variant", ["net", "head"])
def test_files_and_folders_are_classified(project, capsys, variant):
    red = write(project / "a" / "one.JPG", "red", "JPEG")
    blue = write(project / "b" / "deep" / "two.webp", "blue", "WEBP")
    write(project / "b" / "notes.txt")
    predict.main([red, str(project / "b"), "--variant", variant])
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{red}: red 98.")
    assert second.startswith(f"{blue}: blue 98.")


def test_json_has_the_best_classes_and_their_probabilities(project, capsys):
    image = write(project / "one.png", "green")
    predict.main([image, image, "--variant", "net", "--json", "--top", "2"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 2
    assert (lines[0]["image"], lines[0]["variant"]) == (image, "net")
    first, second = lines[0]["predictions"]
    assert first["class"] == "green"
    assert first["probability"] == pytest.approx(0.985, abs=0.005)
    assert first["probability"] > second["probability"]


def test_a_file_that_is_no_image_is_reported_and_the_others_are_classified(project, capsys):
    write(project / "b" / "good.png", "blue")
    (project / "b" / "bad.png").write_bytes(b"GIF89a")
    with pytest.raises(InputError, match="1 of 2 files could not be read as images"):
        predict.main([str(project / "b"), "--variant", "net"])
    out, err = capsys.readouterr()
    assert "good.png: blue" in out
    assert err.startswith(f"error: {project}/b/bad.png cannot be decoded as ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["one.png", "--variant", "nett"],
            "received variant 'nett', expected one that has been trained: head, net. Did you mean 'net'?",
        ),
        (["one.png", "--variant", "../net"], "received variant '../net'"),
        (["one.png"], "received no --variant, expected one that has been trained: head, net"),
        (["none.png", "--variant", "net"], "none.png does not exist"),
        (["a_fifo", "--variant", "net"], "a_fifo is not a regular file; expected an image, a folder"),
        (["empty", "--variant", "net"], "empty holds no image"),
        (["one.png", "--variant", "net", "--top", "0"], "received --top 0, expected at least 1"),
    ],
)
def test_a_mistake_is_named(project, arguments, message):
    write(project / "one.png")
    (project / "empty").mkdir()
    os.mkfifo("a_fifo")
    with pytest.raises(InputError) as caught:
        predict.main(arguments)
    assert message in str(caught.value)


def test_the_first_seed_predicts_and_on_demand_all_of_them_in_the_mean(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small_classifiers.write_net(seed=3)
    dull = [keras.layers.GlobalAveragePooling2D(name="pool"), keras.layers.Softmax(name="probabilities")]
    small_classifiers.write_seed("net", small_classifiers.mean_colour(8, *dull, sharpness=1e6), seed=10)
    image = write(tmp_path / "one.png", "blue")
    predict.main([image, "--json"])
    predict.main([image, "--json", "--ensemble"])
    first, mean = (json.loads(line)["predictions"][0] for line in capsys.readouterr().out.splitlines())
    assert first["class"] == mean["class"] == "blue"
    assert mean["probability"] == pytest.approx((first["probability"] + 1 / 3) / 2, abs=1e-3)


def test_images_become_squares_as_those_of_the_dataset_did(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sides = Image.new("RGB", (30, 10), COLOURS["red"])
    sides.paste(COLOURS["blue"], (10, 0, 20, 10))  # blue in the middle third
    sides.save("flag.png")
    for resize, seen in (("squash", "red"), ("crop", "blue")):
        small_classifiers.write_net(resize, resize=resize)
        predict.main(["flag.png", "--variant", resize])
        assert f"flag.png: {seen}" in capsys.readouterr().out


def test_what_is_skipped_of_a_folder_is_counted_by_kind(project, capsys):
    write(project / "b" / "good.png", "blue")
    for name in ("notes.txt", "more.txt", "@eaDir/good.png"):
        write(project / "b" / name)
    predict.main(["b", "--variant", "net"])
    out, err = capsys.readouterr()
    assert out.startswith("b/good.png: blue")
    assert err == "b: skipped 2 .txt, 1 in @eaDir\n"


def test_a_file_that_cannot_be_read_is_reported_and_the_others_are_classified(project, capsys, monkeypatch):
    write(project / "a.png")
    original = Path.read_bytes

    def read_bytes(path):
        if path.name == "a.png":
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    write(project / "b.png", "blue")
    with pytest.raises(InputError, match="1 of 2 files could not be read as images"):
        predict.main(["a.png", "b.png", "--variant", "net"])
    out, err = capsys.readouterr()
    assert out.startswith("b.png: blue")
    assert err == "error: a.png cannot be read (Permission denied)\n"


def test_a_name_that_would_control_the_terminal_is_shown_escaped(project, capsys):
    write(project / "b" / "two\nlines\x1b[2J.png", "blue")
    predict.main(["b", "--variant", "net"])
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("b/two\\nlines\\x1b[2J.png: blue")


def test_an_edited_model_is_refused(project):
    with Path("models/net/seed-0/model.keras").open("ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match=r"model\.keras"):
        predict.main([write(project / "one.png"), "--variant", "net"])


def test_stdin_is_an_image_and_a_reader_may_have_enough(project):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    images = [write(project / "one.png")] * 99
    command = [sys.executable, "-m", "stages.predict", "-", *images, "--variant", "net"]
    first = f"{' '.join(command)} | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", first], input=encoded("green"), env=environment, capture_output=True, cwd=project
    )
    assert done.stdout.startswith(b"-: green ")
    assert (done.returncode, done.stderr) in [(141, b""), (0, b"")]  # 0 where all fitted into the pipe


@pytest.mark.parametrize(("kind", "note"), [("generated", True), ("own", False)])
def test_a_network_that_knows_drawings_alone_says_so(project, capsys, kind, note):
    Path("plots/variants/net").mkdir(parents=True)
    Path("plots/variants/net/run.json").write_text(json.dumps({"provenance": kind}))
    predict.main([write(project / "one.png"), "--variant", "net"])
    assert (capsys.readouterr().err.startswith("note: net has only learnt from generated drawings")) == note


def test_a_variant_that_the_study_would_train_again_is_told_and_predicts(project, capsys, monkeypatch):
    """As after params.yaml named another folder."""
    counts = own_images.Counts(["cats", "dogs"], np.full((2, 3), 3))
    Path("params.yaml").write_text(own_images.params(counts, None, skip_damaged=False))
    Path("report.yaml").write_text("{}")
    deps, outs = [{"path": "data/resolved/train/net.json", "md5": "0"}], [{"path": "models/net", "md5": "1"}]
    lock = json.dumps({"stages": {"train@net": {"deps": deps, "outs": outs}}})
    Path("dvc.lock").write_text(f"{lock}\n")
    predict.main([write(project / "one.png"), "--variant", "net"])
    out, err = capsys.readouterr()
    assert ": red" in out
    assert err.startswith(
        "note: net may not be what the study would train now: train@net is no longer in params."
    )
    assert err.count("\n") == 1
    Path("params.yaml").write_text("an edit that is not finished")
    predict.main([write(project / "one.png"), "--variant", "net"])
    assert capsys.readouterr().err == ""

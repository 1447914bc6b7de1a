"""predict: images of any kind to classes, by networks and by heads joined to their backbone."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from stages import predict
from stages.runtime.atomic import write_json
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
    assert err.startswith(f"error: {project}/b/bad.png cannot be decoded as JPEG, PNG or WebP")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["one.png", "--variant", "nett"],
            "received variant 'nett', expected one that has been trained: head, net",
        ),
        (["one.png", "--variant", "../net"], "received variant '../net'"),
        (["none.png", "--variant", "net"], "none.png does not exist"),
        (["empty", "--variant", "net"], "empty holds no image"),
        (["one.png", "--variant", "net", "--top", "0"], "received --top 0, expected at least 1"),
    ],
)
def test_a_mistake_is_named(project, arguments, message):
    write(project / "one.png")
    (project / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        predict.main(arguments)
    assert message in str(caught.value)


def test_a_head_is_not_joined_to_another_backbone_than_that_of_its_training(project):
    manifest = Path("data/features/pets/manifest.json")
    content = json.loads(manifest.read_text())
    content["sha256"]["pooled.npy"] = "of other features"
    write_json(manifest, content)
    with pytest.raises(InputError, match="head has learnt from other features"):
        predict.main([write(project / "one.png"), "--variant", "head"])


def test_an_edited_model_is_refused(project):
    with Path("models/net/model.keras").open("ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match=r"model\.keras"):
        predict.main([write(project / "one.png"), "--variant", "net"])


def test_stdin_is_an_image_and_a_reader_may_have_enough(project):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [
        sys.executable,
        "-m",
        "stages.predict",
        "-",
        *[write(project / "one.png")] * 99,
        "--variant",
        "net",
    ]
    first = f"{' '.join(command)} | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", first], input=encoded("green"), env=environment, capture_output=True, cwd=project
    )
    assert done.stdout.startswith(b"-: green ")
    assert (done.returncode, done.stderr) in [(141, b""), (0, b"")]  # 0 where all fitted into the pipe

"""Labels and provenance of features: copied from the dataset, joined with the backbone."""

import json

import pytest

from stages import label_features
from stages.runtime import resolved
from stages.sources import provenance

FILES = ("labels.npy", "split.npy", "class_names.json", "manifest.json")


@pytest.fixture
def run(tmp_path):
    """A function that runs the stage on a dataset and a backbone of these kinds."""
    resolved.write(tmp_path / "item.json", "label_features", {})
    (tmp_path / "birds").mkdir()
    for name in (*FILES, "images.npy"):
        (tmp_path / "birds" / name).write_text(f"content of {name}")

    def run(dataset="official", backbone="official"):
        for name, kind, format in (("birds", dataset, "cub200"), ("resnet50", backbone, "application")):
            provenance.write(tmp_path / f"{name}.json", {f"{name}.tgz": {"kind": kind}}, format=format)
        names = ("item.json", "birds", "birds.json", "resnet50.json", "splits", "features.json")
        label_features.main([str(tmp_path / name) for name in names])
        return json.loads((tmp_path / "features.json").read_text())

    return run


def test_the_small_files_are_copied_but_not_the_images(tmp_path, run):
    run()
    found = {path.name: path.read_text() for path in (tmp_path / "splits").iterdir()}
    assert found == {name: f"content of {name}" for name in FILES}
    assert (tmp_path / "splits/labels.npy").stat().st_nlink == 1  # not a link that DVC makes read-only


def test_provenance_is_that_of_dataset_and_backbone_together(run):
    assert run("stand-in", "official") == {
        "kind": "stand-in",
        "format": "cub200",
        "sources": {"birds.tgz": {"kind": "stand-in"}, "resnet50.tgz": {"kind": "official"}},
    }

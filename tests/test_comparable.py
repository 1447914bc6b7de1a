"""May two results be compared? Two variants only where each image is where it is in the other."""

import pytest
from small_results import EVALUATED, REPORT, rights

from stages.results import comparable, contrasts
from stages.results.evaluated import Evaluated

BACKBONE = {"backbone.keras": {"kind": "stand-in", "sha256": "01"}}


@pytest.mark.parametrize(
    "changes",
    [
        {"provenance": "own"},
        {"format": "folder"},
        {"last_class": "bed"},
        {"splits": {"train": 30, "validation": 4, "test": 100}},
        {"inputs": EVALUATED["inputs"] | {"labels.npy": "other"}},
        {"inputs": EVALUATED["inputs"] | {"split.npy": "other"}},
        {"sources": {"archive.tar.gz": {"kind": "stand-in", "sha256": "other"}}},
        {"sources": BACKBONE},
    ],
)
def test_variants_on_other_images_are_no_comparison(changes):
    record = EVALUATED | changes
    assert not comparable.is_same_data(EVALUATED, record)
    one, other = (Evaluated(of, {}, rights(0.5, 100)) for of in (EVALUATED, record))
    assert contrasts.between(one, other) is None
    assert contrasts.obstacle(one, other) == "different data"


def test_a_head_on_features_of_the_same_images_is_compared_with_a_network_on_them():
    features = {
        "dataset": "cifar100_resnet50",
        "inputs": {"pooled.npy": "gh", "labels.npy": "cd", "split.npy": "ef"},
        "sources": EVALUATED["sources"] | BACKBONE,
    }
    assert comparable.is_same_data(EVALUATED, EVALUATED | features)
    other_backbone = features | {"sources": EVALUATED["sources"] | {"backbone.keras": {"sha256": "02"}}}
    assert comparable.is_same_data(EVALUATED | other_backbone, EVALUATED)


def test_the_report_is_compared_only_without_obstacles():
    assert comparable.reported("final", EVALUATED, REPORT) == REPORT["results"]["final"]
    assert comparable.reported("final", EVALUATED | {"epochs": 1}, REPORT) == {}
    assert comparable.reported("mine", EVALUATED, REPORT) == {}


@pytest.mark.parametrize(
    ("provenance", "format", "is_same"),
    [
        ("official", "cub200", True),
        ("stand-in", "cub200", False),
        ("stand-in", "cifar100", True),
    ],
)
def test_images_of_one_stored_size_are_the_reports_in_a_stand_in_too(provenance, format, is_same):
    record = EVALUATED | {"provenance": provenance, "format": format}
    assert comparable.has_reports_images(record) == is_same

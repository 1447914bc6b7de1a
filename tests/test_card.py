"""The card of a trained variant: what it takes, gives and is worth."""

import pytest
from small_results import EVALUATED, METRICS

from stages.results import card

SEEDS = {"seeds": [0, 1, 2]}
OF_SEEDS = {"test": METRICS["test"] | {"std": 0.01, "ensemble": 0.55}}


def text(metrics=METRICS, **changes) -> str:
    return card.text(EVALUATED | changes, metrics)


def row(shown: str, name: str) -> str:
    """Returns the cell of a row."""
    (line,) = (line for line in shown.splitlines() if line.startswith(f"| {name} |"))
    return line.split(" | ")[1].removesuffix(" |")


@pytest.mark.parametrize(
    ("changes", "takes"),
    [
        ({}, "RGB images in [0, 255], float32[n, 8, 8, 3], squashed to a square"),
        ({"resize": "pad"}, "RGB images in [0, 255], float32[n, 8, 8, 3], padded to a square"),
        (
            {"inputs": {"pooled.npy": "ab"}, "dataset": "pets_resnet50"},
            "features as in `pooled.npy` of `pets_resnet50`, made of images of 8 x 8",
        ),
        (
            {"inputs": {"pooled.npy": "ab"}, "knobs": {"end_to_end": True}},
            "RGB images in [0, 255], float32[n, 8, 8, 3], squashed to a square",
        ),
    ],
)
def test_it_says_what_input_the_saved_model_takes(changes, takes):
    assert row(text(**changes), "input") == takes


def test_it_says_what_was_measured_on_how_many_images():
    shown = row(text(), "on 100 test images")
    assert shown == "loss 1.5000, accuracy 0.5000 (95 % interval 0.4000 to 0.6000)"


def test_of_several_seeds_it_names_deviation_and_ensemble_and_how_to_use_it():
    shown = text(OF_SEEDS, **SEEDS)
    assert "3 classes, seeds 0 to 2." in shown
    assert "accuracy 0.5000 ± 0.0100 over 3 seeds" in row(shown, "on 100 test images")
    assert row(shown, "on 100 test images").endswith("; their ensemble 0.5500")
    assert "`python -m stages.predict IMAGE --variant final`, with `--ensemble` by all its seeds." in shown
    assert 'path = "models/final/seed-0/model.keras"' in shown


def test_views_inside_the_model_are_named():
    shown = row(text(knobs={"views": {"mirror": True, "shift": 4}}), "views")
    assert shown == "the image, its mirror image, both shifted by 4 pixels: the probabilities are their mean"
    assert "views" not in text()


def test_a_fitted_head_has_a_penalty_in_place_of_epochs():
    shown = text(epochs=0, notes={"penalty": 0.01}, provenance="official")
    assert "`base_net`, fitted on `cifar100`, 3 classes, seed 3." in shown
    assert row(shown, "chosen on validation") == "penalty: 0.01"

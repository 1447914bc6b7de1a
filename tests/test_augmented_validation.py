"""Validation images, augmented as a training sees its own; and the table of what that changes."""

import numpy as np
import pytest

from benchmarks import augmented_validation as benchmark

IMAGES = np.random.default_rng(0).uniform(0, 255, (20, 4, 4, 3)).astype(np.float32)


@pytest.mark.usefixtures("keras_configured")
def test_each_pass_augments_with_draws_of_its_own():
    first, again, second = (benchmark.augmented(IMAGES, [("flip", True)], 0, number) for number in (0, 0, 1))
    mirrored = (first != IMAGES).any(axis=(1, 2, 3))
    assert 0 < mirrored.sum() < 20
    assert np.array_equal(first[mirrored], IMAGES[mirrored][:, :, ::-1])
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    assert np.array_equal(benchmark.augmented(IMAGES, [], 0, 0), IMAGES)


def test_differences_are_from_the_first_variant_on_images_of_the_same_kind():
    base = {"accuracy": np.array([[0.4, 0.4], [0.42, 0.42]]), "loss": np.full((2, 2), 2.0)}
    zoomed = {"accuracy": base["accuracy"] - [0, 0.1], "loss": base["loss"] + [0, 0.5]}
    *_, first, second = benchmark.page({"normalised": base, "zoom_50": zoomed}).splitlines()
    assert first.split(" | ")[:5] == ["| `normalised`", "0.410", "", "0.410", ""]
    cells = second.split(" | ")
    assert (cells[1], cells[3]) == ("0.410", "0.310")
    assert cells[2].startswith("+0.000 [-")
    assert cells[4].startswith("-0.100 [-")

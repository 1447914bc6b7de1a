"""Each augmentation against another implementation of it; their draws alone decide what they do."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import affine_transform

from stages.runtime.modules import find, offered

pytestmark = pytest.mark.usefixtures("keras_configured")

AMOUNTS = {"flip": True, "zoom": 0.5, "crop": 3, "cutout": 4}


def images_of(seed=0, n=6, height=9, width=11):
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, 3)).astype(np.float32)


def drawn(name, n, amount=None, seed=0):
    return find("augmentation", name).draw(np.random.default_rng(seed), n, amount or AMOUNTS[name])


def apply(name, images, draws, amount=None):
    return np.asarray(find("augmentation", name).apply(images, draws, amount=amount or AMOUNTS[name]))


def test_all_that_are_offered_are_tested_here():
    assert set(offered("augmentation", "draw")) == set(AMOUNTS)


def test_a_flipped_image_is_itself_or_its_mirror_as_its_draw_says():
    images = images_of(n=4)
    flipped = apply("flip", images, np.array([[0.0], [0.49], [0.5], [0.99]], np.float32))
    assert np.array_equal(flipped, np.concatenate([images[:2, :, ::-1], images[2:]]))
    draws = drawn("flip", 4000)[:, 0] < 0.5
    assert abs(draws.mean() - 0.5) < 0.03
    assert abs((draws[1:] == draws[:-1]).mean() - 0.5) < 0.03  # each on its own


@pytest.mark.parametrize("amount", [0.2, 0.5, 0.99])
@pytest.mark.parametrize("size", [8, 9])
def test_zoom_is_the_linear_resampling_of_scipy_with_repeated_edges(amount, size):
    images = images_of(height=size, width=size + 2)
    factors = drawn("zoom", len(images), amount)
    zoomed = apply("zoom", images, factors, amount)
    centres = (np.array(images.shape[1:3]) - 1) / 2
    for image, result, factor in zip(images, zoomed, factors.astype(np.float64), strict=True):
        for channel in range(3):
            expected = affine_transform(
                image[:, :, channel].astype(np.float64),
                factor,
                offset=centres - factor * centres,
                order=1,
                mode="nearest",
            )
            assert np.allclose(result[:, :, channel], expected, atol=2e-2)


def test_factors_of_a_zoom_fill_their_range_and_height_and_width_are_drawn_independently():
    heights, widths = drawn("zoom", 2000, 0.3).T
    for factors in (heights, widths):
        assert 0.7 <= factors.min() < 0.71
        assert 1.29 < factors.max() <= 1.3
        assert abs(factors.mean() - 1) < 0.02
    assert abs(np.corrcoef(heights, widths)[0, 1]) < 0.07


@pytest.mark.parametrize("amount", [1, 3, 8])
def test_a_crop_is_a_window_of_the_image_padded_by_reflection(amount):
    images, shifts = images_of(n=40), drawn("crop", 40, amount)
    cropped = apply("crop", images, shifts, amount)
    border = ((0, 0), (amount, amount), (amount, amount), (0, 0))
    padded = np.pad(images, border, mode="reflect")
    for image, result, (down, right) in zip(padded, cropped, shifts.astype(int), strict=True):
        top, left = amount - down, amount - right
        assert np.array_equal(result, image[top : top + 9, left : left + 11])
    places = drawn("crop", 9000, amount)
    assert set(places[:, 0]) == set(places[:, 1]) == set(range(-amount, amount + 1))


@pytest.mark.parametrize("amount", [1, 4, 5])
def test_cutout_fills_a_square_with_the_mean_colour(amount):
    images, centres = images_of(n=40), drawn("cutout", 40, amount)
    covered = apply("cutout", images, centres, amount)
    for image, result, (y, x) in zip(images, covered, centres * np.float32([9, 11]), strict=True):
        top, left = int(y) - amount // 2, int(x) - amount // 2
        expected = image.copy()
        square = (slice(max(top, 0), top + amount), slice(max(left, 0), left + amount))
        expected[square] = image.mean(axis=(0, 1))
        assert np.allclose(result, expected, atol=1e-4)


@pytest.mark.parametrize("name", AMOUNTS)
def test_eager_and_inside_a_graph_the_result_is_the_same(name):
    import tensorflow as tf

    images, draws = images_of(), drawn(name, 6)
    module = find("augmentation", name)
    graph = tf.function(
        lambda images, draws: module.apply(images, draws, amount=AMOUNTS[name]),
        input_signature=[tf.TensorSpec([None, 9, 11, 3]), tf.TensorSpec([None, None])],
    )
    assert np.allclose(graph(images, draws), apply(name, images, draws), atol=1e-4)
    assert graph(images[:0], draws[:0]).shape == (0, 9, 11, 3)


@settings(deadline=None, max_examples=25)
@given(name=st.sampled_from(sorted(AMOUNTS)), seed=st.integers(0, 2**32 - 1), n=st.integers(1, 5))
def test_an_augmented_image_stays_within_the_range_of_its_own(name, seed, n):
    images, draws = images_of(seed, n), drawn(name, n, seed=seed)
    before = images.copy()
    result = apply(name, images, draws)
    assert (result.shape, result.dtype) == (images.shape, np.float32)
    assert (result.min(axis=(1, 2, 3)) >= images.min(axis=(1, 2, 3)) - 1e-3).all()
    assert (result.max(axis=(1, 2, 3)) <= images.max(axis=(1, 2, 3)) + 1e-3).all()
    assert np.array_equal(images, before)


@pytest.mark.parametrize("name", AMOUNTS)
def test_the_draws_alone_decide_and_each_image_has_its_own(name):
    images, draws = np.repeat(images_of(n=1), 30, axis=0), drawn(name, 30)
    assert (draws.dtype, len(draws)) == (np.float32, 30)
    assert np.array_equal(draws, drawn(name, 30))
    assert not np.array_equal(draws, drawn(name, 30, seed=1))
    result = apply(name, images, draws)
    assert np.array_equal(result, apply(name, images, draws))
    assert np.allclose(result[::-1], apply(name, images, draws[::-1]), atol=1e-4)
    assert len(np.unique(result.reshape(30, -1), axis=0)) > 1
    assert keras.ops.shape(result) == images.shape

"""Flips and zooms over many seeds: a mirror or nothing, and the resampling of ImageDataGenerator."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.training.augmentation import flip, zoom

affine_transform = pytest.importorskip("scipy.ndimage", reason="scipy comes with jax").affine_transform

SEEDS = range(20)


def pictures(seed=0, n=6, size=9, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, 3)).astype(dtype)


def rng(seed):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32])
def test_a_flipped_image_is_itself_or_its_mirror(dtype):
    for seed in SEEDS:
        images = pictures(seed, dtype=dtype)
        before = images.copy()
        flipped = flip(images, rng(seed))
        assert (flipped.shape, flipped.dtype) == (images.shape, images.dtype)
        for image, result in zip(images, flipped, strict=True):
            assert np.array_equal(result, image) or np.array_equal(result, image[:, ::-1])
        assert np.array_equal(images, before)


def test_half_of_the_images_are_flipped_each_on_its_own():
    images = np.zeros((4000, 1, 2, 1), np.uint8)
    images[:, :, 1] = 1
    mirrored = flip(images, rng(0))[:, 0, 0, 0]
    assert abs(mirrored.mean() - 0.5) < 0.03
    assert abs((mirrored[1:] == mirrored[:-1]).mean() - 0.5) < 0.03


@pytest.mark.parametrize("amount", [0.2, 0.3, 0.5, 0.99])
@pytest.mark.parametrize("size", [8, 9])
def test_zoom_is_the_linear_resampling_of_scipy_with_repeated_edges(amount, size):
    for seed in range(3):
        images = pictures(seed, size=size)
        factors = rng(seed).uniform(1 - amount, 1 + amount, size=(2, len(images)))
        centre = (size - 1) / 2
        zoomed = zoom(images, amount, rng(seed))
        for image, result, (height, width) in zip(images, zoomed, factors.T, strict=True):
            for channel in range(3):
                expected = affine_transform(
                    image[:, :, channel].astype(np.float64),
                    [height, width],
                    offset=[centre - height * centre, centre - width * centre],
                    order=1,
                    mode="nearest",
                )
                assert np.allclose(result[:, :, channel], expected, atol=1e-3)


@given(seed=st.integers(0, 2**32 - 1), amount=st.floats(0, 0.99), size=st.integers(1, 12))
def test_a_zoomed_image_is_float32_within_the_range_of_its_own(seed, amount, size):
    images = pictures(seed, n=3, size=size)
    before = images.copy()
    zoomed = zoom(images, amount, rng(seed))
    assert (zoomed.shape, zoomed.dtype) == (images.shape, np.float32)
    assert zoomed.flags.c_contiguous
    for image, result in zip(images, zoomed, strict=True):
        assert image.min() - 1e-3 <= result.min() <= result.max() <= image.max() + 1e-3
    assert np.array_equal(images, before)


def test_no_zoom_is_the_image_itself_and_a_little_is_nearly():
    for seed in SEEDS:
        images = pictures(seed)
        assert np.array_equal(zoom(images, 0.0, rng(seed)), images)
        assert np.allclose(zoom(images, 1e-6, rng(seed)), images, atol=0.01)


def test_a_constant_image_stays_constant():
    images = np.full((5, 7, 7, 3), 200, np.uint8)
    assert np.allclose(zoom(images, 0.5, rng(0)), 200)


def test_a_ramp_shows_both_factors_and_the_repeated_edges():
    size, n = 33, 200
    rows, columns = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    images = np.repeat(np.stack([rows, columns, columns], axis=-1)[None], n, axis=0)
    zoomed = zoom(images, 0.5, rng(0))
    centre = size // 2
    heights = zoomed[:, centre + 1, centre, 0] - zoomed[:, centre, centre, 0]  # pixels per pixel
    widths = zoomed[:, centre, centre + 1, 1] - zoomed[:, centre, centre, 1]
    for factors in (heights, widths):
        assert 0.5 - 1e-3 <= factors.min() < 0.55
        assert 1.45 < factors.max() <= 1.5 + 1e-3
        assert abs(factors.mean() - 1) < 0.06
    assert abs(np.corrcoef(heights, widths)[0, 1]) < 0.2  # drawn independently
    assert np.allclose(zoomed[:, centre, centre], centre, atol=1e-3)  # around the centre
    away = heights > 1.2
    assert away.any()
    assert np.allclose(zoomed[away, 0, :, 0], 0)
    assert np.allclose(zoomed[away, 1, :, 0], 0)
    assert np.allclose(zoomed[away, -1, :, 0], size - 1)
    closer = heights < 0.8
    assert (zoomed[closer, 0, 0, 0] > 0.2 * centre - 1e-3).all()


@pytest.mark.parametrize("augment", [flip, lambda images, rng: zoom(images, 0.3, rng)])
def test_the_generator_alone_decides(augment):
    images = pictures(n=16)
    first = augment(images, rng(1))
    assert np.array_equal(augment(images, rng(1)), first)
    assert not np.array_equal(augment(images, rng(2)), first)


@pytest.mark.parametrize("augment", [flip, lambda images, rng: zoom(images, 0.3, rng)])
def test_no_images_are_no_error(augment):
    assert augment(pictures(n=0), rng(0)).shape == (0, 9, 9, 3)

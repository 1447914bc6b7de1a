"""Each augmentation by hand or against another implementation; their draws alone decide what they do."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import affine_transform

from stages.runtime.modules import find, offered
from stages.training.plan import Chance

pytestmark = pytest.mark.usefixtures("keras_configured")

AMOUNTS = {
    "flip": True,
    "alternating_flip": True,
    "zoom": 0.5,
    "random_resized_crop": 0.3,
    "crop": 3,
    "cutout": 4,
    "cutmix": 0.7,
    "mixup": 0.8,
}
MIXING = {"cutmix", "mixup"}


def images_of(seed=0, n=6, height=9, width=11):
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, 3)).astype(np.float32)


def targets_of(n):
    return np.eye(4, dtype=np.float32)[np.arange(n) % 4]


def drawn(name, n, amount=None, seed=0, epoch=1):
    return find("augmentation", name).draw(Chance(seed, epoch, name), n, amount or AMOUNTS[name])


def mixed(name, images, targets, draws, amount=None):
    module = find("augmentation", name)
    images, targets = module.apply(images, targets, np.float32(draws), amount=amount or AMOUNTS[name])
    return np.asarray(images), np.asarray(targets)


def apply(name, images, draws, amount=None):
    return mixed(name, images, targets_of(len(images)), draws, amount)[0]


def test_all_that_are_offered_are_tested_here():
    assert set(offered("augmentation", "draw")) == set(AMOUNTS)


def test_a_flipped_image_is_itself_or_its_mirror_as_its_draw_says():
    images = images_of(n=4)
    flipped = apply("flip", images, np.array([[0.0], [0.49], [0.5], [0.99]], np.float32))
    assert np.array_equal(flipped, np.concatenate([images[:2, :, ::-1], images[2:]]))
    draws = drawn("flip", 4000)[:, 0] < 0.5
    assert abs(draws.mean() - 0.5) < 0.03
    assert abs((draws[1:] == draws[:-1]).mean() - 0.5) < 0.03  # each on its own


@pytest.mark.parametrize(("amount", "size"), [(0.2, 8), (0.99, 9)])
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
    heights, widths = drawn("zoom", 20_000, 0.3).T
    for factors in (heights, widths):
        assert 0.7 <= factors.min() < 0.71
        assert 1.29 < factors.max() <= 1.3
        assert abs(factors.mean() - 1) < 0.02
    assert abs(np.corrcoef(heights, widths)[0, 1]) < 0.025


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


@pytest.mark.parametrize("amount", [4, 5])
def test_cutout_fills_a_square_with_the_mean_colour(amount):
    images, centres = images_of(n=40), drawn("cutout", 40, amount)
    covered = apply("cutout", images, centres, amount)
    for image, result, (y, x) in zip(images, covered, centres * np.float32([9, 11]), strict=True):
        top, left = int(y) - amount // 2, int(x) - amount // 2
        expected = image.copy()
        square = (slice(max(top, 0), top + amount), slice(max(left, 0), left + amount))
        expected[square] = image.mean(axis=(0, 1))
        assert np.allclose(result, expected, atol=1e-4)


def test_alternating_flips_mirror_an_image_in_every_other_epoch_at_first_a_random_half():
    epochs = [drawn("alternating_flip", 2000, epoch=epoch)[:, 0] for epoch in (1, 2, 3)]
    assert set(epochs[0]) == {0.0, 1.0}
    assert abs(epochs[0].mean() - 0.5) < 0.04
    assert np.array_equal(epochs[1], 1 - epochs[0])
    assert np.array_equal(epochs[2], epochs[0])
    images = images_of(n=2)
    flipped = apply("alternating_flip", images, [[1.0], [0.0]])
    assert np.array_equal(flipped, [images[0, :, ::-1], images[1]])


@pytest.mark.parametrize("amount", [0.08, 0.6, 1.0])
def test_parts_of_a_random_resized_crop_have_the_area_and_the_shape_asked_for_and_fit(amount):
    heights, widths, tops, lefts = drawn("random_resized_crop", 4000, amount).astype(np.float64).T
    areas, ratios = heights * widths, np.log(widths / heights)
    assert amount - 1e-6 <= areas.min() <= areas.max() <= 1 + 1e-6
    assert abs(areas.mean() - (1 + amount) / 2) < 0.02
    assert np.abs(ratios).max() <= np.log(4 / 3) + 1e-6
    assert abs(ratios.mean()) < 0.02
    for starts, sizes in ((tops, heights), (lefts, widths)):
        assert starts.min() >= 0
        assert (starts + sizes).max() <= 1 + 1e-6
    if amount < 0.5:  # small parts have all shapes and lie anywhere
        small = areas < 0.5
        assert np.isclose(np.abs(ratios[small]).mean(), np.log(4 / 3) / 2, rtol=0.05)
        assert np.isclose((tops / (1 - heights))[small].mean(), 0.5, atol=0.03)


def test_a_random_resized_crop_enlarges_a_part_to_the_whole():
    row = np.array([0, 10, 20, 30], np.float32)
    image = np.broadcast_to(row[None, None, :, None], (1, 4, 4, 1))
    # all rows, columns 2 and 3: the new pixels lie at 1.75, 2.25, 2.75 and 3.25; the edge is repeated
    result = apply("random_resized_crop", image, [[1.0, 0.5, 0.0, 0.5]])
    assert np.allclose(result[0, :, :, 0], [[17.5, 22.5, 27.5, 30.0]] * 4)
    upright = apply("random_resized_crop", image.transpose(0, 2, 1, 3), [[0.5, 1.0, 0.5, 0.0]])
    assert np.array_equal(upright, result.transpose(0, 2, 1, 3))
    assert np.array_equal(apply("random_resized_crop", image, [[1.0, 1.0, 0.0, 0.0]]), image)


def test_mixup_takes_the_drawn_share_of_the_image_and_target_before():
    images = np.array([100, 200, 40], np.float32).reshape(3, 1, 1, 1)
    targets = np.eye(3, dtype=np.float32)
    images, targets = mixed("mixup", images, targets, [[0.0], [0.25], [0.5]])
    assert images.ravel().tolist() == [100, 175, 120]  # 200 * 3/4 + 100 / 4, 40 / 2 + 200 / 2
    assert targets.tolist() == [[1, 0, 0], [0.25, 0.75, 0], [0, 0.5, 0.5]]
    images, targets = mixed("mixup", images, targets, [[1.0], [0.0], [0.0]])
    assert (images[0, 0, 0, 0], targets[0].tolist()) == (120, [0, 0.5, 0.5])  # before the first is the last


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_shares_of_mixup_are_of_the_beta_distribution(alpha):
    shares = drawn("mixup", 20_000, alpha)
    assert abs(shares.mean() - 0.5) < 0.01
    assert np.isclose(shares.var(), 1 / (4 * (2 * alpha + 1)), rtol=0.03)


def test_cutmix_pastes_a_patch_of_the_image_before_at_its_place():
    images = np.arange(3 * 4 * 6, dtype=np.float32).reshape(3, 4, 6, 1)
    targets = np.eye(3, dtype=np.float32)
    # a quarter of the area is 2 x 3 pixels; in the corner 1 x 2 of them are left, as 1 and 1 are cut off
    draws = [[0.0, 0.5, 0.5], [0.25, 0.5, 0.5], [0.25, 0.0, 0.0]]
    result, shares = mixed("cutmix", images, targets, draws)
    middle, corner = images[1].copy(), images[2].copy()
    middle[1:3, 2:5] = images[0, 1:3, 2:5]
    corner[:1, :2] = images[1, :1, :2]
    assert np.array_equal(result, [images[0], middle, corner])
    assert np.allclose(shares, [[1, 0, 0], [0.25, 0.75, 0], [0, 2 / 24, 22 / 24]])


def test_targets_of_cutmix_are_shared_as_the_pixels_are():
    images = np.ones((64, 8, 8, 1), np.float32)
    images[::2] = 0
    targets = np.eye(2, dtype=np.float32)[np.arange(64) % 2]
    result, shares = mixed("cutmix", images, targets, drawn("cutmix", 64, 1.0), 1.0)
    assert np.allclose(result.mean(axis=(1, 2, 3)), shares[:, 1])
    assert len(set(shares[:, 1])) > 20


def test_a_share_of_images_gets_a_patch_of_cutmix_of_any_size_anywhere():
    areas, *centres = drawn("cutmix", 8000, 0.3).T
    assert abs((areas > 0).mean() - 0.3) < 0.02
    assert abs(areas[areas > 0].mean() - 0.5) < 0.02
    assert all(abs(centre.mean() - 0.5) < 0.02 for centre in centres)


@pytest.mark.parametrize("name", AMOUNTS)
def test_eager_and_inside_a_graph_the_result_is_the_same(name):
    import tensorflow as tf

    images, targets, draws = images_of(), targets_of(6), drawn(name, 6)
    module = find("augmentation", name)
    graph = tf.function(
        lambda *batch: module.apply(*batch, amount=AMOUNTS[name]),
        input_signature=[tf.TensorSpec([None, 9, 11, 3]), *[tf.TensorSpec([None, None])] * 2],
    )
    for found, expected in zip(
        graph(images, targets, draws), mixed(name, images, targets, draws), strict=True
    ):
        assert np.allclose(found, expected, atol=1e-4)
    assert graph(images[:0], targets[:0], draws[:0])[0].shape == (0, 9, 11, 3)


@settings(deadline=None, max_examples=40)
@given(name=st.sampled_from(sorted(AMOUNTS)), seed=st.integers(0, 2**32 - 1), n=st.integers(1, 5))
def test_augmented_images_stay_in_the_range_of_what_they_are_made_of_and_targets_add_up_to_1(name, seed, n):
    images, targets, draws = images_of(seed, n), targets_of(n), drawn(name, n, seed=seed)
    before = images.copy()
    result, mixture = mixed(name, images, targets, draws)
    assert (result.shape, result.dtype) == (images.shape, np.float32)
    lowest, highest = (limit(images, axis=(1, 2, 3)) for limit in (np.min, np.max))
    if name in MIXING:
        lowest, highest = np.minimum(lowest, np.roll(lowest, 1)), np.maximum(highest, np.roll(highest, 1))
    assert (result.min(axis=(1, 2, 3)) >= lowest - 1e-3).all()
    assert (result.max(axis=(1, 2, 3)) <= highest + 1e-3).all()
    assert np.array_equal(images, before)
    assert np.allclose(mixture.sum(axis=1), 1, atol=1e-6)
    assert name in MIXING or np.array_equal(mixture, targets)


@pytest.mark.parametrize("name", AMOUNTS)
def test_the_draws_alone_decide_and_each_image_has_its_own(name):
    images, draws = np.repeat(images_of(n=1), 30, axis=0), drawn(name, 30)
    images[1::2] = 255 - images[1::2]
    assert (draws.dtype, len(draws)) == (np.float32, 30)
    assert np.array_equal(draws, drawn(name, 30))
    assert not np.array_equal(draws, drawn(name, 30, seed=1))
    assert not np.array_equal(draws, drawn(name, 30, epoch=2))
    result = apply(name, images, draws)
    assert np.array_equal(result, apply(name, images, draws))
    # the image before is another from either side, but looks the same
    assert np.allclose(result[::-1], apply(name, images[::-1], draws[::-1]), atol=1e-4)
    assert len(np.unique(result.reshape(30, -1), axis=0)) > 2
    assert keras.ops.shape(result) == images.shape

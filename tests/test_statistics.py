"""Intervals: worked examples, hand-computed layouts, and how often they cover the truth."""

import numpy as np
import pytest
from scipy.special import ndtr

from stages.results import proportions, statistics
from stages.results.statistics import accuracy_interval, paired_difference, report_difference, seed_spread

# Two seeds, six images: accuracies 4/6 and 2/6.
TWO_SEEDS = np.array([[1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0]], bool)


def table(a: int, b: int, c: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns two variants: a images both get right, b only the first, c only the second, d neither."""
    counts = [a, b, c, d]
    one, other = (np.repeat(np.array(values, bool), counts) for values in ([1, 1, 0, 0], [1, 0, 1, 0]))
    return one[np.newaxis], other[np.newaxis]


def test_wilson_interval_of_eight_in_ten_is_the_textbooks():
    # z = 1.95996, z^2 = 3.84146: centre (0.8 + 0.192073) / 1.384146 = 0.716739,
    # half 1.95996 / 1.384146 * sqrt(0.016 + 0.0096036) = 0.226577
    assert proportions.wilson_interval(0.8, 10) == pytest.approx((0.490162, 0.943316), abs=2e-6)
    # the upper bound of none in ten is z^2 / (n + z^2) = 3.84146 / 13.84146
    assert proportions.wilson_interval(0.0, 10) == pytest.approx((0.0, 0.277533), abs=1e-6)


def test_the_interval_of_independent_shares_is_newcombes():
    # Newcombe 1998, table II: 56/70 - 48/80 has by method 10 the interval 0.0524 to 0.3339
    bounds = proportions.difference_interval(56 / 70, 70, 48 / 80, 80)
    assert bounds == pytest.approx((0.0524, 0.3339), abs=5e-5)
    mirrored = proportions.difference_interval(48 / 80, 80, 56 / 70, 70)
    assert mirrored == pytest.approx((-bounds[1], -bounds[0]))


@pytest.mark.parametrize(
    ("counts", "value", "bounds", "p"),
    [
        # Fagerland, Lydersen and Laake 2014, Recommended tests and confidence intervals for paired binomial
        # proportions, Statistics in Medicine 33, tables 1 and 2: Bentur et al. 2009, Cavo et al. 2012.
        # McNemar by hand: 2 (1 + 8) / 2^8
        ((1, 1, 7, 12), -6 / 21, (-0.507, -0.026), 0.0703),
        ((59, 6, 16, 80), -10 / 161, (-0.1186, -0.0046), 0.0525),
    ],
)
def test_one_seed_each_gives_newcombes_paired_interval_and_mcnemars_exact_test(counts, value, bounds, p):
    found = paired_difference(*table(*counts))
    assert found.value == pytest.approx(value)
    assert (found.low, found.high) == pytest.approx(bounds, abs=5e-4)
    assert found.p == pytest.approx(p, abs=5e-5)
    assert found.counted == "images"


def test_equal_predictions_of_one_seed_each_are_no_difference():
    found = paired_difference(*table(3, 0, 0, 2))
    assert (found.value, found.p) == (0, 1)
    assert found.low < 0 < found.high


def test_equal_predictions_of_several_seeds_prove_nothing_either():
    same = np.tile(np.arange(100) < 50, (3, 1))
    found = paired_difference(same, same)
    assert found.low < found.value == 0 < found.high


def test_pairing_narrows_the_interval_of_variants_that_agree_on_most_images():
    one, other = table(600, 60, 30, 310)
    paired = paired_difference(one, other)
    apart = proportions.difference_interval(0.66, 1000, 0.63, 1000)
    assert paired.low > 0 > apart[0]


def test_the_spread_between_seeds_is_split_into_what_seeds_and_what_images_do():
    # accuracies 2/3 and 1/3: variance 2 (1/6)^2. Rests are 1/3 twice and -1/6 four times, and mirrored:
    # sum of squares 2 (2/9 + 4/36) = 2/3, over 5 degrees of freedom and 6 images
    spread = seed_spread([TWO_SEEDS])
    assert spread == pytest.approx((1 / 18, 2 / 3 / 5 / 6, 1))


def test_spreads_are_pooled_by_their_degrees_of_freedom():
    three = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 0]], bool)  # variance of 2/4, 3/4, 1/4: 1/16
    alone = np.ones((1, 4), bool)
    spread = seed_spread([np.concatenate([three[:1], three[:1]]), three, alone])
    assert (spread.variance, spread.df) == pytest.approx((2 / 16 / 3, 3))
    assert seed_spread([alone]) is None


def test_an_accuracys_interval_counts_images_and_seeds():
    # images: means 1/2 1/2 1 1 0 0 have variance 1/5, over 6: 1/30, with 5 degrees of freedom. Seeds: half of
    # 1/18, with one, less half of 1/45. In all 0.05: 0.25 / 0.05 = 5 trials in place of 12.
    # Satterthwaite: 0.05^2 / ((1/30)^2 / 5 + (1/36)^2 / 1) = 2.516 degrees of freedom: t = 3.563
    found = accuracy_interval(TWO_SEEDS)
    t = 3.563
    half = t / (1 + t**2 / 5) * (0.25 / 5 + t**2 / 100) ** 0.5
    assert (found.value, found.counted) == (0.5, "images and seeds")
    assert (found.low, found.high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-3)


def test_one_seed_counts_images_alone_unless_its_family_says_what_a_seed_does():
    one = np.arange(100)[np.newaxis] < 40
    alone = accuracy_interval(one)
    assert alone[1:] == (*proportions.wilson_interval(0.4, 100), "images", None)
    # images .4 * .6 / 100 = .0024, seeds .0026 more: .005 is 48 trials' variance
    spread = statistics.SeedSpread(variance=0.0036, by_images=0.001, df=np.inf)
    with_family = accuracy_interval(one, spread)
    assert with_family[1:3] == pytest.approx(proportions.wilson_interval(0.4, 48))
    assert with_family.counted == "images and seeds"


@pytest.mark.parametrize("share", [0, 1])
def test_seeds_that_agree_on_everything_do_not_make_sure(share):
    found = accuracy_interval(np.full((3, 10), share, bool))
    assert (found.low, found.high) == proportions.wilson_interval(share, 10)


def test_against_the_report_on_the_same_images_one_more_seed_is_predicted():
    # accuracies .4 .5 .6: sd .1, t of 2 degrees of freedom 4.3027, times sqrt(1 + 1/3): .4968
    ours = np.arange(10) < np.array([[4], [5], [6]])
    found = report_difference(ours, 0.45, 10, same_images=True)
    assert found[:3] == pytest.approx((0.05, 0.05 - 0.4968, 0.05 + 0.4968), abs=1e-4)
    assert found.counted == "seeds"


def test_against_the_report_on_other_images_both_sides_images_count_too():
    # a spread that is known: seeds (.0016 - .0006) * 1.5, images 1/4 / 100 by their means 1 and 0, and
    # .45 * .55 / 99 = .0025 of the report
    spread = statistics.SeedSpread(variance=0.0016, by_images=0.0006, df=np.inf)
    ours = np.repeat(np.arange(100)[np.newaxis] < 50, 2, axis=0)
    found = report_difference(ours, 0.45, 99, same_images=False, spread=spread)
    variance = 0.0015 + 0.25 / 99 + 0.0025
    assert found.high - found.value == pytest.approx(1.96 * variance**0.5, rel=2e-3)
    assert found.counted == "images and seeds"


def test_against_the_report_one_seed_counts_images_alone():
    found = report_difference(np.arange(70)[np.newaxis] < 56, 48 / 80, 80, same_images=True)
    assert found[1:3] == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert found.counted == "images"


class World:
    """Recipes whose seeds and images are normal effects on the probit of being right; the truth is known."""

    MEAN, OF_IMAGES = -0.3, 1.0

    def __init__(self, of_seeds: float, n: int) -> None:
        self.chance, self.of_seeds, self.n = np.random.default_rng(0), of_seeds, n
        self.truth = ndtr(self.MEAN / np.sqrt(1 + of_seeds**2 + self.OF_IMAGES**2))

    def images(self) -> np.ndarray:
        return self.chance.normal(0, self.OF_IMAGES, self.n)

    def run(self, s: int, images: np.ndarray) -> np.ndarray:
        seeds = self.chance.normal(0, self.of_seeds, (s, 1))
        return self.MEAN + seeds + images + self.chance.normal(size=(s, self.n)) > 0


def covered(world: World, s: int, family: int, repeats: int = 1500) -> dict[str, float]:
    """Returns how often each interval holds the truth, the spread pooled over a family of so many others."""
    hits = dict.fromkeys(("accuracy", "paired", "report, same images", "report, other images"), 0)
    for _ in range(repeats):
        images = world.images()
        alike = 0.8 * images + 0.6 * world.images()  # to another recipe partly other images are hard
        ours, theirs = world.run(s, images), world.run(s, alike)
        spread = (
            seed_spread([ours, theirs, *(world.run(s, images) for _ in range(family))]) if family else None
        )
        others = world.images()
        found = {
            "accuracy": (accuracy_interval(ours, spread), world.truth),
            "paired": (paired_difference(ours, theirs, spread, spread), 0),
        }
        for which, seen in (("same", images), ("other", others)):
            reported, is_same = world.run(1, seen).mean(), which == "same"
            interval = report_difference(ours, reported, world.n, same_images=is_same, spread=spread)
            found[f"report, {which} images"] = (interval, 0)
        for name, (interval, truth) in found.items():
            hits[name] += bool(interval.low <= truth <= interval.high)
    return {name: count / repeats for name, count in hits.items()}


@pytest.mark.parametrize(
    ("of_seeds", "s", "family"),
    [(0.1, 10, 0), (0.2, 10, 0), (0.1, 5, 0), (0.1, 3, 4)],
)
def test_the_intervals_cover_95_per_cent(of_seeds, s, family):
    for name, share in covered(World(of_seeds, 300), s, family).items():
        assert share == pytest.approx(0.95, abs=0.02), name


def test_intervals_of_one_seed_cover_what_they_say_they_count():
    # where seeds do nothing, images are all there is to count
    world, hits = World(0, 300), np.zeros(2)
    for _ in range(1500):
        images = world.images()
        ours, theirs = world.run(1, images), world.run(1, 0.8 * images + 0.6 * world.images())
        alone, paired = accuracy_interval(ours), paired_difference(ours, theirs)
        hits += alone.low <= world.truth <= alone.high, paired.low <= 0 <= paired.high
    assert hits / 1500 == pytest.approx([0.95, 0.95], abs=0.02)

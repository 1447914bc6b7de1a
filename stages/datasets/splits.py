"""Which images train, which validate: by content alone, so that no order or source changes it.

Stratified by class. What would leak is kept apart: an image of the training pool whose pixels are also in the
test split validates (the network never trains on it), and equal images of the pool all train.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from stages.datasets.prepared import TEST, TRAIN, VALIDATION
from stages.runtime.errors import InputError


def split(
    labels: np.ndarray,
    hashes: Sequence[str],
    is_test: np.ndarray,
    *,
    share: float,
    seed: int,
    knob: str = "validation_share",
) -> np.ndarray:
    """Chooses the validation images: round(share * n) of the n images that are not in the test split.

    Args:
        labels: int64[n].
        hashes: hexadecimal, one per image; images of equal hashes are equal.
        is_test: bool[n].
        share: of validation, in [0, 1); the same in every class up to one image.
        seed: another one chooses other images.
        knob: what an error calls the share.

    Returns:
        uint8[n]: places in `stages.datasets.prepared.SPLITS`.

    Raises:
        InputError: a share that equal images leave no choice for.
    """
    split = np.where(is_test, TEST, TRAIN).astype(np.uint8)
    forced, free = _candidates(labels, hashes, is_test)
    sizes = Counter(labels[~is_test].tolist())
    quotas = _quotas(sizes, forced, free, share=share, seed=seed, knob=knob)
    for label, quota in quotas.items():
        ranked = sorted(free[label], key=lambda index: _draw(seed, hashes[index]))
        split[forced[label] + ranked[: quota - len(forced[label])]] = VALIDATION
    return split


def duplicates(hashes: Sequence[str], is_test: np.ndarray) -> dict[str, int]:
    """Counts images of equal pixels: beyond the first within pool and test, and pool images also in test.

    Args:
        hashes: hexadecimal, one per image.
        is_test: bool[n]; the others are the pool that training and validation come from.
    """
    pool, test = np.asarray(hashes)[~is_test], np.asarray(hashes)[is_test]
    return {
        "within_pool": len(pool) - len(np.unique(pool)),
        "within_test": len(test) - len(np.unique(test)),
        "pool_and_test": int(np.isin(pool, test).sum()),
    }


def _candidates(
    labels: np.ndarray, hashes: Sequence[str], is_test: np.ndarray
) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Returns per class the pool images that must validate and those that may."""
    in_test = {hashes[index] for index in np.flatnonzero(is_test)}
    pool = np.flatnonzero(~is_test).tolist()
    copies = Counter(hashes[index] for index in pool)
    forced: dict[int, list[int]] = {label: [] for label in np.unique(labels).tolist()}
    free: dict[int, list[int]] = {label: [] for label in forced}
    for index in pool:
        if hashes[index] in in_test:
            forced[int(labels[index])].append(index)
        elif copies[hashes[index]] == 1:
            free[int(labels[index])].append(index)
    return forced, free


def _quotas(
    sizes: Counter,
    forced: dict[int, list[int]],
    free: dict[int, list[int]],
    *,
    share: float,
    seed: int,
    knob: str,
) -> dict[int, int]:
    """Returns how many images of each class validate, by largest remainder within what is possible."""
    total = round(share * sum(sizes.values()))
    lowest = {label: len(forced[label]) for label in forced}
    highest = {label: len(forced[label]) + len(free[label]) for label in forced}
    if not sum(lowest.values()) <= total <= sum(highest.values()):
        raise InputError(
            f"{knob}: {share!r} asks for {total} images, but equal images allow only"
            f" {sum(lowest.values())} to {sum(highest.values())}; choose a share in between"
        )
    quotas = {label: min(max(int(share * sizes[label]), lowest[label]), highest[label]) for label in forced}
    while (missing := total - sum(quotas.values())) != 0:
        step = 1 if missing > 0 else -1
        movable = [label for label in quotas if lowest[label] <= quotas[label] + step <= highest[label]]
        # The class furthest from its share moves; equal ones in an order drawn from the seed.
        furthest = max(
            movable, key=lambda label: (step * (share * sizes[label] - quotas[label]), _draw(seed, label))
        )
        quotas[furthest] += step
    return quotas


def _draw(seed: int, what: str | int) -> str:
    """Returns a random-looking key that depends on the seed and on what is drawn, not on what came before."""
    return hashlib.sha256(f"{seed}/{what}".encode()).hexdigest()

"""Which images train and which validate: chosen only by content, whatever their order and source.

Stratified by class. What would leak is kept apart: an image of the training pool whose pixels are also in the
test split is left out, and equal images stay together, on whichever side. Those with several labels train.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from stages.datasets.prepared import LEFT_OUT, TEST, TRAIN, VALIDATION


def split(
    labels: np.ndarray, hashes: Sequence[str], is_test: np.ndarray, *, share: float, seed: int
) -> np.ndarray:
    """Chooses the validation images: round(share * n) of n images.

    These are all that are neither test images nor equal to one. Every class with different images gives at
    least one. Equal images stay together, so where there are any, the number may be off by a few.

    Args:
        labels: int64[n].
        hashes: hexadecimal, one per image; images of equal hashes are equal.
        is_test: bool[n].
        share: of validation, in [0, 1); the same in every class up to one image.
        seed: another one chooses other images.

    Returns:
        uint8[n]: places in `stages.datasets.prepared.SPLITS`, or LEFT_OUT.
    """
    leaks = np.isin(hashes, np.asarray(hashes)[is_test]) & ~is_test
    split = np.select([is_test, leaks], [TEST, LEFT_OUT], TRAIN).astype(np.uint8)
    groups = _groups(labels, hashes, np.flatnonzero(split == TRAIN))
    sizes = Counter(labels[split == TRAIN].tolist())
    for label, quota in _quotas(sizes, groups, share=share, seed=seed).items():
        split[_drawn(groups[label], quota, seed)] = VALIDATION
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


def _groups(labels: np.ndarray, hashes: Sequence[str], rows: np.ndarray) -> dict[int, dict[str, list[int]]]:
    """Returns per class the images that may validate: hash -> rows of equal images, all of this class."""
    alike: dict[str, list[int]] = {}
    for row in rows.tolist():
        alike.setdefault(hashes[row], []).append(row)
    groups: dict[int, dict[str, list[int]]] = {label: {} for label in np.unique(labels).tolist()}
    for value, equal in alike.items():
        first = int(labels[equal[0]])
        if (labels[equal] == first).all():
            groups[first][value] = equal
    return groups


def _quotas(
    sizes: Mapping[int, int], groups: Mapping[int, dict[str, list[int]]], *, share: float, seed: int
) -> dict[int, int]:
    """Returns how many images of each class validate, by largest remainder within what is possible."""
    lowest = {label: int(share > 0 and len(groups[label]) > 1) for label in groups}
    counts = {label: sorted(map(len, groups[label].values())) for label in groups}
    highest = {label: sum(counts[label][1:]) for label in groups}  # at least one group trains
    total = max(round(share * sum(sizes.values())), sum(lowest.values()))
    quotas = {label: min(max(int(share * sizes[label]), lowest[label]), highest[label]) for label in groups}
    while (missing := total - sum(quotas.values())) != 0:
        step = 1 if missing > 0 else -1
        movable = [label for label in quotas if lowest[label] <= quotas[label] + step <= highest[label]]
        if not movable:
            break
        # The class furthest from its share moves; equal ones in an order drawn from the seed.
        furthest = max(
            movable, key=lambda label: (step * (share * sizes[label] - quotas[label]), _draw(seed, label))
        )
        quotas[furthest] += step
    return quotas


def _drawn(groups: dict[str, list[int]], quota: int, seed: int) -> list[int]:
    """Returns the rows of whole groups, drawn until they are as near to the quota as they get."""
    rows: list[int] = []
    others = []
    for value in sorted(groups, key=lambda value: _draw(seed, value)):
        if len(rows) + len(groups[value]) <= quota:
            rows += groups[value]
        else:
            others.append(groups[value])
    lacking = quota - len(rows)
    smallest = min(others, key=len, default=[])
    if len(others) > 1 and lacking and (not rows or len(smallest) <= 2 * lacking):
        rows += smallest
    return rows


def _draw(seed: int, what: str | int) -> str:
    """Returns a random-looking key that depends on the seed and on what is drawn, not on what came before."""
    return hashlib.sha256(f"{seed}/{what}".encode()).hexdigest()

"""Second-order pooling: which channels respond together (iSQRT-COV, Li et al. 2018, arXiv 1712.01034).

The channels are first projected onto a few random directions, which keeps their products nearly as they are
(Gao et al. 2016, arXiv 1511.06062). A matrix square root then keeps a few strong directions from outweighing
the others, as the square root of each value does for first-order features.
"""

from typing import Any

import keras
import numpy as np

from stages.networks.operations import named
from stages.runtime.errors import InputError

SEED = 0  # of the projection, which is the same for every backbone and study
ITERATIONS = 5  # of Newton and Schulz, as in the paper


def pool(maps: Any, name: str = "pooled_features", *, channels: float = 128.0) -> Any:
    """Adds the matrix square root of the products of all pairs of projected channels, in float32.

    Args:
        maps: float[n, height, width, c].
        name: of its last operation; the projection is called `<name>_projection`.
        channels: d, a whole number of random directions; a map of fewer channels uses as many as it has.

    Returns:
        The upper triangle of each root, scaled to length 1: float32[n, d * (d + 1) / 2].

    Raises:
        InputError: `channels` is not a whole number.
    """
    if channels != int(channels) or channels < 1:
        raise InputError(f"covariance is {channels:g}, expected a whole number of channels")
    c = maps.shape[-1]
    d = min(int(channels), c)
    initializer = keras.initializers.Orthogonal(gain=(c / d) ** 0.5, seed=SEED)
    projection = keras.layers.Conv2D(
        d, 1, use_bias=False, kernel_initializer=initializer, dtype="float32", name=f"{name}_projection"
    )
    projected = projection(maps)
    projection.trainable = False
    products = keras.ops.einsum("nhwi,nhwj->nij", projected, projected)
    rows, columns = np.triu_indices(d)
    root = keras.ops.reshape(_root(products), (-1, d * d))
    triangle = keras.ops.take(root, rows * d + columns, axis=1)
    length = keras.ops.sqrt(keras.ops.sum(keras.ops.square(triangle), axis=1, keepdims=True) + 1e-12)
    return named(triangle / length, name, projected)


def _root(matrices: Any) -> Any:
    """Returns the square root of symmetric matrices, float32[n, d, d], up to a factor, using only products.

    With y and z from (matrix, identity), t = (3 - z y) / 2, y becomes y t and z becomes t z. z is held as
    a + b with a number a, so that no identity has to be stored with the model.
    """
    trace = keras.ops.expand_dims(keras.ops.trace(matrices, axis1=1, axis2=2), (1, 2))
    y = matrices / (trace + 1e-12)
    s, a, b = 0.5 * y, 1.5, -0.5 * y
    y = 1.5 * y - keras.ops.matmul(y, s)
    for _ in range(ITERATIONS - 1):
        s = 0.5 * (a * y + keras.ops.matmul(b, y))
        y, a, b = 1.5 * y - keras.ops.matmul(y, s), 1.5 * a, 1.5 * b - a * s - keras.ops.matmul(s, b)
    return y

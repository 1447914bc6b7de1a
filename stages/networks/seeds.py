"""Seeds of single layers, so that equal layers of two variants start from equal weights."""

import hashlib


def layer_seed(seed: int, layer_name: str) -> int:
    """Returns the seed in [0, 2**31) of one layer, a function of the variant's seed and the layer's name.

    A layer that another variant adds (a dropout, say) does not affect the initial weights of any other.
    """
    digest = hashlib.sha256(f"{seed}/{layer_name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 2**31

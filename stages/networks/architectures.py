"""Which module an architecture's name in params.yaml stands for: the module of the same name.

`resolve` leaves the networks a variant does not use out of the fingerprint of its code.
"""

from types import ModuleType

from stages.networks import base_net, conv_head, deeper_net, dense_head

NETWORKS: dict[str, ModuleType] = {"base_net": base_net, "deeper_net": deeper_net}
HEADS: dict[str, ModuleType] = {"dense_head": dense_head, "conv_head": conv_head}

"""Names of operations of keras.ops in a model, which Keras numbers through a whole process."""

from typing import Any


def named(output: Any, name: str, since: Any) -> Any:
    """Names the operations that lead from one tensor of a model to another, so that equal models save alike.

    Args:
        output: the tensor they lead to; its operation is called `name`, those before it `name_1`, `name_2`...
        name: unique among the model's layers.
        since: the tensor they start from.

    Returns:
        `output`.
    """
    waiting, met = [output], []
    while waiting:
        tensor = waiting.pop()
        operation, node, _ = tensor._keras_history
        if tensor is since or operation in met:
            continue
        operation.name = f"{name}_{len(met)}" if met else name
        met.append(operation)
        waiting += operation._inbound_nodes[node].input_tensors
    return output

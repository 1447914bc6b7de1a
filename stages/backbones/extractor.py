"""A backbone is one flat model from raw RGB in [0, 255] to a feature map: how models become flat ones."""

import itertools
from typing import Any

import keras

HEAD = "head_"  # how the names of a head's layers with weights start


def every_layer(model: keras.Model) -> list[keras.layers.Layer]:
    """Returns all layers at any depth, each once, including those inside wrappers and nested models."""
    return model._flatten_layers(include_self=False)


def flat(model: keras.Model) -> keras.Model:
    """Returns the same model without models inside it, so that no code sees only its outer layers.

    The layers are the model's own, with their weights. Where two have one name, the later one is renamed.
    """
    nested = any(isinstance(layer, keras.Model) for layer in every_layer(model))
    if not (nested or isinstance(model, keras.Sequential)) or len(model.inputs) != 1:
        return model
    like = model.inputs[0]
    inputs = keras.Input(batch_shape=like.shape, dtype=like.dtype, name=like.name)
    outputs = _Inlining({like.name}).call(model, inputs)
    return keras.Model(inputs, outputs, name=model.name)


def joined(front: keras.Model, tensor: Any, back: keras.Model) -> Any:
    """Returns what a model makes of a tensor of another one, as operations of their own in one flat graph.

    Args:
        front: the model whose operations keep their names; the other's are renamed where names clash.
        tensor: the one that `back` takes as input.
        back: a model of one input.
    """
    return _Inlining({operation.name for operation in front.operations}).call(back, tensor)


def output_of(model: keras.Model, name: str) -> Any:
    """Returns the output of the operation of this name in a model; its layers may be shared with others."""
    nodes = itertools.chain(*model._nodes_by_depth.values())
    return next(node.output_tensors[0] for node in nodes if node.operation.name == name)


def first_line(error: Exception) -> str:
    """Returns the first line of an error of Keras, without its pages of detail."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


class _Inlining:
    """Calls models layer by layer, so that the result consists only of their layers.

    Args:
        names: those of layers that are in use.
    """

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self._seen: set[int] = set()

    def call(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls a layer, an operation of keras.ops or a model on symbolic tensors."""
        if isinstance(operation, keras.Sequential):
            (x,) = args
            for layer in operation.layers:
                x = self.call(layer, x)
            return x
        if isinstance(operation, keras.Model):
            return operation._run_through_graph(args[0], lambda layer: layer, call_fn=self.call)
        if id(operation) not in self._seen:
            operation.name = self._free(operation.name)
            self._seen.add(id(operation))
            self._names.add(operation.name)
        return operation(*args, **kwargs)

    def _free(self, name: str) -> str:
        numbered = (f"{name}_{number}" for number in itertools.count(1))
        return next(name for name in itertools.chain([name], numbered) if name not in self._names)

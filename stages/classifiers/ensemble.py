"""Several trained networks as one, which averages what they predict."""

from collections.abc import Sequence

import keras

PREFIX = "ensemble_of_"  # start of the name of a model that holds several


def averaged(models: Sequence[keras.Model]) -> keras.Model:
    """Returns a model that averages the probabilities of several; for a single one, that one.

    Args:
        models: of equal inputs and outputs.
    """
    if len(models) == 1:
        return models[0]
    like, name = models[0].inputs[0], models[0].name
    inputs = keras.Input(batch_shape=like.shape, dtype=like.dtype, name=like.name)
    for number, model in enumerate(models, start=1):
        model.name = f"{model.name}_{number}"
    outputs = [model(inputs) for model in models]
    mean = keras.layers.Average(dtype="float32", name="mean_of_networks")(outputs)
    return keras.Model(inputs, mean, name=PREFIX + name)


def members(model: keras.Model) -> list[keras.Model]:
    """Returns the models that `averaged` was given; the model itself if it averages none, or is flat."""
    inside = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return inside if model.name.startswith(PREFIX) and inside else [model]

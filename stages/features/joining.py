"""A head and the backbone of its features as one model: all that made the features, then the head."""

import json
from collections.abc import Sequence
from pathlib import Path

import keras

from stages.backbones import extractor, keras_file
from stages.features import pooled_maps
from stages.networks import views
from stages.runtime.hashes import check_files


def end_to_end(features: Path, head: keras.Model) -> keras.Model:
    """Returns a head joined to its features' backbone, as their manifest says: from images to probabilities.

    Args:
        features: what `cache_features` wrote.
        head: from one view's features to probabilities.

    Returns:
        A model that holds its views inside, see `views.averaged`.

    Raises:
        InputError: the backbone is not the one that made the features.
    """
    manifest = json.loads((features / "manifest.json").read_text(encoding="utf-8"))
    backbone = Path(manifest["backbone"])
    check_files(backbone.parent, {backbone.name: manifest["sha256"][backbone.name]})
    whole = join(keras_file.load(backbone), head, layers=manifest["layers"], pooling=manifest["pooling"])
    return views.averaged(whole, views.views(**manifest["views"]))


def join(
    backbone: keras.Model,
    head: keras.Model,
    *,
    layers: Sequence[str] = (),
    pooling: Sequence[pooled_maps.Pooling] = ("average",),
) -> keras.Model:
    """Joins a backbone and a head to one flat model from images to probabilities; the backbone is frozen.

    Layers of the backbone that are named like later ones are renamed `backbone_...`.

    Args:
        backbone: from RGB in [0, 255] to feature maps, float32[n, height, width, channels].
        head: from pooled features float32[n, c], or from the map of one layer, to probabilities.
        layers: names of the backbone's layers whose maps are used; none for its output.
        pooling: of the maps, where the head takes pooled features.
    """
    taken = {operation.name for operation in head.operations}
    renamed = {}
    for operation in backbone.operations:
        operation.trainable = False
        if operation.name in taken or operation.name.startswith((extractor.HEAD, pooled_maps.NAME)):
            renamed[operation.name] = f"backbone_{operation.name}"
            operation.name = renamed[operation.name]
    layers = [renamed.get(name, name) for name in layers]
    is_pooled = len(head.inputs[0].shape) == 2
    features = (
        pooled_maps.pooled(backbone, layers, pooling) if is_pooled else pooled_maps.maps(backbone, layers)[0]
    )
    front = keras.Model(backbone.inputs[0], features)
    return keras.Model(backbone.inputs[0], extractor.joined(front, features, head), name=head.name)

"""The knobs of one training run, as `resolve` wrote them; those it left out are at their neutral value."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Settings:
    """How a network is trained.

    Attributes:
        name: of the variant.
        seed: of initial weights, order, augmentation and dropout.
        threads: CPU threads; another number changes the last bits of results.
        epochs: number of passes over the training images.
        batch_size: images per step.
        optimizer: `class_name` and `config`, as `keras.optimizers.get` takes them.
        network: knobs of the network by its name; empty for a fine-tune.
        augmentation: (name, amount) in the order in which they are applied.
        normalisation: none | featurewise.
        label_smoothing: share of the target spread over all classes, in [0, 1).
        schedule: constant | linear | cosine: the learning rate's way to 0.
        warmup: share of the training in which the learning rate rises to its value, in [0, 1).
        ema: decay of the moving average of all weights, in [0, 1); 0 is off.
        tta_flip: predictions are averaged over each image and its mirror image.
        tta_shift: predictions are averaged over shifts by so many pixels; 0 is off.
        precision: float32 | mixed_bfloat16 | mixed_float16.
        end_to_end: heads: save backbone and head as one model.
        unfreeze: fine-tunes: which layers train.
    """

    name: str
    seed: int
    threads: int
    epochs: int
    batch_size: int
    optimizer: dict[str, Any]
    network: dict[str, dict[str, Any]]
    augmentation: tuple[tuple[str, Any], ...] = ()
    normalisation: str = "none"
    label_smoothing: float = 0.0
    schedule: str = "constant"
    warmup: float = 0.0
    ema: float = 0.0
    tta_flip: bool = False
    tta_shift: int = 0
    precision: str = "float32"
    end_to_end: bool = False
    unfreeze: str = "all"


def from_knobs(knobs: dict[str, Any]) -> Settings:
    """Returns the settings that a resolved file's knobs give."""
    augmentation = tuple((name, amount) for name, amount in knobs.get("augmentation", ()))
    return Settings(**{"network": {}} | knobs | {"augmentation": augmentation})


def recipe(knobs: dict[str, Any]) -> str:
    """Returns the hash of all knobs but name and seed: runs of one recipe differ by chance alone."""
    recipe = {knob: value for knob, value in knobs.items() if knob not in ("name", "seed")}
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()

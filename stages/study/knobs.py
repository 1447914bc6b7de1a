"""Every knob of a training once: its type, range, meaning and neutral value.

A knob's default here is its neutral value, which resolved files leave out; None means that it has no neutral
value, so that a variant that needs it must set or inherit it. What a knob can name (networks, trainers,
losses, ...) is found by its file, and so are the knobs that each of these takes.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from stages.runtime.modules import REQUIRED, constant, offered
from stages.study import optimizer_blocks
from stages.study.checking import MistakesError, Section
from stages.study.reading import Mistake

Offered = dict[str, dict[str, object]]  # module -> knob -> its default
GIVEN = ("n_classes", "seed")  # arguments of a network that are not its knobs
NETWORKS: Offered = {
    name: {word: default for word, default in words.items() if word not in GIVEN}
    for name, words in offered("networks", "build").items()
}
AUGMENTATIONS = offered("augmentation", "apply")
LOSSES = offered("losses", "loss")
SCHEDULES = offered("schedules", "decay")
TRAINERS: Offered = {
    name: dict.fromkeys(constant("trainers", name, "KNOBS"), REQUIRED) for name in offered("trainers", "fit")
}
FEATURE_STEPS = offered("feature_steps", "add")
POOLINGS = offered("pooling", "pool")


def text(pattern: str, expected: str) -> Any:
    """Returns the type of text that matches a regular expression; `expected` describes it in words."""
    return Annotated[str, Field(pattern=f"^{pattern}$", json_schema_extra={"patternErrorMessage": expected})]


def distinct(items: list[Any]) -> list[Any]:
    """Checks that nothing is in a list twice."""
    for number, item in enumerate(items):
        if item in items[:number]:
            raise MistakesError(Mistake((number,), f"is {item!r}, which is in the list already"))
    return items


def _pooling(item: Any) -> Any:
    """Checks a way of pooling: its name or, where it takes an amount, {name: amount}."""
    if isinstance(item, dict) and len(item) == 1:
        ((name, amount),) = item.items()
        if POOLINGS.get(name) and type(amount) in (int, float) and 0 < amount <= 1000:
            return {name: float(amount)}
    elif isinstance(item, str) and REQUIRED not in POOLINGS.get(item, {"": REQUIRED}).values():
        return item
    raise ValueError


PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
Text = Annotated[str, Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what Keras and NumPy take
Seeds = Annotated[int, Field(ge=1, le=1000)]
Size = Annotated[int, Field(ge=1, le=65_536)]
Pixels = Annotated[int, Field(ge=0, le=1024)]
Threads = Annotated[int, Field(ge=1, le=1024)]
Epochs = Annotated[int, Field(ge=1, le=100_000)]
Patience = Annotated[int, Field(ge=0, le=100_000)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=0, le=1000)]
Sizes = Annotated[list[Size], Field(max_length=1000)]
Rates = Annotated[list[Rate], Field(max_length=1000)]
Positive = Annotated[float, Field(gt=0, le=1e6)]
Item = TypeVar("Item")
Distinct = Annotated[list[Item], Field(max_length=1000), AfterValidator(distinct)]
Penalties = Annotated[Distinct[Positive], Field(min_length=1)]
_WAYS = ", ".join(f"{name} or {{{name}: a number}}" if words else name for name, words in POOLINGS.items())
Pooling = Annotated[Any, AfterValidator(_pooling), WithJsonSchema({"patternErrorMessage": f"one of {_WAYS}"})]
Prefix = text(r"[^\s{}\[\]]{1,64}", "a prefix of layer names such as conv5")


class Optimizer(Section):
    """Any Keras optimizer, as `keras.optimizers.get` takes it."""

    class_name: str
    config: dict[str, Any]

    @model_validator(mode="after")
    def _is_one_of_keras(self) -> "Optimizer":
        if found := list(optimizer_blocks.mistakes(self.class_name, self.config)):
            raise MistakesError(*found)
        return self


class Views(Section):
    """What is seen of each image in addition to the image itself."""

    mirror: bool = Field(False, description="its mirror image")
    shift: Pixels = Field(0, description="shifts by so many pixels in four directions; 0 is off")

    @model_validator(mode="after")
    def _drop_neutral(self) -> "Views":
        """Makes {mirror: false} the same as {}, which resolved files leave out."""
        self.model_fields_set.intersection_update(knob for knob, value in self if value)
        return self


class TrainingKnobs(Section):
    """Knobs of every training; those below `trainer` are of the trainers whose KNOBS name them."""

    seed: Seed = Field(None, description="of initial weights, order, augmentation and dropout")
    seeds: Seeds = Field(1, description="how many trainings, with seeds from `seed` on")
    threads: Threads = Field(None, description="CPU threads; another number changes the last bits")
    precision: Literal[*PRECISIONS] = Field("float32", description="number type of computations")
    trainer: Literal[*TRAINERS] = Field("sgd", description="how it is fitted: a file of stages/trainers/")
    epochs: Epochs = Field(None, description="passes over the training images")
    batch_size: Size = Field(None, description="images per step")
    optimizer: Optimizer = Field(None, description="any Keras optimizer; a variant replaces it whole")
    schedule: Literal[*SCHEDULES] = Field("constant", description="of the rate: a file of stages/schedules/")
    warmup: Rate = Field(0.0, description="share of the training in which the learning rate rises")
    rate_multipliers: dict[Prefix, Factor] = Field({}, description="prefix of layers -> factor of the rate")
    weight_decay_on: Literal["all", "kernels"] = Field("all", description="kernels spares biases and norms")
    loss: Literal[*LOSSES] = Field("cross_entropy", description="a file of stages/losses/")
    label_smoothing: Rate = Field(0.0, description="share of the target spread over all classes")
    class_weights: Literal["none", "balanced"] = Field("none", description="balanced: classes count the same")
    ema: Rate = Field(0.0, description="decay of the moving average of all weights; 0 is off")
    patience: Patience = Field(0, description="stops after so many epochs without a better one; 0 is off")
    restore_best: bool = Field(False, description="keep the weights of the epoch that validated best")
    monitor: Literal["val_loss", "val_accuracy"] = Field("val_loss", description="decides which is best")
    penalties: Penalties = Field(None, description="weights of the L2 penalty to try; validation chooses")


class ImageKnobs(Section):
    """Knobs of trainings on images."""

    flip: bool = Field(False, description="mirror left-right with probability 1/2")
    alternating_flip: bool = Field(False, description="mirror at random at first, then every other epoch")
    zoom: Rate = Field(0.0, description="height and width scaled by factors in [1 - zoom, 1 + zoom]")
    random_resized_crop: Fraction = Field(0.0, description="least share of the area that is kept; 0 is off")
    crop: Pixels = Field(0, description="pixels of reflected padding, of which a random window is cut")
    cutout: Pixels = Field(0, description="side in pixels of a square filled with the mean colour")
    cutmix: Fraction = Field(0.0, description="share of the images that get a patch of another")
    mixup: Factor = Field(
        0.0, description="alpha of Beta(alpha, alpha), the share of another image; 0 is off"
    )
    views: Views = Field({}, description="predictions are averaged over them, in the saved model, too")


class NetworkKnobs(Section):
    """The network and its knobs; each network takes those that its `build` names."""

    network: Literal[*NETWORKS] = Field(None, description="a file of stages/networks/")
    filters: Sizes = Field(None, description="of the convolutions")
    dense_units: Sizes = Field(None, description="of the dense layers before the classifier")
    depth: Annotated[int, Field(ge=1, le=1000)] = Field(1, description="residual blocks per stage")
    block_dropout: Rates = Field([], description="rate after each pooling or stage; [] is off")
    dense_dropout: Rates = Field([], description="rate after each dense layer but the last; [] is off")
    batch_norm: Literal["none", "before", "after"] = Field("none", description="relative to each activation")
    pooling: Literal["flatten", *POOLINGS] = Field(None, description="of the last maps: flatten, or a file")
    activation: Literal["relu", "silu", "gelu"] = Field(
        "relu", description="after convolutions and dense layers"
    )
    bn_momentum: Rate = Field(0.99, description="of the moving statistics of batch normalisation")
    head_dropout: Rate = Field(0.0, description="rate before the classifier")
    logit_scale: Positive = Field(1.0, description="factor of the logits before the softmax")


class VariantKnobs(NetworkKnobs, ImageKnobs, TrainingKnobs):
    """Knobs of networks trained from scratch."""

    normalisation: Literal["none", "featurewise"] = Field("none", description="mean 0, deviation 1 a channel")


class HeadKnobs(NetworkKnobs, TrainingKnobs):
    """Knobs of heads."""

    end_to_end: bool = Field(False, description="save backbone and head as one model that takes images")
    feature_steps: Distinct[Literal[*FEATURE_STEPS]] = Field(
        [], description="files of stages/feature_steps/, in this order"
    )


class FineTuneKnobs(ImageKnobs, TrainingKnobs):
    """Knobs of fine-tunes."""

    unfreeze: Text = Field(None, description="all, none, or a prefix of layer names such as conv5")
    unfreeze_batch_norm: bool = Field(False, description="batch normalisation of these layers trains, too")
    test_image_size: Pixels = Field(
        0, description="pixels to which images are resized for predictions, not for training; 0 is off"
    )


SECTIONS = {"variants": VariantKnobs, "heads": HeadKnobs, "fine_tunes": FineTuneKnobs}


def elsewhere(section: str) -> dict[str, str]:
    """Returns the knobs that trainings of other sections take, and which: "variants and fine_tunes"."""
    others = {knob for model in SECTIONS.values() for knob in model.model_fields}
    return {
        knob: " and ".join(name for name, model in SECTIONS.items() if knob in model.model_fields)
        for knob in sorted(others - SECTIONS[section].model_fields.keys())
    }

"""Every section and knob of params.yaml once: its type, range, meaning and neutral value.

A knob's default here is its neutral value, which resolved files leave out; None means that it has no
neutral value, so that a variant that needs it must get it from somewhere. Networks, augmentations and
formats are found by their files. `python -m stages.study.schema > params.schema.json` writes the schema
for editors.
"""

import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from stages.runtime.modules import offered
from stages.study.checking import MistakesError, Section
from stages.study.optimizer_blocks import checked_config
from stages.study.reading import Mistake

Offered = dict[str, dict[str, object]]
NETWORKS = offered("networks", "build")
AUGMENTATIONS = offered("augmentation", "apply")
DATASET_FORMATS = {name: words for name, words in offered("datasets", "read").items() if "classes" in words}
BACKBONE_FORMATS = offered("backbones", "load")


def _text(pattern: str, expected: str) -> Any:
    return Annotated[str, Field(pattern=f"^{pattern}$", json_schema_extra={"patternErrorMessage": expected})]


def _class(item: Any) -> Any:
    numbers = re.fullmatch(r"(\d+)-(\d+)", item, re.ASCII) if isinstance(item, str) else None
    is_name = isinstance(item, str) and bool(item.strip()) and not numbers
    is_range = numbers is not None and int(numbers[1]) <= int(numbers[2])
    if not (is_name or is_range or (type(item) is int and item >= 0)):
        raise ValueError
    return item


# A name becomes a path, a stage of DVC and, unquoted, a word of a command.
Name = _text("[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", "at most 64 letters, digits, _ or -, not starting with -")
FileName = _text("[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", "letters, digits, _ . or -, not starting with . or -")
Url = _text(r"https?://[^\s/]+\S*", "an address such as https://host/file")
Class = Annotated[
    Any,
    AfterValidator(_class),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]}),
]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what Keras and NumPy take
Count = Annotated[int, Field(ge=1, lt=2**31)]
Size = Annotated[int, Field(ge=1, le=65_536)]
Pixels = Annotated[int, Field(ge=0, le=1024)]
Threads = Annotated[int, Field(ge=1, le=1024)]
Epochs = Annotated[int, Field(ge=1, le=100_000)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Sizes = Annotated[list[Size], Field(max_length=1000)]
Rates = Annotated[list[Rate], Field(max_length=1000)]


class SourceFile(Section):
    """A file from outside, under its official name."""

    bytes: Annotated[int, Field(ge=1, lt=1 << 40, description="size of the publisher's file")]
    sha256: _text("[0-9a-f]{64}", "64 digits from 0-9 and a-f, in quotes") = Field(
        None, description="hash of the publisher's file"
    )
    md5: _text("[0-9a-f]{32}", "32 digits from 0-9 and a-f, in quotes") = Field(
        None, description="hash of the publisher's file, where it gives no sha256"
    )
    urls: list[Url] = Field(min_length=1, description="addresses, tried in order")
    instead: FileName = Field(None, description="a file of the mirror that may take its place")

    @model_validator(mode="after")
    def _has_a_hash(self) -> "SourceFile":
        if not {"sha256", "md5"} & self.model_fields_set:
            raise MistakesError(Mistake((), "lacks the hash of the official file: sha256 or md5"))
        return self


class Dataset(Section):
    """What `prepare` makes of an archive or a folder."""

    format: Literal[*DATASET_FORMATS] = Field(description="how it is read: a file of stages/datasets/")
    source: str = Field(
        alias="from", min_length=1, description="data/archives/<source>, or a folder of yours"
    )
    classes: list[Class] = Field(min_length=1, description="numbers, ranges such as 0-24, names, or all")
    image_size: Annotated[int, Field(ge=8, le=1024, description="pixels; images are squashed to a square")]
    validation_share: Share = Field(description="of the training images, stratified by class")
    split_seed: Seed = Field(description="of the drawing of validation images")
    test_share: Share = Field(None, description="of all images, where a folder has no test/ of its own")


class Backbone(Section):
    """A network that turns raw RGB images into feature maps."""

    format: Literal[*BACKBONE_FORMATS] = Field(description="how it is read: a file of stages/backbones/")
    source: str = Field(alias="from", min_length=1, description="data/archives/<source>, or a file of yours")
    application: str = Field(None, min_length=1, description="network of keras.applications: ResNet50, ...")


class Features(Section):
    """How `cache_features` runs a backbone over a dataset."""

    dataset: str = Field(description="an entry of datasets")
    backbone: str = Field(description="an entry of backbones")
    threads: Threads = Field(description="CPU threads")
    batch_size: Size = Field(description="images per forward pass")


class Optimizer(Section):
    """Any Keras optimizer, as `keras.optimizers.get` takes it."""

    class_name: str
    config: dict[str, Any]

    @model_validator(mode="after")
    def _is_one_of_keras(self) -> "Optimizer":
        self.config = checked_config(self.class_name, self.config)
        return self


class TrainingKnobs(Section):
    """Knobs of every training."""

    seed: Seed = Field(None, description="of initial weights, order, augmentation and dropout")
    threads: Threads = Field(None, description="CPU threads; another number changes the last bits")
    epochs: Epochs = Field(None, description="passes over the training images")
    batch_size: Size = Field(None, description="images per step")
    optimizer: Optimizer = Field(None, description="any Keras optimizer; a variant replaces it whole")
    label_smoothing: Rate = Field(0.0, description="share of the target spread over all classes")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "constant", description="the learning rate's way to 0 over the training"
    )
    warmup: Rate = Field(0.0, description="share of the training in which the learning rate rises")
    ema: Rate = Field(0.0, description="decay of the moving average of all weights; 0 is off")
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "float32", description="number type of computations"
    )


class ImageKnobs(Section):
    """Knobs of trainings on images."""

    flip: bool = Field(False, description="mirror left-right with probability 1/2")
    zoom: Rate = Field(0.0, description="height and width scaled by factors in [1 - zoom, 1 + zoom]")
    crop: Pixels = Field(0, description="pixels of reflected padding, of which a random window is cut")
    cutout: Pixels = Field(0, description="side in pixels of a square filled with the mean colour")
    tta_flip: bool = Field(False, description="predictions averaged over each image and its mirror image")
    tta_shift: Pixels = Field(0, description="predictions averaged over shifts by so many pixels; 0 is off")


class NetworkKnobs(Section):
    """The network and its knobs; each network takes those that its `build` names."""

    network: Literal[*NETWORKS] = Field(None, description="a file of stages/networks/")
    filters: Sizes = Field(None, description="of the convolutions")
    dense_units: Sizes = Field(None, description="of the dense layers before the classifier")
    depth: Annotated[int, Field(ge=1, le=1000)] = Field(1, description="residual blocks per stage")
    block_dropout: Rates = Field([], description="rate after each pooling or stage; [] is off")
    dense_dropout: Rates = Field([], description="rate after each dense layer but the last; [] is off")
    batch_norm: Literal["none", "before", "after"] = Field("none", description="beside each relu")
    pooling: Literal["flatten", "global_average"] = Field(None, description="after conv_head's convolution")


class VariantKnobs(NetworkKnobs, ImageKnobs, TrainingKnobs):
    """Knobs of networks trained from scratch."""

    normalisation: Literal["none", "featurewise"] = Field(
        "none", description="featurewise: mean 0 and deviation 1 per channel"
    )


class HeadKnobs(NetworkKnobs, TrainingKnobs):
    """Knobs of heads."""

    end_to_end: bool = Field(False, description="save backbone and head as one model that takes images")


class FineTuneKnobs(ImageKnobs, TrainingKnobs):
    """Knobs of fine-tunes."""

    unfreeze: str = Field(
        None, min_length=1, description="all, none, or a prefix of layer names such as conv5"
    )


class Defaults(FineTuneKnobs, HeadKnobs, VariantKnobs):
    """Values of knobs that a variant does not set, nor any that it extends."""


class Variant(VariantKnobs):
    """A network trained from scratch."""

    data: str = Field(description="an entry of datasets; not inherited")
    extends: str = Field(None, description="the variant whose knobs it inherits")


class Head(HeadKnobs):
    """A classifier trained on cached features."""

    data: str = Field(description="an entry of features; not inherited")
    extends: str = Field(None, description="the head whose knobs it inherits")


class FineTune(FineTuneKnobs):
    """A whole network, trained on from a head."""

    data: str = Field(description="the dataset of the head's features; not inherited")
    starts_from: str = Field(description="a head with end_to_end: true; not inherited")
    extends: str = Field(None, description="the fine-tune whose knobs it inherits")


class ReportDataset(Section):
    """The data of the report, with which results must agree to be compared."""

    classes: Count = Field(description="number of classes")
    first_class: str
    last_class: str
    train: Count = Field(description="images")
    validation: Count = Field(description="images")
    test: Count = Field(description="images")


class Result(Section):
    """What the report says of one variant."""

    dataset: str = Field(description="an entry of report.datasets")
    section: str = Field(None, description="of the report")
    figure: str = Field(None, description="of the report")
    epochs: Epochs
    loss: Annotated[float, Field(ge=0, lt=1000)] = Field(None, description="on test images")
    accuracy: Fraction = Field(None, description="on test images")


class Report(Section):
    """What the report says, for the table beside our results."""

    datasets: dict[Name, ReportDataset]
    results: dict[Name, Result]


class Comparison(Section):
    """Variants that share one figure."""

    report: str = Field(None, description="the report's figure, such as Fig. 5")
    variants: list[str] = Field(min_length=1)


class Study(Section):
    """params.yaml."""

    mirror: str = Field("", description="a folder that holds the archives; '' downloads them")
    sources: dict[Name, Annotated[dict[FileName, SourceFile], Field(min_length=1)]]
    datasets: dict[Name, Dataset]
    backbones: dict[Name, Backbone]
    features: dict[Name, Features]
    defaults: Defaults
    variants: dict[Name, Variant]
    heads: dict[Name, Head]
    fine_tunes: dict[Name, FineTune]
    report: Report = Field(None)
    comparisons: dict[Name, Comparison] = Field({})


def json_schema() -> str:
    """Returns the JSON Schema of params.yaml, for editors."""
    schema = Study.model_json_schema()
    _tidy(schema)
    return json.dumps(schema, indent=1)


def _tidy(schema: Any) -> None:
    """Drops titles, which repeat the keys, and defaults that stand for none."""
    for value in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(value, dict | list):
            _tidy(value)
    if isinstance(schema, dict):
        if isinstance(schema.get("title"), str):
            del schema["title"]
        if schema.get("default", ...) is None:
            del schema["default"]


if __name__ == "__main__":
    print(json_schema())

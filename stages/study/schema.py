"""Every section of params.yaml; the knobs of trainings are in `knobs`.

Formats are found by their files. `python -m stages.study.schema > params.schema.json` writes the schema of
params.yaml for editors.
"""

import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from stages.runtime.modules import offered
from stages.study import knobs
from stages.study.checking import MistakesError, Section
from stages.study.knobs import (
    Distinct,
    Pooling,
    Seed,
    Share,
    Size,
    Text,
    Threads,
    Views,
    text,
)
from stages.study.reading import Mistake

DATASET_FORMATS = {name: words for name, words in offered("datasets", "read").items() if "classes" in words}
BACKBONE_FORMATS = offered("backbones", "load")


def _class(item: Any) -> Any:
    numbers = re.fullmatch(r"(\d+)-(\d+)", item, re.ASCII) if isinstance(item, str) else None
    is_name = isinstance(item, str) and bool(item.strip()) and not numbers
    is_range = numbers is not None and int(numbers[1]) <= int(numbers[2])
    if not (is_name or is_range or (type(item) is int and item >= 0)):
        raise ValueError
    return item


# A name becomes a path, a stage of DVC and, unquoted, a word of a command.
Name = text("[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", "at most 64 letters, digits, _ or -, not starting with -")
FileName = text("[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", "letters, digits, _ . or -, not starting with . or -")
Url = text(r"https?://[^\s/]+\S*", "an address such as https://host/file")
CLASS = {"patternErrorMessage": "a class number, a range such as 0-24, a name, or all"}
Class = Annotated[Any, AfterValidator(_class), WithJsonSchema({"type": ["integer", "string"]} | CLASS)]
Side = Annotated[int, Field(ge=8, le=1024)]


class SourceFile(Section):
    """A file from outside, under its official name."""

    bytes: Annotated[int, Field(ge=1, lt=1 << 40, description="size of the publisher's file")]
    sha256: text("[0-9a-f]{64}", "64 digits from 0-9 and a-f, in quotes") = Field(None, description="of it")
    md5: text("[0-9a-f]{32}", "32 digits from 0-9 and a-f, in quotes") = Field(None, description="of it")
    urls: list[Url] = Field(min_length=1, description="addresses, tried in order")
    instead: FileName = Field(None, description="a file that a mirror may hold instead")

    @model_validator(mode="after")
    def _has_a_hash(self) -> "SourceFile":
        if not {"sha256", "md5"} & self.model_fields_set:
            raise MistakesError(Mistake((), "lacks the hash of the official file: sha256 or md5"))
        return self


class Dataset(Section):
    """What `prepare` makes of an archive or a folder."""

    format: Literal[*DATASET_FORMATS] = Field(description="how it is read: a file of stages/datasets/")
    source: Text = Field(alias="from", description="data/archives/<source>, or a folder of yours")
    classes: list[Class] = Field(min_length=1, description="numbers, ranges such as 0-24, names, or all")
    image_size: Side = Field(description="pixels of the square that `resize` makes")
    validation_share: Share = Field(description="of the training images, stratified by class")
    split_seed: Seed = Field(description="for drawing the validation images")
    test_share: Share = Field(None, description="of all images, where a folder has no test/ of its own")
    resize: Literal["squash", "crop", "pad"] = Field(None, description="how an image becomes a square")
    skip_damaged: bool = Field(None, description="leave out files that cannot be read, and count them")


class Backbone(Section):
    """A network that turns raw RGB images into feature maps."""

    format: Literal[*BACKBONE_FORMATS] = Field(description="how it is read: a file of stages/backbones/")
    source: Text = Field(alias="from", description="data/archives/<source>, or a file of yours")
    application: Text = Field(None, description="network of keras.applications: ResNet50, ...")


class Features(Section):
    """How `cache_features` runs a backbone over a dataset."""

    dataset: str = Field(description="an entry of datasets")
    backbone: str = Field(description="an entry of backbones")
    threads: Threads = Field(description="CPU threads")
    batch_size: Size = Field(description="images per forward pass")
    image_size: Side = Field(description="pixels of the images that it sees; prepare writes them")
    layers: Distinct[Text] = Field([], description="names, side by side; [] is the backbone's output")
    pooling: Distinct[Pooling] = Field(["average"], description="files of stages/pooling/; [] pools nothing")
    maps: bool = Field(True, description="write the maps, for heads that learn from them")
    views: Views = Field({}, description="views of each image that features are written of")


class Defaults(knobs.FineTuneKnobs, knobs.HeadKnobs, knobs.VariantKnobs):
    """Values of knobs that neither a variant nor any that it extends sets."""


def _knows(section: str) -> ConfigDict:
    """Lets a mistake say of a knob where it belongs, see `checking`."""
    return ConfigDict(json_schema_extra={"elsewhere": knobs.elsewhere(section)})


class Variant(knobs.VariantKnobs):
    """A network trained from scratch."""

    model_config = _knows("variants")
    data: str = Field(description="an entry of datasets; not inherited")
    extends: str = Field(None, description="the variant whose knobs it inherits")


class Head(knobs.HeadKnobs):
    """A classifier trained on cached features."""

    model_config = _knows("heads")
    data: str = Field(description="an entry of features; not inherited")
    extends: str = Field(None, description="the head whose knobs it inherits")


class FineTune(knobs.FineTuneKnobs):
    """A whole network, trained on from a head."""

    model_config = _knows("fine_tunes")
    data: str = Field(description="the dataset of the head's features; not inherited")
    starts_from: str = Field(description="a head with end_to_end: true; not inherited")
    extends: str = Field(None, description="the fine-tune whose knobs it inherits")


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
        schema.pop("elsewhere", None)
        if isinstance(schema.get("title"), str):
            del schema["title"]
        if schema.get("default", ...) is None:
            del schema["default"]


if __name__ == "__main__":
    print(json_schema())

"""What report.yaml may hold: what the report says of data and variants, and the texts of its sections."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from stages.study.checking import Section
from stages.study.knobs import Distinct, Epochs, Fraction
from stages.study.reading import Mistake, did_you_mean
from stages.study.rules import GROUPS, mapping, names
from stages.study.schema import Name

Count = Annotated[int, Field(ge=1, lt=2**31)]


class ReportDataset(Section):
    """The data of the report, with which results must agree to be compared."""

    classes: Count
    first_class: str
    last_class: str
    train: Count
    validation: Count
    test: Count


class Result(Section):
    """What the report says of one variant; loss and accuracy are those on the test images."""

    dataset: str
    section: str = Field(None)
    figure: str = Field(None)
    epochs: Epochs
    loss: Annotated[float, Field(ge=0, lt=1000)] = Field(None)
    accuracy: Fraction = Field(None)


class Words(Section):
    """A text of the page, in both its languages."""

    en: str
    es: str


class Comparison(Section):
    """Variants that share one figure; `report` is the report's, such as Fig. 5."""

    title: Words = Field(None)
    report: str = Field(None)
    variants: Annotated[Distinct[str], Field(min_length=1)]


class Chapter(Section):
    """A section of the report: what it asks and finds."""

    title: Words
    question: Words
    answer: Words


class Step(Section):
    """A step of a ladder: a variant, and the one idea that it adds to the step before it."""

    variant: str
    idea: Words


class Ladder(Chapter):
    """Variants that climb, one idea at a time; the gain of a step is over the step before it."""

    steps: Annotated[list[Step], Field(min_length=2)]


class Report(Section):
    """report.yaml."""

    datasets: dict[Name, ReportDataset] = Field({})
    results: dict[Name, Result] = Field({})
    comparisons: dict[Name, Comparison] = Field({})
    sections: dict[str, Chapter] = Field({})
    ladders: dict[Name, Ladder] = Field({})


def mistakes(report: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yields where report.yaml speaks of variants or data that are not there.

    Args:
        report: its content.
        content: that of params.yaml.
    """
    if not all(isinstance(content.get(group), dict) for group in GROUPS):
        return
    variants = [name for group in GROUPS for name in content[group]]
    known = mapping(report.get("datasets"))
    for name, entry in mapping(report.get("results")).items():
        if name not in variants:
            yield Mistake(("results", name), f"is not a variant.{did_you_mean(name, variants)}")
        dataset = mapping(entry).get("dataset")
        if isinstance(dataset, str) and dataset not in known:
            problem = f"is {dataset!r}, expected a name under datasets.{did_you_mean(dataset, known)}"
            yield Mistake(("results", name, "dataset"), problem)
    comparisons = mapping(report.get("comparisons"))
    yield from names({"comparisons": comparisons}, ("comparisons",))
    for name, entry in comparisons.items():
        members = mapping(entry).get("variants")
        for number, member in enumerate(members if isinstance(members, list) else ()):
            if isinstance(member, str) and member not in variants:
                problem = f"is {member!r}, not a variant.{did_you_mean(member, variants)}"
                yield Mistake(("comparisons", name, "variants", number), problem)
    ladders = mapping(report.get("ladders"))
    yield from names({"ladders": ladders}, ("ladders",))
    for name, entry in ladders.items():
        steps = mapping(entry).get("steps")
        climbed = [mapping(step).get("variant") for step in (steps if isinstance(steps, list) else ())]
        for number, variant in enumerate(climbed):
            place = ("ladders", name, "steps", number, "variant")
            if isinstance(variant, str) and variant not in variants:
                yield Mistake(place, f"is {variant!r}, not a variant.{did_you_mean(variant, variants)}")
            elif isinstance(variant, str) and variant in climbed[:number]:
                yield Mistake(place, f"is {variant!r}, which is an earlier step; a step adds an idea")

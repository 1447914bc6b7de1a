"""What report.yaml may hold: what the report says of data and variants, and the texts of its sections."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from stages.study.checking import MistakesError, Section
from stages.study.knobs import Distinct, Epochs, Fraction
from stages.study.reading import Mistake, did_you_mean
from stages.study.rules import GROUPS, names
from stages.study.schema import Name

Count = Annotated[int, Field(ge=1, lt=2**31)]
Bound = Annotated[float, Field(ge=-1000, le=1000)]
MEASURES = (
    *("test_accuracy", "spread", "training_loss", "training_accuracy", "validation_loss"),
    *("validation_accuracy", "gap", "rise", "oscillation"),
)


class ReportDataset(Section):
    """The data of the report, with which results must agree to be compared."""

    classes: Count
    first_class: str
    last_class: str
    train: Count
    validation: Count
    test: Count


class Result(Section):
    """What the report says of one variant; loss and accuracy are on the test images."""

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


class Test(Section):
    """Where a measure lies according to the report, see stages/results/claims.py."""

    measure: Literal[*MEASURES]
    of: str
    than: str = Field(None)
    above: Bound = Field(None)
    below: Bound = Field(None)
    figure: Annotated[list[Bound], Field(min_length=2, max_length=2)] = Field(None)

    @model_validator(mode="after")
    def _says_where(self) -> "Test":
        if (self.figure is None) == (self.above is None and self.below is None):
            raise MistakesError(Mistake((), "lacks where it lies: above, below or both; or figure"))
        low, high = self.figure or (self.above, self.below)
        if low is not None and high is not None and low > high:
            raise MistakesError(Mistake((), f"has no value between {low:g} and {high:g}; swap them"))
        if self.than is not None and (self.figure or self.measure == "spread"):
            raise MistakesError(
                Mistake(("than",), "is for differences, not for a figure or spread; remove it")
            )
        if self.figure and self.measure in ("test_accuracy", "spread"):
            problem = f"is for the end of curves, not for {self.measure}; set above, below or both"
            raise MistakesError(Mistake(("figure",), problem))
        return self


class Claim(Section):
    """A conclusion, and what must be true for it to hold."""

    says: Words
    tests: Annotated[list[Test], Field(min_length=1)]


class Chapter(Section):
    """A section of the page: what it asks and finds, with its conclusions one by one."""

    title: Words
    question: Words
    answer: Words
    claims: list[Claim] = Field([])


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
    source: Words = Field(None)
    stand_ins: dict[Annotated[str, Field(pattern="^[0-9a-f]{8,64}$")], Words] = Field({})


def mistakes(report: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yields where report.yaml speaks of variants or data that are not there.

    Args:
        report: its content, each value as the schema expects it.
        content: that of params.yaml.
    """
    variants = [name for group in GROUPS for name in content[group]]
    known = report.get("datasets", {})
    for name, entry in report.get("results", {}).items():
        if name not in variants:
            yield Mistake(("results", name), f"is not a variant.{did_you_mean(name, variants)}")
        if entry["dataset"] not in known:
            hint = did_you_mean(entry["dataset"], known)
            problem = f"is {entry['dataset']!r}, expected a name under datasets.{hint}"
            yield Mistake(("results", name, "dataset"), problem)
    for group in ("sections", "ladders"):
        yield from _claims(group, report.get(group, {}), variants)
    comparisons, ladders = report.get("comparisons", {}), report.get("ladders", {})
    yield from names({"comparisons": comparisons}, ("comparisons",))
    for name, entry in comparisons.items():
        for number, member in enumerate(entry["variants"]):
            yield from _unknown(("comparisons", name, "variants", number), member, variants)
    yield from names({"ladders": ladders}, ("ladders",))
    for name, entry in ladders.items():
        climbed = [step["variant"] for step in entry["steps"]]
        for number, variant in enumerate(climbed):
            place = ("ladders", name, "steps", number, "variant")
            yield from _unknown(place, variant, variants)
            if variant in variants and variant in climbed[:number]:
                yield Mistake(place, f"is {variant!r}, which is an earlier step; each step must add an idea")


def _claims(group: str, chapters: Mapping[str, Any], variants: list[str]) -> Iterator[Mistake]:
    """Yields where a claim's test names something that is not a variant."""
    for name, chapter in chapters.items():
        for place, claim in enumerate(chapter.get("claims", [])):
            for test_place, test in enumerate(claim["tests"]):
                for key in test.keys() & {"of", "than"}:
                    where = (group, name, "claims", place, "tests", test_place, key)
                    yield from _unknown(where, test[key], variants)


def _unknown(place: tuple[Any, ...], name: str, variants: list[str]) -> Iterator[Mistake]:
    """Yields a mistake where a name is not that of a variant."""
    if name not in variants:
        yield Mistake(place, f"is {name!r}, not a variant.{did_you_mean(name, variants)}")

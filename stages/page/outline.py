"""The page's sections: those of the report in its order, the ladders, and what is in neither."""

from collections.abc import Mapping
from dataclasses import dataclass

from stages.page.bilingual import TEXTS
from stages.page.content import Json, StudyView, VariantView, Words
from stages.results.claims import Claim


@dataclass(frozen=True)
class SectionView:
    """A section of the page.

    Attributes:
        number: of the report's section; "" if there is none.
        title: in both languages, like `question`.
        question: what it asks.
        answer: the report's, or ours to the question of a ladder; None for none.
        claims: the conclusions, tested: the report's, or ours about a ladder.
        variants: in the study's order.
        comparisons: by name, those whose last variant is of this section.
        ladder: the one the section is about; its variants are those that the report does not have.
    """

    number: str
    title: Words
    question: Words
    answer: Words | None
    claims: list[Claim]
    variants: list[VariantView]
    comparisons: Mapping[str, Json]
    ladder: Json | None = None


def sections(content: StudyView) -> list[SectionView]:
    """Returns the report's sections in its order, then the ladders, then what is in neither."""
    ladders = {f"ladder-{ladder['name']}": ladder for ladder in content.ladders}
    climbed = {step.name: key for key in reversed(ladders) for step in ladders[key]["steps"]}
    places = {
        name: variant.reported.get("section") or climbed.get(name, "")
        for name, variant in content.variants.items()
    }
    others = [""] if "" in places.values() else []
    found = []
    for number in [*sorted({*places.values()} - {"", *ladders}, key=_number), *ladders, *others]:
        variants = [variant for name, variant in content.variants.items() if places[name] == number]
        figures = {
            name: group
            for name in content.told["order"]
            if places.get((group := content.told["comparisons"][name])["variants"][-1], "") == number
        }
        if ladder := ladders.get(number):
            words = ladder["title"], ladder["question"], ladder["answer"]
            claims = [claim for claim in content.claims if claim.ladder == ladder["name"]]
            found.append(SectionView("", *words, claims, variants, figures, ladder))
        else:
            claims = [claim for claim in content.claims if number and claim.section == number]
            found.append(SectionView(number, *_words(number, content), claims, variants, figures))
    return found


def _words(number: str, content: StudyView) -> tuple[Words, Words, Words | None]:
    """Returns a section's title, question and answer."""
    if said := content.told["sections"].get(number):
        return said["title"], said["question"], said["answer"]
    if number:
        title = {language: words.format(number=number) for language, words in TEXTS["section"].items()}
        return title, TEXTS["variants_question"], None
    key = "beyond" if content.has_report else "variants"
    return TEXTS[key], TEXTS[f"{key}_question"], None


def _number(section: str) -> list[tuple[int, str]]:
    """Returns a key that sorts 2.10 after 2.9, and 4 after 3.1.1."""
    return [(int(part) if part.isdigit() else 0, part) for part in section.split(".")]

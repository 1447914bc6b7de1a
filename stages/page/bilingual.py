"""Texts and numbers in English and Spanish, side by side in the page; its style shows one of them.

What the page says is in texts.yaml; what a study says of itself comes from its report.yaml.
"""

from collections.abc import Mapping
from html import escape
from pathlib import Path

from ruamel.yaml import YAML

SYMBOLS, TEXTS = YAML(typ="safe").load_all(Path(__file__).with_name("texts.yaml"))
NARROW = "\N{NARROW NO-BREAK SPACE}"  # between thousands in Spanish, and before %
MINUS = "\N{MINUS SIGN}"
NOTHING = "–"


def text(key: str, **values: object) -> str:
    """Returns an entry of texts.yaml in both languages, as HTML.

    Args:
        key: of the entry.
        values: HTML for the names in braces.
    """
    return markup(*(TEXTS[key][language].format(**values) for language in ("en", "es")))


def translated(words: Mapping[str, str]) -> str:
    """Returns plain text that a study gives as {"en": …, "es": …}."""
    return markup(escape(words["en"]), escape(words["es"]))


def markup(english: str, spanish: str) -> str:
    """Returns both, which are HTML already; just one if they are equal."""
    if english == spanish:
        return english
    return f'<span lang="en">{english}</span><span lang="es">{spanish}</span>'


def named(key: str) -> str:
    """Returns the attributes that name a part of the page for screen readers."""
    english, spanish = (escape(TEXTS[key][language]) for language in ("en", "es"))
    return f'aria-label="{english}" data-label-en="{english}" data-label-es="{spanish}"'


def decimal(value: float | None, form: str = ".4f") -> str:
    """Returns a number with a decimal point and with a decimal comma."""
    if value is None:
        return NOTHING
    english = format(value, form).replace("-", MINUS)
    return markup(english, english.replace(".", ","))


def interval(low: float | None, high: float | None, form: str = ".3f") -> str:
    """Returns the bounds in brackets, "" for none."""
    if low is None or high is None:
        return ""
    bounds = [format(value, form).replace("-", MINUS) for value in (low, high)]
    english = f"[{bounds[0]}, {bounds[1]}]"
    spanish = f"[{bounds[0].replace('.', ',')}; {bounds[1].replace('.', ',')}]"
    return f' <small class="interval">{markup(english, spanish)}</small>'


def whole(value: float | None) -> str:
    """Returns a number with separated thousands."""
    if value is None:
        return NOTHING
    english = format(int(value), ",")
    return markup(english, english.replace(",", NARROW) if value >= 10_000 else english.replace(",", ""))


def percent(value: float) -> str:
    """Returns a share in whole per cent."""
    return f"{100 * value:.0f}{NARROW}%"

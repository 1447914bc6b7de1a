"""Words that come from values: verdicts, obstacles, provenance, kinds of layers and knobs' values."""

from collections.abc import Mapping
from html import escape
from typing import Any

from stages.page.bilingual import NOTHING, SYMBOLS, TEXTS, decimal, markup, named, text, translated, whole

VERDICTS = SYMBOLS["verdicts"]  # of the summary and of the report's conclusions -> class of its style, sign
LAYERS = SYMBOLS["layers"]  # Keras' names and activations -> the report's
UNNUMBERED = {"Rescaling", "Normalization", "Flatten", "softmax"}  # which the report's tables leave out


def verdict(value: str, is_short: bool = False) -> str:
    """Returns a verdict without its reasons: sign and words; if short, the words only for screen readers."""
    name = value.partition(" (")[0]
    kind, sign = VERDICTS[name]
    words = f'<span aria-hidden="true">{sign}</span> {text(name)}'
    shown = f'<span role="img" {named(name)}>{sign}</span>' if is_short else words
    return f'<span class="verdict {kind}">{shown}</span>'


def obstacle(what: str, here: Any, there: Any) -> str:
    """Returns one reason why a result has no verdict."""
    if what == "data":
        return text(here)
    key = f"what {what}"
    words = text(key) if key in TEXTS else escape(what)
    return text("obstacle", what=words, here=escape(str(here)), there=escape(str(there)))


def comparison(name: str, group: Mapping[str, Any]) -> str:
    """Returns the title of a comparison with the report's figure, if any."""
    words = name.replace("_", " ").capitalize()
    title = translated(group.get("title", {"en": words, "es": words}))
    return f"{title} ({figure(group['report'])})" if group.get("report") else title


def figure(name: str) -> str:
    """Returns what the report calls a figure or table."""
    english = escape(name).replace(" - ", "–")
    for kind in ("Fig.", "Table"):
        english = english.replace(f"{kind} ", f"{kind}\N{NO-BREAK SPACE}")
    return markup(english, english.replace("Table", "Cuadro").replace("text", "texto"))


def layer(kind: str) -> str:
    """Returns the report's name of a layer."""
    return text("backbone") if kind == "Backbone" else escape(LAYERS.get(kind, kind))


def differing(before: Any, here: Any) -> tuple[Any, Any]:
    """Returns the names of two optimizers or, if equal, the settings that differ; otherwise both values."""
    if not all(isinstance(value, dict) and "class_name" in value for value in (before, here)):
        return before, here
    if before["class_name"] != here["class_name"]:
        return before["class_name"], here["class_name"]
    keys = [key for key in here["config"] if before["config"].get(key) != here["config"][key]]
    return tuple({key: value["config"].get(key) for key in keys} for value in (before, here))


def knob(value: Any) -> str:
    """Returns a knob's value, short."""
    if value is None or value in ([], {}):
        return NOTHING
    if isinstance(value, bool):
        return text("yes" if value else "no")
    if isinstance(value, float):
        return decimal(value, "g")
    if isinstance(value, int):
        return whole(value)
    return f"<code>{escape(plain(value))}</code>"


def plain(value: Any) -> str:
    """Returns a knob's value as text, all of it."""
    if isinstance(value, dict) and "class_name" in value:
        return f"{value['class_name']}({plain(value['config'])})"
    if isinstance(value, dict):
        return ", ".join(f"{name}={plain(item)}" for name, item in value.items())
    if isinstance(value, list):
        return " · ".join(map(plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)

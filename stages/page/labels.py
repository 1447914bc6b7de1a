"""Words that come from values: verdicts, obstacles, provenance, kinds of layers and knobs' values."""

from collections.abc import Mapping
from html import escape
from typing import Any

from stages.page.bilingual import NOTHING, TEXTS, decimal, markup, text, translated, whole

VERDICTS = {  # of the summary and of the report's conclusions -> class of its style, sign
    "as reported": ("as", "="),
    "better than reported": ("better", "▲"),
    "worse than reported": ("worse", "▼"),
    "not reported": ("none", "·"),
    "not comparable": ("none", "≠"),
    "not run": ("none", "○"),
    "holds": ("better", "✓"),
    "holds in part": ("as", "◐"),
    "does not hold": ("worse", "✗"),
    "cannot be told": ("none", "?"),
}
LAYERS = {  # Keras' names and activations -> the report's
    "relu": "ReLU",
    "softmax": "Softmax",
    "Dense": "Linear",
    "BatchNormalization": "Batch norm.",
    "AveragePooling2D": "Avg. pool",
    "GlobalAveragePooling2D": "Global avg. pool",
}
UNNUMBERED = {"Rescaling", "Normalization", "Flatten", "softmax"}  # which the report's tables leave out


def verdict(value: str) -> str:
    """Returns a verdict as a chip; its reasons are left to `obstacle`."""
    name = value.partition(" (")[0]
    kind, sign = VERDICTS[name]
    return f'<span class="verdict {kind}"><span aria-hidden="true">{sign}</span> {text(name)}</span>'


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
    if isinstance(value, dict) and "class_name" in value:
        return f"<code>{escape(value['class_name'])}({escape(_plain(value['config']))})</code>"
    return f"<code>{escape(_plain(value))}</code>"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={_plain(item)}" for name, item in value.items())
    if isinstance(value, list):
        return " · ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)

"""Words that come from values: verdicts, obstacles, provenance, kinds of layers and knobs' values."""

from html import escape
from typing import Any

from stages.page.bilingual import decimal, markup, text, whole

VERDICTS = {  # of the summary -> class of its style, sign, Spanish
    "as reported": ("as", "=", "como en el informe"),
    "better than reported": ("better", "▲", "mejor que en el informe"),
    "worse than reported": ("worse", "▼", "peor que en el informe"),
    "not reported": ("none", "·", "sin dato en el informe"),
    "not comparable": ("none", "≠", "no comparable"),
    "not run": ("none", "○", "sin ejecutar"),
}
KINDS = {  # provenance -> English, Spanish
    "official": ("official data", "datos oficiales"),
    "stand-in": ("stand-in data", "datos sustitutos"),
    "generated": ("generated data", "datos generados"),
    "own": ("own data", "datos propios"),
}
OBSTACLES = {  # what differs, as summary.obstacles says it -> Spanish
    "format": "conjunto de datos",
    "classes": "clases",
    "first class": "primera clase",
    "last class": "última clase",
    "train images": "imágenes de entrenamiento",
    "validation images": "imágenes de validación",
    "test images": "imágenes de test",
    "epochs": "épocas",
}
COMPARISONS = {  # of the report's study -> Spanish
    "zoom": "Zoom",
    "augmentation": "Aumento de datos",
    "depth": "Profundidad",
    "dropout": "Dropout",
    "epochs": "Épocas",
    "batch_norm": "Normalización por lotes",
    "optimizers": "Optimizadores",
    "severe_dropout": "Dropout más severo",
    "heads": "Clasificadores",
    "fine_tuning": "Ajuste fino",
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
    """Returns a verdict of the summary as a chip; its reasons are left to `obstacles`."""
    english = value.partition(" (")[0]
    kind, sign, spanish = VERDICTS[english]
    return (
        f'<span class="verdict {kind}"><span aria-hidden="true">{sign}</span> {text(english, spanish)}</span>'
    )


def provenance(kind: str) -> str:
    """Returns what to call the data of a kind."""
    return text(*KINDS.get(kind, (f"{kind} data", f"datos: {kind}")))


def obstacle(what: str, here: Any, there: Any) -> str:
    """Returns one reason why a result has no verdict."""
    if what == "data":
        return provenance(here)
    values = escape(str(here)), escape(str(there))
    english = f"{what}: {values[0]}; report: {values[1]}"
    return markup(english, f"{OBSTACLES.get(what, what)}: {values[0]}; informe: {values[1]}")


def comparison(name: str, figure: str) -> str:
    """Returns the title of a comparison with the report's figure, if any."""
    english = name.replace("_", " ").capitalize()
    source = f" ({figure.replace(' - ', '–')})" if figure else ""
    return text(f"{english}{source}", f"{COMPARISONS.get(name, english)}{spanish_figure(source)}")


def spanish_figure(name: str) -> str:
    """Returns what the report calls a figure or table."""
    return name.replace("Table", "Cuadro").replace("text", "texto")


def layer(kind: str) -> str:
    """Returns the report's name of a layer."""
    return text("Backbone", "Red preentrenada") if kind == "Backbone" else escape(LAYERS.get(kind, kind))


def knob(value: Any) -> str:
    """Returns a knob's value, short."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return text("yes", "sí") if value else text("no", "no")
    if isinstance(value, float):
        return decimal(value, "g")
    if isinstance(value, int):
        return whole(value)
    if isinstance(value, list):
        return f"<code>{escape(' · '.join(f'{item:g}' for item in value))}</code>" if value else "–"
    if isinstance(value, dict) and "class_name" in value:
        inner = ", ".join(f"{name}={_plain(item)}" for name, item in value["config"].items())
        return f"<code>{escape(value['class_name'])}({escape(inner)})</code>"
    return f"<code>{escape(str(value))}</code>"


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

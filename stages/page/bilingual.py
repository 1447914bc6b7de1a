"""Texts and numbers in English and Spanish, side by side in the page; its style shows one of them."""

from html import escape

NARROW = "\N{NARROW NO-BREAK SPACE}"  # between thousands in Spanish
MINUS = "\N{MINUS SIGN}"
NOTHING = "–"


def text(english: str, spanish: str) -> str:
    """Returns both, as text without markup; one of them where they are equal."""
    return markup(escape(english), escape(spanish))


def markup(english: str, spanish: str) -> str:
    """Returns both, which are HTML already."""
    if english == spanish:
        return english
    return f'<span lang="en">{english}</span><span lang="es">{spanish}</span>'


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
    return markup(f"{100 * value:.0f}%", f"{100 * value:.0f}{NARROW}%")

"""The report's conclusions, each with what came out here and whether it holds."""

from html import escape

from stages.page import labels
from stages.page.bilingual import decimal, interval, text, translated
from stages.results.claims import Claim, Tested, form, names, said


def conclusions(claims: list[Claim]) -> str:
    """Returns the list of a section's conclusions; "" for none."""
    if not claims:
        return ""
    items = "".join(
        f"<li>{labels.verdict(claim.verdict)} · {translated(claim.says)}"
        f'<ul class="claims">{"".join(map(_tested, claim.tests))}</ul></li>'
        for claim in claims
    )
    return f'<p><b>{text("here")}</b></p><ul class="claims">{items}</ul>'


def _tested(tested: Tested) -> str:
    test, found = tested.test, tested.interval
    variants = f" {text('less')} ".join(f"<code>{escape(name)}</code>" for name in names(test))
    measure = f"measure {test['measure']}"
    shown = f"{text(measure)}, {variants}"
    if found:
        counts = " + ".join(map(str, tested.seeds))
        seeds = text("one_seed") if counts == "1" else text("several_seeds", n=counts)
        shown += f": {decimal(found.value, form(test))}{interval(found.low, found.high, form(test))} {seeds}"
    reason = f" ({text(tested.reason)}: {', '.join(map(escape, tested.lacking))})" if tested.reason else ""
    return f"<li>{labels.verdict(tested.verdict)} · {shown}; {_said(tested)}{reason}</li>"


def _said(tested: Tested) -> str:
    """Returns where the measure lies according to the report."""
    where, bounds = said(tested.test)
    return f"{text(f'said {where}')} " + f" {text('to')} ".join(decimal(bound, "g") for bound in bounds)

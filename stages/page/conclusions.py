"""Conclusions, the report's and ours: whether each holds here, and what that rests on."""

from html import escape

from stages.page import labels
from stages.page.bilingual import MINUS, decimal, interval, text, translated
from stages.results.claims import Claim, Tested, form, names, said

SIGNS = {"above": "&gt; ", "below": "&lt; "}


def conclusions(claims: list[Claim]) -> str:
    """Returns the list of a section's conclusions; "" for none."""
    if not claims:
        return ""
    here = "" if claims[0].ladder else f"<p><b>{text('here')}</b></p>"  # a ladder's answer says it already
    return f'{here}<ul class="claims">{"".join(map(_conclusion, claims))}</ul>'


def _conclusion(claim: Claim) -> str:
    tests = "".join(map(_tested, claim.tests))
    return (
        f'<li class="{labels.VERDICTS[claim.verdict][0]}">{labels.verdict(claim.verdict)} '
        f"<q>{translated(claim.says)}</q><ul>{tests}</ul></li>"
    )


def _tested(tested: Tested) -> str:
    test, found = tested.test, tested.interval
    variants = f" {MINUS} ".join(f"<code>{escape(name)}</code>" for name in names(test))
    measure = f"measure {test['measure']}"
    shown = f"{labels.verdict(tested.verdict, True)} {text(measure)}, {variants}"
    if found:
        counts = " + ".join(map(str, tested.seeds))
        seeds = text("one_seed") if counts == "1" else text("several_seeds", n=counts)
        here = f"<b>{decimal(found.value, form(test))}</b>{interval(found.low, found.high, form(test))}"
        shown += f": {here} <small>{seeds}</small>"
    reason = f" ({text(tested.reason)}: {', '.join(map(escape, tested.lacking))})" if tested.reason else ""
    where, bounds = said(test)
    region = SIGNS.get(where, "") + f" {text('to')} ".join(decimal(bound, "g") for bound in bounds)
    said_by = text("report_says" if where == "figure" else "must_be")
    return f"<li>{shown}, {said_by} {region}{reason}</li>"

"""The report's conclusions, each with what came out here and whether it holds."""

from html import escape

from stages.page import labels
from stages.page.bilingual import decimal, interval, text, translated
from stages.results.claims import Claim, Tested, names


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
    variants = [f"<code>{escape(name)}</code>" for name in names(test)]
    kind = "difference_of" if "than" in test else "level_of"
    measure = text(f"measure {test['measure']}")
    shown = text(kind, measure=measure, of=variants[0], than=variants[-1])
    if found:
        form = "+.3f" if "than" in test or test["measure"] in ("gap", "rise") else ".3f"
        counts = " + ".join(map(str, tested.seeds))
        seeds = text("one_seed") if counts == "1" else text("several_seeds", n=counts)
        shown += f": {decimal(found.value, form)}{interval(found.low, found.high, form)} {seeds}"
    reason = f" ({text(tested.reason)}: {', '.join(map(escape, tested.lacking))})" if tested.reason else ""
    return f"<li>{labels.verdict(tested.verdict)} · {shown}; {_said(tested)}{reason}</li>"


def _said(tested: Tested) -> str:
    """Returns where the measure lies according to the report."""
    test = tested.test
    low, high = test.get("figure", (test.get("above"), test.get("below")))
    is_range = low is not None and high is not None
    kind = "figure" if "figure" in test else "between" if is_range else "below" if low is None else "above"
    return text(f"said {kind}", low=decimal(low, "g"), high=decimal(high, "g"))

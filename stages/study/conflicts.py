"""Knobs of one variant that do not fit each other, its data or its network.

What a network demands of its knobs is stated next to its `build`: LEARNS_FROM, LENGTHS, ONE_RATE_PER,
SHRINKS, CHOICES and LINEAR_WHERE.
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from stages.study import inheritance
from stages.study import knobs as known
from stages.study.inheritance import KNOBS, constant
from stages.study.reading import Mistake, shown

LEARNS_FROM = {"variants": ("images",), "heads": ("pooled", "maps"), "fine_tunes": ()}
OFF = {"pooled": {"pooling": []}, "maps": {"maps": False}}  # setting of features that leaves out the input

Conflict = tuple[tuple[str, ...], str]  # a place in an entry, what is wrong there
Study = Mapping[str, Mapping[str, Any]]


def mistakes(study: Study) -> Iterator[Mistake]:
    """Yields what is wrong with the knobs of each variant.

    A mistake is reported where it is made and not where it is inherited.

    Args:
        study: params.yaml without other mistakes.
    """
    lacking: dict[str, str] = {}
    for group in KNOBS:
        checked = functools.cache(functools.partial(_conflicts, group, study))
        for name, own in study[group].items():
            links = inheritance.chain(name, study[group])
            knobs = inheritance.inherited(name, group, study)
            missing = [knob for knob in inheritance.needed(knobs, group) if knob not in knobs]
            if missing and not list(_misfit(group, knobs)):
                for knob in missing:
                    lacking.setdefault(knob, f"{group}.{name}")
                continue
            yield from _unused(group, name, own, knobs)
            above = checked(links[1]) if len(links) > 1 else ()
            for place, problem in checked(name):
                if place[0] in own or (place, problem) not in above:
                    yield Mistake((group, name, *place), problem)
    for knob, name in lacking.items():
        is_known = any(knob in knobs for knobs in KNOBS.values())
        where = "" if is_known else f"; add {knob} to stages/study/knobs.py first"
        yield Mistake(("defaults",), f"lacks {knob}, which {name} needs and does not set{where}")


def _unused(group: str, name: str, own: Mapping[str, Any], knobs: Mapping[str, Any]) -> Iterator[Mistake]:
    """Checks that a variant itself sets no knob that its trainer, loss or network does not take."""
    for knob, choice in inheritance.foreign(group, knobs).items():
        if knob == "seeds" and own.get(knob, 1) > 1:
            problem = f"is {own[knob]}, expected 1, as {knobs[choice]} finds the same optimum for every seed"
            yield Mistake((group, name, knob), problem)
        elif knob in own and knob != "seeds":
            takes = ", ".join(inheritance.words(choice, knobs)) or "none"
            problem = f"is not a knob of {knobs[choice]}, which takes {takes}; remove it"
            yield Mistake((group, name, knob), problem)


def _conflicts(group: str, study: Study, name: str) -> tuple[Conflict, ...]:
    """Returns the knobs of a variant that do not fit each other or its data."""
    knobs, own = inheritance.inherited(name, group, study), study[group][name]
    if misfit := tuple(_misfit(group, knobs)):
        return misfit
    if any(knob not in knobs for knob in inheritance.needed(knobs, group)):
        return ()
    left_out = inheritance.foreign(group, knobs)
    found = [*_training({knob: value for knob, value in knobs.items() if knob not in left_out})]
    if group == "fine_tunes":
        found += _start(name, own, knobs["test_image_size"], study)
    else:
        found += _network(knobs)
    if group == "heads":
        found += _head(knobs, study["features"][own["data"]])
    else:
        found += _sizes(knobs, study["datasets"][own["data"]]["image_size"])
    return tuple(found)


def _training(knobs: Mapping[str, Any]) -> Iterator[Conflict]:
    """Checks the knobs of a trainer."""
    rate = knobs["optimizer"]["config"].get("learning_rate") if "optimizer" in knobs else None
    if isinstance(rate, dict) and (knobs["schedule"] != "constant" or knobs["warmup"]):
        problem = "is a schedule of Keras, expected a number together with the knobs schedule and warmup"
        yield ("optimizer", "config", "learning_rate"), problem
    if knobs.get("flip") and knobs.get("alternating_flip"):
        yield ("alternating_flip",), "is True, expected false together with flip, as both mirror images"
    if not inheritance.has_one_optimum(knobs):
        return
    network, trainer = knobs.get("network"), knobs["trainer"]
    where: Any = network and constant("networks", network, "LINEAR_WHERE")
    if where is None:
        linear = [name for name in known.NETWORKS if constant("networks", name, "LINEAR_WHERE") is not None]
        yield ("trainer",), f"is {trainer!r}, expected sgd except for one-layer heads ({', '.join(linear)})"
    for knob, value in (where or {}).items():
        if knobs[knob] != value:
            yield (knob,), f"is {shown(knobs[knob])}, expected {value} with trainer {trainer}"


def _misfit(group: str, knobs: Mapping[str, Any]) -> Iterator[Conflict]:
    """Checks that a network learns from the kind of input that its section has."""
    fit = [name for name in known.NETWORKS if constant("networks", name, "LEARNS_FROM") in LEARNS_FROM[group]]
    if "network" in knobs and knobs["network"] not in fit:
        yield ("network",), f"is {knobs['network']!r}, expected one of {', '.join(fit)}"


def _network(knobs: Mapping[str, Any]) -> Iterator[Conflict]:
    """Checks what a network demands of its knobs."""
    network = knobs["network"]
    wrong = set()
    for knob, rule in _rules(network, "LENGTHS"):
        number = len(knobs[knob])
        if not rule.get("least", 0) <= number <= rule.get("most", number) or number % rule.get(
            "multiple_of", 1
        ):
            wrong.add(knob)
            yield (knob,), f"is {shown(knobs[knob])}, expected {rule['expected']}"
    for knob, (acts_at, per_rate) in _rules(network, "ONE_RATE_PER"):
        number = len(knobs[acts_at]) // per_rate
        if acts_at not in wrong and len(knobs[knob]) not in (0, number):
            expected = f"[] or {number} rates, one for each place where it acts"
            yield (knob,), f"is {shown(knobs[knob])}, expected {expected}"
    for knob, values in _rules(network, "CHOICES"):
        if knobs.get(knob, values[0]) not in values:
            yield (knob,), f"is {knobs[knob]!r}, expected one of {', '.join(values)}"


def _rules(network: str, kind: str) -> Any:
    return (constant("networks", network, kind) or {}).items()


def _head(knobs: Mapping[str, Any], features: Mapping[str, Any]) -> Iterator[Conflict]:
    """Checks that a head's features are what its network learns from."""
    network = knobs["network"]
    learns_from = constant("networks", network, "LEARNS_FROM")
    if learns_from != "pooled":
        reason = f"as {network} does not learn from pooled features"
        if knobs["end_to_end"]:
            yield ("end_to_end",), f"is True, expected false, {reason}"
        if knobs["feature_steps"]:
            yield ("feature_steps",), f"is {shown(knobs['feature_steps'])}, expected [], {reason}"
    for knob, off in OFF[learns_from].items():
        if features.get(knob) == off:
            yield ("data",), f"has {knob}: {off}, expected features that hold what {network} learns from"


def _sizes(knobs: Mapping[str, Any], image_size: int) -> Iterator[Conflict]:
    """Checks knobs that are limited by the size of the images."""
    limits = {("crop",): image_size - 1, ("views", "shift"): image_size - 1, ("cutout",): image_size}
    for place, limit in limits.items():
        value = knobs["views"].get("shift", 0) if place[0] == "views" else knobs[place[0]]
        if value > limit:
            yield place, f"is {value}, expected at most {limit} on images of {image_size} pixels"
    network = knobs.get("network")
    if rule := network and constant("networks", network, "SHRINKS"):
        yield from _room(knobs["filters"], image_size, **rule)


def _room(
    filters: list[int], image_size: int, *, first: int, per_block: int, pixels: int
) -> Iterator[Conflict]:
    """Checks that images leave room for all convolutions: (size - pixels) // 2 is left after each block."""
    sizes = [image_size]
    while (sizes[-1] - pixels) // 2 >= 1:
        sizes.append((sizes[-1] - pixels) // 2)
    most = first + (len(sizes) - 1) * per_block
    if len(filters) > most:
        shrinking = " -> ".join(map(str, sizes))
        expected = f"at most {most} sizes on images of {image_size} pixels ({shrinking}, no room left)"
        yield ("filters",), f"is {shown(filters)}, expected {expected}"


def _start(name: str, own: Mapping[str, Any], test_size: int, study: Study) -> Iterator[Conflict]:
    """Checks that a fine-tune starts from a whole network, on the images that it learned from.

    Args:
        name: of the fine-tune.
        own: what it sets itself.
        test_size: its `test_image_size`.
        study: params.yaml.
    """
    start = own["starts_from"]
    knobs = inheritance.inherited(start, "heads", study)
    if not knobs["end_to_end"]:
        yield ("starts_from",), f"is {start!r}, expected a head with end_to_end: true"
    features = study["features"][study["heads"][start]["data"]]
    dataset, seen = features["dataset"], features["image_size"]
    size = study["datasets"][dataset]["image_size"]
    if own["data"] != dataset:
        yield ("data",), f"is {own['data']!r}, expected {dataset!r}, from which {start} learned"
    elif seen not in (size, test_size):
        expected = f"a head on images of {size} pixels, as {dataset} has, or test_image_size: {seen}"
        yield ("starts_from",), f"is {start!r}, on images of {seen} pixels, expected {expected}"
    if not inheritance.has_one_optimum(knobs):
        here = inheritance.seeds(name, "fine_tunes", study)
        there = inheritance.seeds(start, "heads", study)
        if not {here[0], here[-1]} <= set(there):
            knob = "seeds" if here[0] in there else "seed"
            expected = f"seeds from {there[0]} to {there[-1]}, which {start} has, as each continues one"
            yield (knob,), f"asks for seeds {here[0]} to {here[-1]}, expected {expected}"

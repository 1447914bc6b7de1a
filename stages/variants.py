"""The variants of params.yaml, resolved: every knob of every variant, checked before anything trains."""

from collections.abc import Iterator, Mapping
from typing import Any

from stages.optimizer_blocks import check_optimizer
from stages.parameters import Mistake, did_you_mean, refuse, shown
from stages.values import Expected, Interval, check, check_keys, check_names, mapping

TRAINING = ("seed", "threads", "epochs", "batch_size", "optimizer")
AUGMENTATION = ("flip", "zoom")
LAYERS = ("architecture", "filters", "dense_units", "block_dropout", "dense_dropout", "batch_norm")
# Section of params.yaml -> its knobs. Heads learn from features cached from unchanged pictures, and
# a fine-tune goes on with the network it is given.
GROUPS: dict[str, tuple[str, ...]] = {
    "variants": (*TRAINING, *AUGMENTATION, *LAYERS, "normalisation"),
    "heads": (*TRAINING, *LAYERS, "pooling", "end_to_end"),
    "fine_tunes": (*TRAINING, *AUGMENTATION, "unfreeze"),
}
ARCHITECTURES = {"variants": ("base_net", "deeper_net"), "heads": ("dense_head", "conv_head")}
KNOBS: dict[str, Expected] = {
    "seed": range(2**32),  # what Keras and NumPy take
    "threads": range(1, 1025),
    "epochs": range(1, 100_001),
    "batch_size": range(1, 65_537),
    "optimizer": dict,  # its content is checked in optimizer_blocks.py
    "flip": bool,
    "zoom": Interval(0.0, 1.0),
    "architecture": tuple(name for names in ARCHITECTURES.values() for name in names),
    "filters": [range(1, 65_537)],
    "dense_units": [range(1, 65_537)],
    "block_dropout": [Interval(0.0, 1.0)],
    "dense_dropout": [Interval(0.0, 1.0)],
    "batch_norm": ("none", "before", "after"),
    "normalisation": ("none", "featurewise"),
    "pooling": ("flatten", "global_average"),
    "end_to_end": bool,
    "unfreeze": str,
}


def names(parameters: Mapping[str, Any]) -> list[str]:
    """Returns the names of all variants in the order of params.yaml."""
    return [name for group in GROUPS for name in mapping(parameters.get(group))]


def resolve(parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns each variant with all its knobs, its `name` and, for a fine-tune, its `starts_from`.

    Args:
        parameters: the content of params.yaml.

    Raises:
        InputError: names every mistake found, one line each.
    """
    refuse(mistakes(parameters))
    return {
        name: _knobs(name, group, parameters) | _start(own) | {"name": name}
        for group in GROUPS
        for name, own in mapping(parameters.get(group)).items()
    }


def mistakes(parameters: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yields every mistake in `defaults` and the sections of variants, each where it is made."""
    defaults = parameters.get("defaults")
    yield from check_keys(("defaults",), defaults, KNOBS)
    yield from _check_knobs(("defaults",), mapping(defaults))
    yield from check_names((group, name) for group in GROUPS for name in mapping(parameters.get(group)))
    for group in GROUPS:
        section = parameters.get(group, {})
        yield from check((group,), section, dict)
        for name, own in mapping(section).items():
            yield from _check_own((group, name), own)
            yield from _check_extends(name, group, parameters)
            yield from _check_combination(name, group, parameters)
            yield from _check_start(name, group, parameters)


def _check_own(place: tuple[str, str], own: Any) -> Iterator[Mistake]:
    """Checks what a variant states itself, one by one."""
    starts = ["starts_from"] if place[0] == "fine_tunes" else []
    yield from check_keys(place, own, starts, ["extends", *GROUPS[place[0]]])
    yield from _check_knobs(
        place, {knob: value for knob, value in mapping(own).items() if knob in GROUPS[place[0]]}
    )


def _check_knobs(place: tuple[str, ...], knobs: Mapping[str, Any]) -> Iterator[Mistake]:
    for knob, value in knobs.items():
        if knob in KNOBS:
            yield from check((*place, knob), value, KNOBS[knob])
        if knob == "optimizer" and isinstance(value, Mapping):
            yield from check_optimizer((*place, knob), value)


def _check_extends(name: str, group: str, parameters: Mapping[str, Any]) -> Iterator[Mistake]:
    """Checks that a variant extends one of its section, and not itself by a detour."""
    section, place = parameters[group], (group, name, "extends")
    own = mapping(section[name])
    if "extends" not in own:
        return
    parent = own["extends"]
    if not isinstance(parent, str) or parent not in section:
        hint = did_you_mean(parent, [other for other in section if other != name])
        yield Mistake(place, f"is {shown(parent)}, expected a name under {group}.{hint}")
        return
    *chain, last = _chain(name, section)
    is_first = [other for other in section if other in chain][:1] == [name]
    if last == name and is_first:  # a circle is one mistake, told at one of its members
        yield Mistake(place, f"leads back to itself: {' -> '.join([*chain, last])}")


def _chain(name: str, section: Mapping[str, Any]) -> list[str]:
    """Returns a variant and those it extends, nearest first; a circle ends with its second visit."""
    chain = [name]
    while True:
        parent = mapping(section[chain[-1]]).get("extends")
        if not isinstance(parent, str) or parent not in section:
            return chain
        chain.append(parent)
        if parent in chain[:-1]:
            return chain


def _knobs(name: str, group: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the group's defaults overlaid by those a variant extends, farthest first, and its own.

    Where the chain breaks off, nobody knows what it would have inherited: no defaults then.
    """
    section = parameters[group]
    chain = _chain(name, section)
    is_whole = (
        all(isinstance(section[link], Mapping) for link in chain) and "extends" not in section[chain[-1]]
    )
    knobs = dict(mapping(parameters.get("defaults"))) if is_whole else {}
    for link in reversed(chain):
        knobs |= mapping(section[link])
    return {knob: knobs[knob] for knob in GROUPS[group] if knob in knobs}


def _start(own: Mapping[str, Any]) -> dict[str, Any]:
    """Returns `starts_from` of a fine-tune; it is not inherited, as dvc.yaml reads it too."""
    return {"starts_from": own["starts_from"]} if "starts_from" in own else {}


def _check_combination(name: str, group: str, parameters: Mapping[str, Any]) -> Iterator[Mistake]:
    """Checks the rules between knobs, where they are not broken by the one that is extended already."""
    parents = _chain(name, parameters[group])[1:2]
    inherited = {
        found for parent in parents for found in _conflicts(_knobs(parent, group, parameters), group)
    }
    for knob, problem in _conflicts(_knobs(name, group, parameters), group):
        if knob in mapping(parameters[group][name]) or (knob, problem) not in inherited:
            yield Mistake((group, name, knob), problem)


def _conflicts(knobs: Mapping[str, Any], group: str) -> Iterator[tuple[str, str]]:
    """Yields knobs that do not go with the architecture; those that are wrong by themselves are left out."""
    knobs = {knob: value for knob, value in knobs.items() if not any(check((), value, KNOBS[knob]))}
    architecture, filters = knobs.get("architecture"), knobs.get("filters")
    if architecture is None:
        return
    if architecture not in ARCHITECTURES[group]:
        yield "architecture", f"is {architecture!r}, expected one of {', '.join(ARCHITECTURES[group])}"
        return
    if knobs.get("end_to_end") and architecture != "dense_head":
        yield "end_to_end", "is True, expected false, as only a dense_head can be"
    if architecture == "conv_head" and filters is not None and len(filters) != 1:
        yield "filters", f"is {shown(filters)}, expected one size"
    elif architecture == "deeper_net" and filters is not None and len(filters) % 2:
        yield "filters", f"is {shown(filters)}, expected an even number of sizes, two a block"
    elif filters is not None:
        yield from _rates("block_dropout", knobs, _n_blocks(architecture, filters))
    if "dense_units" in knobs:
        yield from _rates("dense_dropout", knobs, len(knobs["dense_units"]))


def _n_blocks(architecture: str, filters: list[int]) -> int:
    return {"base_net": len(filters), "deeper_net": len(filters) // 2, "conv_head": 1, "dense_head": 0}[
        architecture
    ]


def _rates(knob: str, knobs: Mapping[str, Any], number: int) -> Iterator[tuple[str, str]]:
    if knob in knobs and len(knobs[knob]) not in (0, number):
        yield knob, f"is {shown(knobs[knob])}, expected [] or {number} rates, one for each place it acts at"


def _check_start(name: str, group: str, parameters: Mapping[str, Any]) -> Iterator[Mistake]:
    """Checks that a fine-tune starts from a head that is saved end to end."""
    heads, own = parameters.get("heads"), mapping(parameters[group][name])
    if group != "fine_tunes" or "starts_from" not in own or not isinstance(heads, Mapping):
        return
    start, place = own["starts_from"], (group, name, "starts_from")
    if not isinstance(start, str) or start not in heads:
        yield Mistake(place, f"is {shown(start)}, expected a name under heads.{did_you_mean(start, heads)}")
    elif _knobs(start, "heads", parameters).get("end_to_end") is False:
        yield Mistake(place, f"is {start!r}, expected a head with end_to_end: true")

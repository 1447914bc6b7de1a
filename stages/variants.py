"""The variants of params.yaml, resolved: every knob of every variant, checked before anything trains."""

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any

from stages.errors import InputError

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
CHOICES = {
    "normalisation": ("none", "featurewise"),
    "batch_norm": ("none", "before", "after"),
    "pooling": ("flatten", "global_average"),
}
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")  # DVC pastes it unquoted into a command


def names(parameters: Mapping[str, Any]) -> list[str]:
    """Returns the names of all variants in the order of params.yaml."""
    return [name for group in GROUPS for name in parameters.get(group) or {}]


def resolve(parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns each variant with all its knobs, its `name` and, for a fine-tune, its `starts_from`.

    Args:
        parameters: the content of params.yaml.

    Raises:
        InputError: names every mistake found, one line each.
    """
    _require_sections(parameters)
    mistakes: list[str] = []
    resolved: dict[str, dict[str, Any]] = {}
    for group in GROUPS:
        section = parameters.get(group) or {}
        wrong: dict[str, str] = {}
        for name in section:
            try:
                if name in resolved:
                    raise InputError("the name is taken by a variant of another section")
                resolved[name] = _variant(name, group, section, parameters["defaults"])
                check(resolved[name], group)
            except InputError as error:
                wrong[name] = str(error)
        mistakes += [
            f"{group}: variant {name!r}: {message}"
            for name, message in wrong.items()
            if not any(wrong.get(ancestor) == message for ancestor in _ancestors(name, section))
        ]
    mistakes += _unstartable(parameters, resolved)
    if mistakes:
        raise InputError("\n       ".join(mistakes))
    return resolved


def did_you_mean(word: Any, known: list[str]) -> str:
    """Returns " Did you mean 'x'?", or nothing where no known word is near."""
    near = difflib.get_close_matches(str(word), known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _ancestors(name: str, section: Mapping[str, Any]) -> list[str]:
    """Returns those a variant extends as far as they exist, whose mistakes it only inherits."""
    try:
        return _chain(name, section)[1:]
    except InputError:
        parent = section[name].get("extends") if isinstance(section[name], Mapping) else None
        return [parent] if isinstance(parent, str) and parent != name else []


def _require_sections(parameters: Mapping[str, Any]) -> None:
    """Checks that the sections are mappings and that `defaults` has every knob."""
    for section in ("defaults", *GROUPS):
        value = parameters.get(section) or {}
        if not isinstance(value, Mapping):
            raise InputError(f"{section} is {value!r}, expected a mapping of names")
    knobs = {knob for group in GROUPS.values() for knob in group}
    missing = sorted(knobs - set(parameters.get("defaults") or {}))
    if missing:
        raise InputError(f"defaults lacks {', '.join(missing)}; every knob needs its default there")


def _variant(
    name: str, group: str, section: Mapping[str, Any], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the group's defaults overlaid by the chain of `extends` and the variant's own knobs."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InputError("a name has letters, digits, _ and - only, at most 64, and starts with no -")
    knobs = {knob: defaults[knob] for knob in GROUPS[group]}
    for link in reversed(_chain(name, section)):
        own = {knob: value for knob, value in section[link].items() if knob not in ("extends", "starts_from")}
        for knob, value in own.items():
            _check_type(knob, value, knobs)
        knobs |= own
    return knobs | _start(section[name], group) | {"name": name}


def _start(own: Mapping[str, Any], group: str) -> dict[str, Any]:
    """Returns `starts_from` of a fine-tune; it is not inherited, as dvc.yaml reads it too."""
    if group == "fine_tunes" and "starts_from" in own:
        return {"starts_from": own["starts_from"]}
    if group == "fine_tunes":
        raise InputError("has no starts_from: the end-to-end head whose model it goes on from")
    if "starts_from" in own:
        raise InputError("starts_from belongs to fine_tunes; a variant here builds on another by extends")
    return {}


def _chain(name: str, section: Mapping[str, Any]) -> list[str]:
    """Returns the variant and those it extends, nearest first."""
    chain = [name]
    while True:
        if not isinstance(section[chain[-1]], Mapping):
            raise InputError(f"holds {section[chain[-1]]!r}, expected knobs such as {{epochs: 30}}")
        parent = section[chain[-1]].get("extends")
        if parent is None:
            return chain
        if not isinstance(parent, str):
            raise InputError(f"extends is {parent!r}, expected the name of a variant")
        if parent in chain:
            raise InputError(f"extends itself: {' -> '.join([*chain, parent])}")
        if parent not in section:
            raise InputError(f"extends unknown {parent!r}.{did_you_mean(parent, list(section))}")
        chain.append(parent)


def _check_type(knob: str, value: Any, knobs: Mapping[str, Any]) -> None:
    """Checks that a knob is one of the group's and its value has exactly the type of the default's."""
    if knob not in knobs:
        known = ", ".join(sorted(knobs))
        raise InputError(f"unknown knob {knob!r}.{did_you_mean(knob, list(knobs))} Knobs here: {known}")
    expected = type(knobs[knob])
    if type(value) is not expected:
        remedy = f"; write {float(value)}" if expected is float and type(value) is int else ""
        raise InputError(f"{knob} is {value!r}, expected {expected.__name__}{remedy}")


def check(variant: Mapping[str, Any], group: str) -> None:
    """Checks a resolved variant's values and the rules between them.

    Args:
        variant: all knobs of its group.
        group: the section of params.yaml it stands in.

    Raises:
        InputError: a value out of range, or two that do not go together.
    """
    for knob in ("epochs", "batch_size", "threads"):
        _require(variant[knob] >= 1, knob, variant[knob], "1 or more")
    _require(variant["seed"] >= 0, "seed", variant["seed"], "0 or more")
    _check_optimizer(variant["optimizer"])
    if "zoom" in variant:
        _require(0 <= variant["zoom"] < 1, "zoom", variant["zoom"], "at least 0.0 and below 1.0")
    for knob, choices in CHOICES.items():
        if knob in variant:
            _require(variant[knob] in choices, knob, variant[knob], f"one of {', '.join(choices)}")
    if group in ARCHITECTURES:
        _check_layers(variant, ARCHITECTURES[group])


def _check_optimizer(optimizer: Mapping[str, Any]) -> None:
    """Checks that an optimizer is a block that Keras could take, of finite numbers."""
    expected = "{class_name: SGD, config: {learning_rate: 0.01}} or the like"
    is_block = (
        set(optimizer) == {"class_name", "config"}
        and isinstance(optimizer["class_name"], str)
        and isinstance(optimizer["config"], Mapping)
    )
    _require(is_block, "optimizer", optimizer, expected)
    try:
        json.dumps(optimizer, allow_nan=False)
    except (ValueError, TypeError):
        raise InputError(f"optimizer is {optimizer!r}, expected finite numbers, texts and lists") from None


def _check_layers(variant: Mapping[str, Any], architectures: tuple[str, ...]) -> None:
    """Checks the sizes and rates of a network's layers, and that there is a rate for each place."""
    architecture, filters = variant["architecture"], variant["filters"]
    _require(
        architecture in architectures, "architecture", architecture, f"one of {', '.join(architectures)}"
    )
    for knob in ("filters", "dense_units"):
        is_count = all(type(size) is int and size >= 1 for size in variant[knob])
        _require(is_count, knob, variant[knob], "whole numbers of 1 or more")
    if architecture == "deeper_net":
        _require(len(filters) % 2 == 0, "filters", filters, "an even number of sizes, two a block")
    if architecture == "conv_head":
        _require(len(filters) == 1, "filters", filters, "one size")
    blocks = {"base_net": len(filters), "deeper_net": len(filters) // 2, "conv_head": 1, "dense_head": 0}
    places = {"block_dropout": blocks[architecture], "dense_dropout": len(variant["dense_units"])}
    for knob, number in places.items():
        rates = variant[knob]
        is_rate = all(type(rate) is float and 0 <= rate < 1 for rate in rates)
        _require(is_rate, knob, rates, "rates such as 0.25, at least 0.0 and below 1.0")
        _require(
            len(rates) in (0, number), knob, rates, f"[] or {number} rates, one for each place it acts at"
        )
    is_joinable = architecture == "dense_head" or not variant.get("end_to_end")
    _require(is_joinable, "end_to_end", True, "false, except for a dense_head")


def _require(holds: Any, knob: str, value: Any, expected: str) -> None:
    if not holds:
        raise InputError(f"{knob} is {value!r}, expected {expected}")


def _unstartable(parameters: Mapping[str, Any], resolved: Mapping[str, dict[str, Any]]) -> list[str]:
    """Returns a line for every fine-tune whose start is no end-to-end head."""
    heads = [str(name) for name in parameters.get("heads") or {}]
    return [
        f"fine_tunes: variant {name!r}: starts_from is {start!r}, expected a head with end_to_end: true."
        f"{did_you_mean(start, heads)}"
        for name in parameters.get("fine_tunes") or {}
        if name in resolved
        for start in [resolved[name]["starts_from"]]
        if start not in heads or (start in resolved and not resolved[start].get("end_to_end"))
    ]

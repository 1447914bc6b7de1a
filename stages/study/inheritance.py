"""Variants, heads and fine-tunes with all their knobs: what they set, what they inherit, what is left out."""

import functools
from collections.abc import Mapping
from typing import Any

from stages.runtime import modules
from stages.runtime.modules import REQUIRED
from stages.study import knobs as known

constant = functools.cache(modules.constant)
# Section of params.yaml -> knob -> neutral value; None if it has none.
KNOBS = {
    group: {knob: field.default for knob, field in model.model_fields.items()}
    for group, model in known.SECTIONS.items()
}
# A knob that names a module -> the room, and what each module there takes of a variant's knobs. The trainer
# is first, as it decides whether there is a loss at all.
CHOICES = {
    "trainer": ("trainers", known.TRAINERS),
    "loss": ("losses", known.LOSSES),
    "schedule": ("schedules", known.SCHEDULES),
    "network": ("networks", known.NETWORKS),
}


def chain(name: str, section: Mapping[str, Any]) -> list[str]:
    """Returns a variant and those it extends, nearest first; a circle ends with its second visit."""
    links = [name]
    while (parent := section[links[-1]].get("extends")) in section:
        links.append(parent)
        if parent in links[:-1]:
            break
    return links


def inherited(name: str, group: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns all knobs of a variant, whether its trainer or network takes them or not.

    What it sets itself wins over what it extends, that over `defaults`, and these over neutral values.
    """
    section = content[group]
    layers = [section[link] for link in reversed(chain(name, section))]
    knobs = {knob: value for knob, value in KNOBS[group].items() if value is not None}
    for layer in (content["defaults"], *layers):
        knobs |= {knob: layer[knob] for knob in KNOBS[group] if knob in layer}
    return knobs


def foreign(group: str, knobs: Mapping[str, Any]) -> dict[str, str]:
    """Returns the knobs of a section that do not concern a variant -> the choice that leaves them out.

    Args:
        group: variants, heads or fine_tunes.
        knobs: what the variant sets and inherits.
    """
    found: dict[str, str] = {}
    for choice, (_, offered) in CHOICES.items():
        decides = found.get(choice, choice)  # a trainer without a loss also leaves out the loss's knobs
        taken = words(choice, knobs) if decides == choice else {}
        all_words = {knob for each in offered.values() for knob in each}
        for knob in all_words & KNOBS[group].keys() - taken.keys():
            found.setdefault(knob, decides)
    if has_one_optimum(knobs):
        found["seeds"] = "trainer"
    return found


def has_one_optimum(knobs: Mapping[str, Any]) -> bool:
    """Returns whether a variant's trainer finds the same weights for every seed."""
    return bool(constant("trainers", knobs["trainer"], "ONE_OPTIMUM"))


def needed(knobs: Mapping[str, Any], group: str) -> list[str]:
    """Returns the knobs without a neutral value that a variant must have, by what it has already."""
    left_out = foreign(group, knobs)
    defaults = {knob: default for choice in CHOICES for knob, default in words(choice, knobs).items()}
    every = dict.fromkeys(defaults) | KNOBS[group]  # a new module may take an argument that is not a knob yet
    return [
        knob
        for knob, neutral in every.items()
        if neutral is None and knob not in left_out and defaults.get(knob, REQUIRED) is REQUIRED
    ]


def changes(
    name: str, group: str, parent: str | None, content: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """Returns knob -> (value of the parent, value here), where they differ; None if one has no such knob.

    The number of seeds does not count as a difference.

    Args:
        name: of the variant.
        group: variants, heads or fine_tunes.
        parent: what it extends or starts from; None compares with neutral values.
        content: params.yaml without mistakes.
    """
    here, before = _taken(name, group, content), KNOBS[group]
    if parent is not None:
        before = _taken(parent, group if parent in content[group] else "heads", content)
    neutral = KNOBS[group]
    pairs = {knob: (before.get(knob), here.get(knob)) for knob in neutral if knob in here or knob in before}
    return {
        knob: (old, new)
        for knob, (old, new) in pairs.items()
        if old != new and knob != "seeds" and {repr(old), repr(new)} != {"None", repr(neutral[knob])}
    }


def resolved(name: str, group: str, content: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Returns what a training reads of a variant, and the modules that its knobs name.

    Knobs at their neutral value, and those that its trainer, loss or network does not take, are left out.

    Args:
        name: of the variant.
        group: variants, heads or fine_tunes.
        content: params.yaml without mistakes.
    """
    knobs = _taken(name, group, content)
    active = {knob: value for knob, value in knobs.items() if value != KNOBS[group][knob]}
    augmentation = sorted(active.keys() & known.AUGMENTATIONS.keys(), key=_order)
    of_network = words("network", knobs)
    others = {"network", *augmentation, *of_network}
    result = {"name": name} | {knob: value for knob, value in active.items() if knob not in others}
    if augmentation:
        result["augmentation"] = [[knob, active[knob]] for knob in augmentation]
    uses = [f"stages.{room}.{knobs[choice]}" for choice, (room, _) in CHOICES.items() if choice in knobs]
    uses += [f"stages.augmentation.{knob}" for knob in augmentation]
    uses += [f"stages.feature_steps.{step}" for step in knobs.get("feature_steps", ())]
    if network := knobs.get("network"):
        values = of_network | knobs
        taken = {knob: values[knob] for knob, default in of_network.items() if values[knob] != default}
        result["network"] = {network: taken}
        uses += _found_in(network, values)
    return result, tuple(uses)


def seeds(name: str, group: str, content: Mapping[str, Any]) -> range:
    """Returns the seeds of a variant's trainings."""
    knobs = _taken(name, group, content)
    first = knobs.get("seed", 0)
    return range(first, first + knobs.get("seeds", 1))


def _taken(name: str, group: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the knobs that a variant takes, including those at their neutral value."""
    knobs = inherited(name, group, content)
    left_out = foreign(group, knobs)
    return {knob: value for knob, value in knobs.items() if knob not in left_out}


def words(choice: str, knobs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the knobs that the module named by a choice takes -> default; REQUIRED if there is none."""
    return CHOICES[choice][1].get(knobs.get(choice), {})


def _found_in(network: str, values: Mapping[str, Any]) -> list[str]:
    """Returns the modules that a network finds by its own knobs; a value without a file names none."""
    rooms: Any = constant("networks", network, "FOUND_IN") or {}
    names = [(room, values[knob]) for knob, room in rooms.items()]
    files = {name: modules.ROOT / "stages" / name[0] / f"{name[1]}.py" for name in names}
    return [f"stages.{room}.{name}" for (room, name), file in files.items() if file.is_file()]


def _order(augmentation: str) -> tuple[Any, str]:
    return constant("augmentation", augmentation, "ORDER"), augmentation

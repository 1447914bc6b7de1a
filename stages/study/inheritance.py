"""Variants, heads and fine-tunes with all their knobs: what they set, what they inherit, what is left out."""

from collections.abc import Mapping
from typing import Any

from stages.runtime.modules import REQUIRED
from stages.study import schema

MODELS = {"variants": schema.VariantKnobs, "heads": schema.HeadKnobs, "fine_tunes": schema.FineTuneKnobs}
# Section of params.yaml -> knob -> neutral value; None where it has none.
KNOBS = {
    group: {knob: field.default for knob, field in model.model_fields.items()}
    for group, model in MODELS.items()
}
NETWORK_KNOBS = frozenset(schema.NetworkKnobs.model_fields)
GIVEN = ("n_classes", "seed", "statistics", "name")  # arguments of a network that are not its knobs
FIRST = ("flip", "zoom", "crop", "cutout")  # the order of augmentations; others follow by name


def chain(name: str, section: Mapping[str, Any]) -> list[str]:
    """Returns a variant and those it extends, nearest first; a circle ends with its second visit."""
    links = [name]
    while isinstance(parent := section[links[-1]].get("extends"), str) and parent in section:
        links.append(parent)
        if parent in links[:-1]:
            break
    return links


def inherited(name: str, group: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns all knobs of a variant, whether its network takes them or not.

    What it sets itself wins over what it extends, that over `defaults`, and these over neutral values.
    """
    section = content[group]
    layers = [section[link] for link in reversed(chain(name, section))]
    knobs = {knob: value for knob, value in KNOBS[group].items() if value is not None}
    for layer in (content["defaults"], *layers):
        knobs |= {knob: layer[knob] for knob in KNOBS[group] if knob in layer}
    return knobs


def arguments(network: str) -> dict[str, Any]:
    """Returns the knobs that a network takes, with their neutral values; REQUIRED where there is none."""
    words = schema.NETWORKS[network]
    return {word: default for word, default in words.items() if word not in GIVEN}


def needed(knobs: Mapping[str, Any], group: str) -> list[str]:
    """Returns the knobs without a neutral value that a variant must have, by what it has already."""
    always = [knob for knob, value in KNOBS[group].items() if value is None and knob not in NETWORK_KNOBS]
    if "network" not in KNOBS[group]:
        return always
    taken = arguments(knobs["network"]) if "network" in knobs else {}
    return [*always, "network", *(knob for knob, default in taken.items() if default is REQUIRED)]


def changes(
    name: str, group: str, parent: str | None, content: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """Returns knob -> (value of the parent, value here), where they differ; None where one has no such knob.

    Args:
        name: of the variant.
        group: variants, heads or fine_tunes.
        parent: what it extends or starts from; None compares with neutral values.
        content: params.yaml without mistakes.
    """
    here, before = _taken(name, group, content), KNOBS[group]
    if parent is not None:
        before = _taken(parent, group if parent in content[group] else "heads", content)
    pairs = {
        knob: (before.get(knob), here.get(knob)) for knob in KNOBS[group] if knob in here or knob in before
    }
    neutral = KNOBS[group]
    return {
        knob: (old, new)
        for knob, (old, new) in pairs.items()
        if old != new and {repr(old), repr(new)} != {"None", repr(neutral[knob])}
    }


def _taken(name: str, group: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns all knobs of a variant, neutral ones included, but those that its network does not take."""
    knobs = inherited(name, group, content)
    words = arguments(knobs["network"]) if "network" in knobs else {}
    return {knob: value for knob, value in knobs.items() if knob not in NETWORK_KNOBS - {"network", *words}}


def resolved(name: str, group: str, content: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Returns what a training reads of a variant, and the modules that its knobs name.

    Left out are knobs at their neutral value and those that the network does not take.

    Args:
        name: of the variant.
        group: variants, heads or fine_tunes.
        content: params.yaml without mistakes.
    """
    knobs, neutral = inherited(name, group, content), KNOBS[group]
    active = {knob: value for knob, value in knobs.items() if value != neutral[knob]}
    others = {*NETWORK_KNOBS, *schema.AUGMENTATIONS}
    result = {"name": name} | {knob: value for knob, value in active.items() if knob not in others}
    augmentation = sorted(active.keys() & schema.AUGMENTATIONS.keys(), key=_order)
    uses = [f"stages.augmentation.{knob}" for knob in augmentation]
    if augmentation:
        result["augmentation"] = [[knob, active[knob]] for knob in augmentation]
    if "network" in knobs:
        network = knobs["network"]
        words = arguments(network).items()
        taken = {word: knobs[word] for word, default in words if word in knobs and knobs[word] != default}
        result["network"] = {network: taken}
        uses.append(f"stages.networks.{network}")
    return result, tuple(uses)


def _order(knob: str) -> tuple[int, str]:
    return (FIRST.index(knob) if knob in FIRST else len(FIRST), knob)

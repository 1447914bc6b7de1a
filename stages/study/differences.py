"""Both values of each knob that differs, in one line: "epochs: 60 -> 8"."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from stages.runtime.errors import printable
from stages.study.schema import Defaults

NEUTRAL = {knob: field.default for knob, field in Defaults.model_fields.items() if field.default is not None}
UNSET = object()
LONGEST = 80  # characters of a value


def lines(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Returns a line for each difference between two items, by their names in params.yaml and report.yaml.

    Args:
        old: knobs of a resolved item, without those at their neutral value.
        new: likewise.
    """
    return list(_lines(_by_name(old), _by_name(new), "")) or ["order changed"] * (old != new)


def line(knob: str, old: Any, new: Any) -> str:
    """Returns the line of one knob; for optimizers of the same class, only what differs."""
    if knob.rpartition(".")[2] == "optimizer" and isinstance(old, dict) and isinstance(new, dict):
        same_class = old.get("class_name") == new.get("class_name")
        if same_class:
            return ", ".join(_lines(old.get("config", {}), new.get("config", {}), f"{knob}."))
    before, here = shown(old), shown(new)
    return f"{knob} changed" if before == here else f"{knob}: {before} -> {here}"


def shown(value: Any) -> str:
    """Returns a value as params.yaml would have it, shortened if it is long."""
    if value is UNSET or value is None:
        return "not set"
    if isinstance(value, dict) and value.keys() == {"class_name", "config"}:
        config = ", ".join(f"{name}={shown(setting)}" for name, setting in value["config"].items())
        return f"{value['class_name']}({config})"
    text = printable(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _lines(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key in dict.fromkeys([*old, *new]):
        neutral = UNSET if prefix else NEUTRAL.get(key, UNSET)
        before, here = old.get(key, neutral), new.get(key, neutral)
        if before == here:
            continue
        if isinstance(before, dict) and isinstance(here, dict) and key != "optimizer":
            yield from _lines(before, here, f"{prefix}{key}.")
        else:
            yield line(f"{prefix}{key}", before, here)


def _by_name(knobs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the knobs of a resolved item one by one, see `inheritance.resolved`."""
    if "variants" in knobs:
        return _as_written(knobs)
    flat = dict(knobs)
    if isinstance(flat.get("augmentation"), list):
        flat |= dict(flat.pop("augmentation"))
    if isinstance(flat.get("network"), dict):
        ((flat["network"], taken),) = flat["network"].items()
        flat |= taken
    return flat


def _as_written(contents: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what `compare` and `report` read of a study, arranged as its files have it; see `items`."""
    kept = {key: contents[key] for key in ("comparisons", "source", "stand_ins") if key in contents}
    written: dict[str, Any] = {**contents.get("report", {}), **kept}
    ladders = {str(one.get("name", one.get("title"))): dict(one) for one in contents.get("ladders", ())}
    sections = {number: dict(section) for number, section in contents.get("sections", {}).items()}
    for claim in contents.get("claims", ()):
        chapters, name = (sections, claim["section"]) if "section" in claim else (ladders, claim["ladder"])
        chapters.setdefault(name, {}).setdefault("claims", []).append(claim)
    for name, group in contents.get("groups", {}).items():
        knobs = contents.get("changes", {}).get(name, {}).get("knobs", {})
        parent = {
            "starts_from" if group == "fine_tunes" else "extends": contents.get("extends", {}).get(name)
        }
        written.setdefault(group, {})[name] = parent | {knob: here for knob, (_, here) in knobs.items()}
    return written | {"sections": sections, "ladders": ladders}

"""What params.yaml comes to, checked: every item of every stage with the knobs that concern it."""

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stages.runtime import code, resolved
from stages.study import inheritance, reading, rules, schema
from stages.study.checking import check

TRAINERS = {"variants": "train", "heads": "train_head", "fine_tunes": "fine_tune"}


class Item(NamedTuple):
    """What one resolved file says: `uses` are the modules that the knobs name."""

    stage: str
    name: str
    knobs: dict[str, Any]
    uses: tuple[str, ...] = ()


def load(path: Path) -> dict[str, Any]:
    """Returns what params.yaml sets, checked.

    Raises:
        InputError: all mistakes, one line each.
    """
    document = reading.load(path)
    content, mistakes = checked(document.content)
    document.refuse(mistakes)
    return content


def checked(content: Mapping[str, Any]) -> tuple[dict[str, Any], list[reading.Mistake]]:
    """Returns what a study sets, with whole numbers as floats where floats are expected, and its mistakes."""
    content, mistakes = check(schema.Study, content)
    return content, [*mistakes, *rules.mistakes(content, mistakes)]


def items(content: Mapping[str, Any]) -> Iterator[Item]:
    """Yields every item of every stage.

    Args:
        content: params.yaml without mistakes.
    """
    for name, files in content["sources"].items():
        yield Item("download", name, {"mirror": content.get("mirror", ""), "files": files})
    for name, entry in content["datasets"].items():
        yield Item("prepare", name, *_read("datasets", schema.DATASET_FORMATS, entry))
    for name, entry in content["backbones"].items():
        yield Item("build_backbone", name, *_read("backbones", schema.BACKBONE_FORMATS, entry))
    for name, entry in content["features"].items():
        yield Item("cache_features", name, {knob: entry[knob] for knob in ("threads", "batch_size")})
        yield Item("label_features", name, {})
    for group, stage in TRAINERS.items():
        for name in content[group]:
            yield Item(stage, name, *inheritance.resolved(name, group, content))
            yield Item("evaluate", name, {"name": name})
    yield Item("compare", "study", _table_of_contents(content))
    yield Item("report", "study", _table_of_contents(content) | _details(content))


def files(content: Mapping[str, Any]) -> dict[Path, str]:
    """Returns what `resolve` writes: <stage>/<item>.json -> its text.

    Args:
        content: params.yaml without mistakes.
    """
    hashes = functools.cache(code.hashes)
    return {
        Path(item.stage, f"{item.name}.json"): resolved.text(item.stage, item.knobs, item.uses, hashes)
        for item in items(content)
    }


def parent(entry: Mapping[str, Any]) -> str | None:
    """Returns the variant that one extends or starts from, if any."""
    return entry.get("extends", entry.get("starts_from"))


def _read(room: str, formats: schema.Offered, entry: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str]]:
    """Returns the knobs of an entry that are not neutral, and the module of its format."""
    neutral = formats[entry["format"]]
    knobs = {knob: value for knob, value in entry.items() if knob not in neutral or value != neutral[knob]}
    return knobs, (f"stages.{room}.{entry['format']}",)


def _details(content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what `report` reads beyond that."""
    entries = [(name, entry["data"]) for group in TRAINERS for name, entry in content[group].items()]
    features = {name: entry["dataset"] for name, entry in content["features"].items()}
    return {
        "changes": _changes(content),
        "images": {name: features.get(data, data) for name, data in entries},
        "order": list(content.get("comparisons", {})),  # which sorted keys would lose
    }


def _changes(content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the parent of each variant, None where it has none, and the knobs in which it differs."""
    changes = {}
    for group in TRAINERS:
        for name, entry in content[group].items():
            knobs = inheritance.changes(name, group, parent(entry), content)
            changes[name] = {
                "parent": parent(entry),
                "knobs": {knob: list(pair) for knob, pair in knobs.items()},
            }
    return changes


def _table_of_contents(content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what `compare` and `report` read: variants, what the report says, and which share a figure."""
    entries = {name: entry for group in TRAINERS for name, entry in content[group].items()}
    return {
        "variants": list(entries),
        "groups": {name: group for group in TRAINERS for name in content[group]},
        "extends": {name: entry["extends"] for name, entry in entries.items() if "extends" in entry},
        "report": content.get("report", {"datasets": {}, "results": {}}),
        "comparisons": content.get("comparisons", {}),
    }

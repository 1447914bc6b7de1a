"""What a study comes to, checked: every item of every stage with the knobs that concern it."""

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stages.runtime import code, resolved
from stages.study import inheritance, knobs, reading, reported, rules, schema
from stages.study.checking import check

WORDS = ("title", "question", "answer")  # of a section of the page
TRAINERS = {"variants": "train", "heads": "train_head", "fine_tunes": "fine_tune"}
FEATURES = {  # neutral values
    name: field.default for name, field in schema.Features.model_fields.items() if not field.is_required()
}


class Item(NamedTuple):
    """What one resolved file says: `uses` are the modules that the knobs name."""

    stage: str
    name: str
    knobs: dict[str, Any]
    uses: tuple[str, ...] = ()


def load(params: Path, report: Path | None = None) -> dict[str, Any]:
    """Returns what params.yaml sets, with what report.yaml sets as its section `report`, checked.

    Args:
        params: params.yaml.
        report: report.yaml; by default the one in the same folder.

    Raises:
        InputError: the mistakes of one of the files, one line each: those of single values, or once these are
            right, those of what does not fit together.
    """
    documents = (
        reading.load(params),
        reading.load(report or params.with_name("report.yaml"), "; {} is a study without a report"),
    )
    content, *mistakes = checked(*(document.content for document in documents))
    for document, found in zip(documents, mistakes, strict=True):
        document.refuse(found)
    return content


def checked(
    params: Mapping[str, Any], report: Mapping[str, Any]
) -> tuple[dict[str, Any], list[reading.Mistake], list[reading.Mistake]]:
    """Returns what a study sets, with whole numbers as floats where floats are expected.

    Args:
        params: the content of params.yaml.
        report: that of report.yaml.

    Returns:
        All of it, that of report.yaml as the section `report`; the mistakes of each file.
    """
    content, found = check(schema.Study, params)
    told, wrong = check(reported.Report, report)
    if not found:
        found = rules.mistakes(content)
        wrong = wrong or list(reported.mistakes(told, content))
    return content | {"report": told}, found, wrong


def items(content: Mapping[str, Any]) -> Iterator[Item]:
    """Yields every item of every stage.

    Args:
        content: a study without mistakes.
    """
    for name, files in content["sources"].items():
        yield Item("download", name, {"mirror": content.get("mirror", ""), "files": files})
    for name, entry in content["datasets"].items():
        found, uses = _read("datasets", schema.DATASET_FORMATS, entry)
        yield Item("prepare", name, found | {"sizes": _sizes(name, content)}, uses)
    for name, entry in content["backbones"].items():
        yield Item("build_backbone", name, *_read("backbones", schema.BACKBONE_FORMATS, entry))
    for name, entry in content["features"].items():
        yield Item("cache_features", name, *_features(entry))
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
        content: a study without mistakes.
    """
    return {path: text() for path, text in texts(content).items()}


def texts(content: Mapping[str, Any]) -> dict[Path, Callable[[], str]]:
    """Returns a function for each of these texts: hashing all code takes seconds and not all are needed."""
    hashes = functools.cache(code.hashes)
    return {
        Path(item.stage, f"{item.name}.json"): functools.partial(
            resolved.text, item.stage, item.knobs, item.uses, hashes
        )
        for item in items(content)
    }


def parent(entry: Mapping[str, Any]) -> str | None:
    """Returns the variant that one extends or starts from, if any."""
    return entry.get("extends", entry.get("starts_from"))


def _read(room: str, formats: knobs.Offered, entry: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str]]:
    """Returns the knobs of an entry that are not neutral, and the module of its format."""
    neutral = formats[entry["format"]]
    found = {knob: value for knob, value in entry.items() if knob not in neutral or value != neutral[knob]}
    return found, (f"stages.{room}.{entry['format']}",)


def _sizes(dataset: str, content: Mapping[str, Any]) -> list[int]:
    """Returns the sizes at which features see the images of a dataset."""
    entries = content["features"].values()
    return sorted({entry["image_size"] for entry in entries if entry["dataset"] == dataset})


def _features(entry: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Returns the knobs of features that are not neutral, and the modules that pool.

    Dataset, backbone and image size are the files that the stage reads.
    """
    found = {knob: entry[knob] for knob in ("threads", "batch_size")}
    found |= {knob: entry[knob] for knob in FEATURES if entry.get(knob, FEATURES[knob]) != FEATURES[knob]}
    ways = entry.get("pooling", FEATURES["pooling"])
    names = {way if isinstance(way, str) else next(iter(way)) for way in ways}
    return found, tuple(f"stages.pooling.{name}" for name in sorted(names))


def _table_of_contents(content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what `compare` and `report` read: variants, what the report says, and which share a figure."""
    entries = {name: entry for group in TRAINERS for name, entry in content[group].items()}
    told = content["report"]
    figures = told.get("comparisons", {}).items()
    ladders = told.get("ladders", {}).values()
    return {
        "variants": list(entries),
        "groups": {name: group for group in TRAINERS for name in content[group]},
        "extends": {name: parent(entry) for name, entry in entries.items() if parent(entry)},
        "one_optimum": [
            name
            for group in TRAINERS
            for name in content[group]
            if inheritance.has_one_optimum(inheritance.inherited(name, group, content))
        ],
        "report": {key: told.get(key, {}) for key in ("datasets", "results")},
        "comparisons": {
            name: {key: value for key, value in figure.items() if key != "title"} for name, figure in figures
        },
        "ladders": [  # what the picture says, in English
            {
                "title": ladder["title"]["en"],
                "steps": [
                    {"variant": step["variant"], "idea": step["idea"]["en"]} for step in ladder["steps"]
                ],
            }
            for ladder in ladders
        ],
        "claims": [
            {kind: name, **claim}
            for kind in ("section", "ladder")
            for name, chapter in told.get(f"{kind}s", {}).items()
            for claim in chapter.get("claims", [])
        ],
    }


def _details(content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what `report` reads beyond that."""
    entries = [(name, entry["data"]) for group in TRAINERS for name, entry in content[group].items()]
    features = {name: entry["dataset"] for name, entry in content["features"].items()}
    told = content["report"]
    sections = told.get("sections", {}).items()
    return {
        "changes": _changes(content),
        "comparisons": told.get("comparisons", {}),
        "images": {name: features.get(data, data) for name, data in entries},
        "source": told.get("source"),
        "stand_ins": told.get("stand_ins", {}),
        "ladders": [
            {"name": name, **{key: ladder[key] for key in (*WORDS, "steps")}}
            for name, ladder in told.get("ladders", {}).items()
        ],
        "order": list(told.get("comparisons", {})),  # which sorted keys would lose
        "sections": {number: {key: section[key] for key in WORDS} for number, section in sections},
    }


def _changes(content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the parent of each variant, None if it has none, and the knobs and data that differ."""
    changes = {}
    for group in TRAINERS:
        for name, entry in content[group].items():
            differing = inheritance.changes(name, group, parent(entry), content)
            pairs = {knob: list(pair) for knob, pair in differing.items()}
            before = content[group].get(parent(entry), entry)["data"]
            pairs |= {"data": [before, entry["data"]]} if before != entry["data"] else {}
            changes[name] = {"parent": parent(entry), "knobs": pairs}
    return changes

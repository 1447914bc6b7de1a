"""Rules between entries of params.yaml, beyond what each value may be by itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from stages.runtime.modules import REQUIRED
from stages.study import conflicts, inheritance, schema
from stages.study.reading import Mistake, did_you_mean, shown

GROUPS = tuple(inheritance.KNOBS)
SPACES = (("sources",), ("datasets", "backbones", "features"), GROUPS)
RESERVED = ("archives", "resolved", "images", "features", "backbones", "provenance", "splits")  # in data/
REFERENCES = (  # section, key, the section that has the name
    ("features", "dataset", "datasets"),
    ("features", "backbone", "backbones"),
    ("variants", "data", "datasets"),
    ("heads", "data", "features"),
    ("fine_tunes", "data", "datasets"),
    ("fine_tunes", "starts_from", "heads"),
    *((group, "extends", group) for group in GROUPS),
)
FORMATS = (
    ("datasets", schema.Dataset, schema.DATASET_FORMATS),
    ("backbones", schema.Backbone, schema.BACKBONE_FORMATS),
)


def mistakes(study: Mapping[str, Any]) -> list[Mistake]:
    """Returns what breaks a rule: of names and references first, of knobs once all of these are right.

    Args:
        study: params.yaml, each value as the schema expects it.
    """
    found = [mistake for space in SPACES for mistake in names(study, space)]
    found += [*_references(study), *_formats(study)]
    for name, entry in study["features"].items():
        found += [Mistake(("features", name, *place), problem) for place, problem in _features(entry)]
    return found or list(conflicts.mistakes(study))


def names(study: Mapping[str, Any], space: tuple[str, ...]) -> Iterator[Mistake]:
    """Checks that no name occurs twice in some sections, and that none is that of a folder."""
    taken: dict[str, tuple[str, str]] = {}
    for place in ((section, name) for section in space for name in study[section]):
        other = taken.setdefault(place[1].lower(), place)
        if other != place:
            same = "" if other[1] == place[1] else "; file systems may not tell capitals from small letters"
            yield Mistake(place, f"is taken by {'.'.join(other)}{same}")
        if space[0] == "datasets" and place[1].lower() in RESERVED:
            yield Mistake(place, "is the name of a folder of data/; choose another")


def _references(study: Mapping[str, Any]) -> Iterator[Mistake]:
    """Checks that what an entry names exists."""
    for section, key, target in REFERENCES:
        for name, entry in study[section].items():
            others = [other for other in study[target] if (section, name) != (target, other)]
            if key in entry and entry[key] not in study[target]:
                hint = did_you_mean(entry[key], others)
                problem = f"is {entry[key]!r}, expected a name under {target}.{hint}"
                yield Mistake((section, name, key), problem)
    for section in ("datasets", "backbones"):
        for name, entry in study[section].items():
            yield from _source((section, name, "from"), entry["from"], study["sources"])
    for group in GROUPS:
        yield from _circles(group, study[group])


def _source(place: tuple[str, ...], path: str, sources: Mapping[str, Any]) -> Iterator[Mistake]:
    """Checks that a path into data/ is that of a source."""
    if path.partition("/")[0] != "data":
        return
    name = path.removeprefix("data/archives/")
    if name not in sources:
        problem = (
            f"is {path!r}, expected data/archives/ and a name under sources.{did_you_mean(name, sources)}"
        )
        yield Mistake(place, problem)


def _circles(group: str, section: Mapping[str, Any]) -> Iterator[Mistake]:
    """Checks that no variant extends itself indirectly; a circle is reported at its first member."""
    reported: set[str] = set()
    for name in section:
        *links, last = inheritance.chain(name, section)
        if last == name and links and name not in reported:
            reported |= set(links)
            yield Mistake((group, name, "extends"), f"leads back to itself: {' -> '.join([*links, last])}")


def _formats(study: Mapping[str, Any]) -> Iterator[Mistake]:
    """Checks that an entry sets the extra knobs that its format takes, and no other."""
    for section, model, formats in FORMATS:
        extra = {field.alias or key for key, field in model.model_fields.items() if not field.is_required()}
        for name, entry in study[section].items():
            words = formats[entry["format"]]
            for key in sorted(extra & entry.keys() - words.keys()):
                yield Mistake((section, name, key), f"is not a knob of format {entry['format']}; remove it")
            for key in sorted(extra - entry.keys()):
                if words.get(key) is REQUIRED:
                    yield Mistake((section, name), f"lacks {key}, which format {entry['format']} needs")


def _features(entry: Mapping[str, Any]) -> Iterator[conflicts.Conflict]:
    """Checks the knobs of features against each other."""
    layers, pooling, size = entry.get("layers", []), entry.get("pooling"), entry["image_size"]
    if len(layers) > 1 and entry.get("maps", True):
        yield ("layers",), f"is {shown(layers)}, expected one layer where maps are written; set maps: false"
    if pooling == [] and not entry.get("maps", True):
        yield ("pooling",), "is [], expected a way of pooling where maps is false, or nothing is written"
    shift = entry.get("views", {}).get("shift", 0)
    if shift >= size:
        yield ("views", "shift"), f"is {shift}, expected at most {size - 1} on images of {size} pixels"

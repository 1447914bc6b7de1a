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


def mistakes(content: Mapping[str, Any], found: list[Mistake]) -> Iterator[Mistake]:
    """Yields what breaks a rule.

    Args:
        content: params.yaml.
        found: mistakes of single values; rules that involve these entries are not checked.
    """
    study = plain(content)
    wrong = {mistake.place[:2] for mistake in found} | {mistake.place[:1] for mistake in found}
    for space in SPACES:
        yield from names(study, space)
    absent = {section for section in study if not isinstance(content.get(section), dict)}
    yield from _references(study, absent)
    yield from _formats(study, wrong)
    for name, entry in study["features"].items():
        if ("features", name) not in wrong:
            yield from (Mistake(("features", name, *place), problem) for place, problem in _features(entry))
    if ("defaults",) not in wrong and "defaults" not in absent:
        sound = {
            section: {name: entry for name, entry in entries.items() if (section, name) not in wrong}
            for section, entries in study.items()
        }
        yield from conflicts.mistakes(sound)


def plain(content: Mapping[str, Any]) -> dict[str, dict[Any, Any]]:
    """Returns the sections that are mappings, of entries that are mappings, named by a text."""
    sections = ("sources", "datasets", "backbones", "features", *GROUPS)
    study = {name: mapping(content.get(name)) for name in (*sections, "defaults")}
    for name in sections:
        study[name] = {key: mapping(entry) for key, entry in study[name].items() if isinstance(key, str)}
    return study


def mapping(value: Any) -> dict[Any, Any]:
    """Returns a mapping, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def names(study: Mapping[str, Any], space: tuple[str, ...]) -> Iterator[Mistake]:
    """Checks that no name occurs twice in some sections, and that none is that of a folder."""
    taken: dict[str, tuple[str, str]] = {}
    for place in ((section, name) for section in space for name in study[section]):
        other = taken.setdefault(str(place[1]).lower(), place)
        if other != place:
            same = "" if other[1] == place[1] else "; file systems may not tell capitals from small letters"
            yield Mistake(place, f"is taken by {'.'.join(map(str, other))}{same}")
        if space[0] == "datasets" and str(place[1]).lower() in RESERVED:
            yield Mistake(place, "is the name of a folder of data/; choose another")


def _references(study: Mapping[str, Any], absent: set[str]) -> Iterator[Mistake]:
    """Checks that what an entry names exists."""
    for section, key, target in REFERENCES:
        for name, entry in study[section].items() if target not in absent else ():
            others = [other for other in study[target] if (section, name) != (target, other)]
            if isinstance(entry.get(key), str) and entry[key] not in study[target]:
                hint = did_you_mean(entry[key], others)
                problem = f"is {entry[key]!r}, expected a name under {target}.{hint}"
                yield Mistake((section, name, key), problem)
    for section in ("datasets", "backbones"):
        for name, entry in study[section].items() if "sources" not in absent else ():
            yield from _source((section, name, "from"), entry.get("from"), study["sources"])
    for group in GROUPS:
        yield from _circles(group, study[group])


def _source(place: tuple[str, ...], path: Any, sources: Mapping[str, Any]) -> Iterator[Mistake]:
    """Checks that a path into data/ is that of a source."""
    if not isinstance(path, str) or path.partition("/")[0] != "data":
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


def _formats(study: Mapping[str, Any], wrong: set[tuple[Any, ...]]) -> Iterator[Mistake]:
    """Checks that an entry sets the extra knobs that its format takes, and no other."""
    for section, model, formats in FORMATS:
        extra = {field.alias or key for key, field in model.model_fields.items() if not field.is_required()}
        for name, entry in study[section].items():
            if (section, name) in wrong:
                continue
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

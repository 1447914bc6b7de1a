"""Rules between entries and between knobs of params.yaml, beyond what each value may be by itself."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from stages.runtime.modules import REQUIRED, constant
from stages.study import inheritance, schema
from stages.study.reading import Mistake, did_you_mean, shown

GROUPS = tuple(inheritance.KNOBS)
SPACES = (("sources",), ("datasets", "backbones", "features"), GROUPS, ("comparisons",))
RESERVED = ("archives", "resolved", "features", "backbones", "provenance", "splits")  # folders of data/
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
LEARNS_FROM = {"variants": ("images",), "heads": ("pooled", "maps")}
# Networks known here: how many filters share a pooling (base_net's 5x5 and deeper_net's two 3x3 convolutions
# take 4 pixels each, and the pooling half of the rest) or a stage.
FILTERS_PER_BLOCK = {"base_net": 1, "deeper_net": 2, "residual_net": 1}
SHRINKING = ("base_net", "deeper_net")

Conflict = tuple[tuple[str, ...], str]  # a place in a variant, what is wrong there


def mistakes(content: Mapping[str, Any], found: list[Mistake]) -> Iterator[Mistake]:
    """Yields what breaks a rule.

    Args:
        content: params.yaml.
        found: mistakes of single values; what these entries are part of is not checked again.
    """
    study = _plain(content)
    wrong = {mistake.place[:2] for mistake in found} | {mistake.place[:1] for mistake in found}
    yield from _names(study)
    absent = {section for section in study if not isinstance(content.get(section), dict)}
    yield from _references(study, absent)
    if not absent & {*GROUPS}:
        yield from _members(study)
    yield from _formats(study, wrong)
    if ("defaults",) not in wrong and "defaults" not in absent:
        yield from _knobs(study, wrong)


def _plain(content: Mapping[str, Any]) -> dict[str, dict[Any, Any]]:
    """Returns the sections that are mappings, of entries that are mappings."""
    sections = ("sources", "datasets", "backbones", "features", *GROUPS, "comparisons")
    study = {name: _mapping(content.get(name)) for name in (*sections, "defaults", "report")}
    return study | {name: {key: _mapping(entry) for key, entry in study[name].items()} for name in sections}


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _names(study: Mapping[str, Any]) -> Iterator[Mistake]:
    """Checks that no name is there twice, and that none is that of a folder."""
    for space in SPACES:
        taken: dict[str, tuple[str, str]] = {}
        for place in ((section, name) for section in space for name in study[section]):
            other = taken.setdefault(str(place[1]).lower(), place)
            if other != place:
                same = (
                    "" if other[1] == place[1] else "; file systems may not tell capitals from small letters"
                )
                yield Mistake(place, f"is taken by {'.'.join(map(str, other))}{same}")
            if space[0] == "datasets" and str(place[1]).lower() in RESERVED:
                yield Mistake(place, "is the name of a folder of data/; choose another")


def _references(study: Mapping[str, Any], absent: set[str]) -> Iterator[Mistake]:
    """Checks that what an entry names is there."""
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
    """Checks that no variant extends itself by a detour; a circle is reported at its first member."""
    reported: set[str] = set()
    for name in section:
        *links, last = inheritance.chain(name, section)
        if last == name and links and name not in reported:
            reported |= set(links)
            yield Mistake((group, name, "extends"), f"leads back to itself: {' -> '.join([*links, last])}")


def _members(study: Mapping[str, Any]) -> Iterator[Mistake]:
    """Checks that the report and the comparisons speak of variants that are there."""
    names = [name for group in GROUPS for name in study[group]]
    report = study["report"]
    for name, entry in _mapping(report.get("results")).items():
        if name not in names:
            yield Mistake(("report", "results", name), f"is not a variant.{did_you_mean(name, names)}")
        dataset, known = _mapping(entry).get("dataset"), _mapping(report.get("datasets"))
        if isinstance(dataset, str) and dataset not in known:
            problem = f"is {dataset!r}, expected a name under report.datasets.{did_you_mean(dataset, known)}"
            yield Mistake(("report", "results", name, "dataset"), problem)
    for name, entry in study["comparisons"].items():
        members = entry.get("variants")
        for number, member in enumerate(members if isinstance(members, list) else ()):
            place = ("comparisons", name, "variants", number)
            if isinstance(member, str) and member not in names:
                yield Mistake(place, f"is {member!r}, not a variant.{did_you_mean(member, names)}")
            elif member in members[:number]:
                yield Mistake(place, f"is {member!r}, which is in the list already")


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


def _knobs(study: Mapping[str, Any], wrong: set[tuple[Any, ...]]) -> Iterator[Mistake]:
    """Checks the knobs of each variant, as far as what it inherits is known."""
    lacking: dict[str, str] = {}
    for group in GROUPS:
        checked = functools.cache(functools.partial(_conflicts, group, study))
        for name, own in study[group].items():
            links = inheritance.chain(name, study[group])
            is_whole = study[group][links[-1]].get("extends") is None
            if not is_whole or any((group, link) in wrong for link in links):
                continue
            knobs = inheritance.inherited(name, group, study)
            missing = [knob for knob in inheritance.needed(knobs, group) if knob not in knobs]
            for knob in missing:
                lacking.setdefault(knob, f"{group}.{name}")
            if missing:
                continue
            yield from _unused(group, name, own, knobs)
            above = checked(links[1]) if len(links) > 1 else ()
            for place, problem in checked(name):
                if place[0] in own or (place, problem) not in above:
                    yield Mistake((group, name, *place), problem)
    for knob, name in lacking.items():
        is_known = any(knob in knobs for knobs in inheritance.KNOBS.values())
        where = "" if is_known else f"; add {knob} to NetworkKnobs in stages/study/schema.py first"
        yield Mistake(("defaults",), f"lacks {knob}, which {name} needs and does not set{where}")


def _unused(group: str, name: str, own: Mapping[str, Any], knobs: Mapping[str, Any]) -> Iterator[Mistake]:
    """Checks that a variant itself sets no knob that its network does not take."""
    taken = inheritance.arguments(knobs["network"]) if "network" in knobs else {}
    for knob in own:
        if knob in inheritance.NETWORK_KNOBS - {"network", *taken}:
            problem = f"is not a knob of {knobs['network']}, which takes {', '.join(taken)}; remove it"
            yield Mistake((group, name, knob), problem)


def _conflicts(group: str, study: Mapping[str, Any], name: str) -> tuple[Conflict, ...]:
    """Returns the knobs of a variant that do not fit each other or its data."""
    knobs, own = inheritance.inherited(name, group, study), study[group][name]
    if any(knob not in knobs for knob in inheritance.needed(knobs, group)):
        return ()
    found = list(_schedule(knobs))
    if group == "heads" or group == "variants":
        found += _network(group, knobs)
    if group == "fine_tunes":
        found += _start(own, study)
    if group != "heads" and own["data"] in study["datasets"]:
        found += _sizes(knobs, study["datasets"][own["data"]].get("image_size"))
    return tuple(found)


def _schedule(knobs: Mapping[str, Any]) -> Iterator[Conflict]:
    is_block = isinstance(knobs["optimizer"]["config"].get("learning_rate"), dict)
    if is_block and (knobs["schedule"] != "constant" or knobs["warmup"]):
        problem = "is a schedule of Keras, expected a number together with the knobs schedule and warmup"
        yield ("optimizer", "config", "learning_rate"), problem


def _network(group: str, knobs: Mapping[str, Any]) -> Iterator[Conflict]:
    network = knobs["network"]
    learns_from = _learns_from(network)
    if learns_from not in LEARNS_FROM[group]:
        fit = [name for name in schema.NETWORKS if _learns_from(name) in LEARNS_FROM[group]]
        yield ("network",), f"is {network!r}, expected one of {', '.join(fit)}"
        return
    if knobs.get("end_to_end") and learns_from != "pooled":
        yield ("end_to_end",), f"is True, expected false, as {network} does not learn from pooled features"
    filters = knobs.get("filters")
    per_block = FILTERS_PER_BLOCK.get(network)
    if network == "conv_head" and len(filters) != 1:
        yield ("filters",), f"is {shown(filters)}, expected one size"
    elif network == "residual_net" and not filters:
        yield ("filters",), "is [], expected at least one size"
    elif per_block and len(filters) % per_block:
        yield ("filters",), f"is {shown(filters)}, expected an even number of sizes, two a block"
    elif per_block or network == "conv_head":
        yield from _rates("block_dropout", knobs, len(filters) // (per_block or 1))
    if network in (*SHRINKING, "conv_head", "dense_head"):
        yield from _rates("dense_dropout", knobs, len(knobs["dense_units"]))


@functools.cache
def _learns_from(network: str) -> object:
    return constant("networks", network, "LEARNS_FROM")


def _rates(knob: str, knobs: Mapping[str, Any], number: int) -> Iterator[Conflict]:
    if len(knobs[knob]) not in (0, number):
        yield (
            (knob,),
            f"is {shown(knobs[knob])}, expected [] or {number} rates, one for each place it acts at",
        )


def _sizes(knobs: Mapping[str, Any], image_size: Any) -> Iterator[Conflict]:
    """Checks knobs that are limited by the size of the images."""
    if not isinstance(image_size, int):
        return
    for knob, limit in (("crop", image_size - 1), ("tta_shift", image_size - 1), ("cutout", image_size)):
        if knobs[knob] > limit:
            yield (knob,), f"is {knobs[knob]}, expected at most {limit} on images of {image_size} pixels"
    network = knobs.get("network")
    if network in SHRINKING:
        sizes = [image_size]
        while sizes[-1] >= 6:
            sizes.append((sizes[-1] - 4) // 2)
        most = (len(sizes) - 1) * FILTERS_PER_BLOCK[network]
        if len(knobs["filters"]) > most:
            shrinking = " -> ".join(map(str, sizes))
            problem = (
                f"expected at most {most} sizes on images of {image_size} pixels ({shrinking}, no room left)"
            )
            yield ("filters",), f"is {shown(knobs['filters'])}, {problem}"


def _start(own: Mapping[str, Any], study: Mapping[str, Any]) -> Iterator[Conflict]:
    """Checks that a fine-tune starts from a whole network, on the images that it learned from."""
    start = own["starts_from"]
    if start not in study["heads"]:
        return
    if not inheritance.inherited(start, "heads", study)["end_to_end"]:
        yield ("starts_from",), f"is {start!r}, expected a head with end_to_end: true"
    data = study["heads"][start].get("data")
    features = study["features"].get(data, {}) if isinstance(data, str) else {}
    if "dataset" in features and own["data"] != features["dataset"]:
        yield ("data",), f"is {own['data']!r}, expected {features['dataset']!r}, from which {start} learned"

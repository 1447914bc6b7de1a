"""What a mapping of a study may hold, as a pydantic model; mistakes in plain words, all at once."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from stages.study.reading import Mistake, did_you_mean, is_number, nearest, shown


class Section(BaseModel):
    """A mapping of known keys; values count as they are written, except that 1 may stand for 1.0."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class MistakesError(ValueError):
    """Raised by a validator: mistakes at places inside what it validates."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("; ".join(map(str, mistakes)))
        self.mistakes = mistakes


def check(
    model: type[BaseModel], content: Mapping[str, Any], place: tuple[Any, ...] = ()
) -> tuple[dict[str, Any], list[Mistake]]:
    """Checks a mapping against a model.

    Args:
        model: its keys and their types.
        content: as the file gives it.
        place: where it is written.

    Returns:
        What is set there, with floats for whole numbers where floats are expected, and no mistakes; or the
        content as it is, with all mistakes.
    """
    try:
        return model.model_validate(content).model_dump(by_alias=True, exclude_unset=True), []
    except ValidationError as error:
        return dict(content), list(_mistakes(error, model, place))


def _mistakes(error: ValidationError, model: type[BaseModel], place: tuple[Any, ...]) -> Iterator[Mistake]:
    """Yields one mistake for each error, in words made from the JSON Schema at its place."""
    root, errors = _json_schema(model), error.errors(include_url=False)
    unknown = {found["loc"] for found in errors if found["type"] in ("extra_forbidden", "invalid_key")}
    for found in errors:
        loc, value = found["loc"], found["input"]
        if loc and loc[-1] == "[key]":
            rule = _schema_at(root, loc[:-2])["propertyNames"]["patternErrorMessage"]
            yield Mistake((*place, *loc[:-1]), f"is an invalid name: use {rule}")
        elif found["type"] == "missing":
            siblings = [other[-1] for other in unknown if other[:-1] == loc[:-1]]
            if loc[-1] not in {nearest(name, _schema_at(root, loc[:-1])["properties"]) for name in siblings}:
                yield Mistake((*place, *loc[:-1]), f"lacks {loc[-1]}")
        elif loc in unknown:
            yield Mistake((*place, *loc), _unknown(loc[-1], _schema_at(root, loc[:-1])))
        elif isinstance(inside := found.get("ctx", {}).get("error"), MistakesError):
            yield from (Mistake((*place, *loc, *each.place), each.problem) for each in inside.mistakes)
        else:
            schema = _schema_at(root, loc)
            problem = f"is {shown(value)}, expected {_expected(schema)}{_remedy(value, schema)}"
            yield Mistake((*place, *loc), problem)


def _unknown(key: Any, schema: Mapping[str, Any]) -> str:
    """Says what an unknown key of a mapping may have meant, or where it belongs."""
    if key in schema.get("elsewhere", {}):
        return f"is a knob of {schema['elsewhere'][key]} only; remove it"
    hint = did_you_mean(key, schema["properties"]) or f" Known here: {', '.join(schema['properties'])}"
    return f"is unknown.{hint}"


@functools.cache
def _json_schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _schema_at(root: dict[str, Any], loc: tuple[Any, ...]) -> dict[str, Any]:
    """Returns the JSON Schema of a place."""
    schema = root
    for part in loc:
        inner = schema.get("properties", {}).get(part) or schema.get("items")
        inner = inner or next(iter(schema.get("patternProperties", {}).values()), None)
        schema = inner or schema.get("additionalProperties") or {}
        if "$ref" in schema:
            schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _expected(schema: Mapping[str, Any]) -> str:
    """Says in words what a JSON Schema accepts."""
    if "enum" in schema or "const" in schema:
        return f"one of {', '.join(schema.get('enum') or [schema['const']])}"
    if "patternErrorMessage" in schema:
        return schema["patternErrorMessage"]
    match schema.get("type"):
        case "integer":
            return f"a whole number{_range(schema)}"
        case "number":
            return f"a number{_range(schema)}"
        case "array":
            many = "a list of at least one" if schema.get("minItems") else "a list"
            return f"{many}, each item {_expected(schema['items'])}"
        case "object":
            return "a mapping; {} is an empty one"
        case "boolean":
            return "true or false"
        case "string":
            return "text" if not schema.get("minLength") else "text that is not empty"
    return "something else"


def _range(schema: Mapping[str, Any]) -> str:
    if schema["type"] == "integer" and "minimum" in schema:
        last = schema.get("maximum", schema.get("exclusiveMaximum", 0) - 1)
        return f" from {schema['minimum']} to {last}"
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    ends = [f"{word} {schema[key]:g}" for key, word in words.items() if key in schema]
    return f", {' and '.join(ends)}" if ends else ""


def _remedy(value: Any, schema: Mapping[str, Any]) -> str:
    """Returns what to write instead, if that is clear."""
    kind = schema.get("type")
    if "enum" in schema and isinstance(value, str):
        hint = did_you_mean(value, schema["enum"])
        return f".{hint}" if hint else ""
    if isinstance(value, str) and kind in ("integer", "number") and is_number(value):
        return "; write it without quotes"
    if type(value) in (int, float) and kind == "string" and "enum" not in schema:
        return "; write it in quotes"
    return ""

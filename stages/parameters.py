"""Reading of params.yaml: YAML 1.2 as DVC reads it; mistakes in it are told with their lines, all at once."""

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import StreamMark, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, DocumentStartEvent
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from stages.errors import InputError

MAX_BYTES = 1 << 20  # the study's own has 11,000, its dvc.lock 33,000
MAX_DEPTH = 30


@dataclass(frozen=True)
class Mistake:
    """What is wrong at a place: ("variants", "final", "epochs") "is -3, expected ..."."""

    place: tuple[Any, ...]
    problem: str

    def __str__(self) -> str:
        return f"{_path(self.place)} {self.problem}"


Check = Callable[[dict[str, Any]], Iterable[Mistake]]


def load(path: Path, *checks: Check) -> dict[str, Any]:
    """Reads params.yaml into plain dicts, lists and scalars; `1e-5` is a number.

    Args:
        path: the file.
        checks: each gives the mistakes in its sections.

    Raises:
        InputError: no such file, not YAML 1.2, a duplicate key, an alias, not a mapping at the top, or
            what the checks found, one line each with its place in the file.
    """
    text = _text(path)
    try:
        _require_plain(text)
        parameters = _yaml().load(text)
    except YAMLError as error:
        raise InputError(f"{path}{_line_of(error, text)}: {_reason(error)}") from None
    if not isinstance(parameters, dict):
        found = "nothing" if parameters is None else f"a {type(parameters).__name__}"
        raise InputError(f"{path} holds {found}, expected a mapping of sections such as `variants:`")
    refuse([mistake for check in checks for mistake in check(parameters)], path, text)
    return parameters


def refuse(mistakes: Iterable[Mistake], path: Path | None = None, text: str = "") -> None:
    """Raises one error of all mistakes, if there are some.

    Args:
        mistakes: of one file.
        path: the file; without it, the lines are left out.
        text: the file's content.

    Raises:
        InputError: a line for each mistake, in the order of the file.
    """
    found = list(dict.fromkeys(mistakes))
    if found and path:
        root = _yaml().compose(text)
        marks = {mistake: _mark(root, mistake.place) for mistake in found}
        found.sort(key=lambda mistake: marks[mistake].index)
        lines = [f"{path}, line {marks[mistake].line + 1}: {mistake}" for mistake in found]
        raise InputError("\n       ".join(lines))
    if found:
        raise InputError("\n       ".join(map(str, found)))


def did_you_mean(word: Any, known: Iterable[Any]) -> str:
    """Returns " Did you mean 'x'?", or nothing where no known word is near."""
    near = nearest(word, known)
    return f" Did you mean {near!r}?" if near else ""


def nearest(word: Any, known: Iterable[Any]) -> str | None:
    """Returns the known word that a misspelt one probably stands for."""
    words = [name for name in known if isinstance(name, str)]
    return next(iter(difflib.get_close_matches(str(word)[:100], words, n=1)), None)


def shown(value: Any) -> str:
    """Returns a value as one line of no great length."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


class _Constructor(SafeConstructor):
    """Python's own errors about a scalar get its line; values that cannot be written again are refused."""

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
            if isinstance(value, int) and value.bit_length() > 64:
                raise ValueError("a number of more than 64 bits")
            str(value if isinstance(value, str) else "").encode()
        except (ValueError, LookupError, TypeError) as error:
            raise ConstructorError(problem=str(error), problem_mark=node.start_mark) from None
        return value


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    return yaml


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"no {path}; run the command in the folder that holds params.yaml") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, expected a file; move it away") from None
    if len(content) > MAX_BYTES:
        raise InputError(f"{path} has more than {MAX_BYTES:,} bytes; that is no params.yaml")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line}: not UTF-8 ({error.reason}); save it as UTF-8") from None


def _require_plain(text: str) -> None:
    """Checks that nothing multiplies what is written (aliases), runs deep, or changes YAML's version."""
    depth = 0
    for event in _yaml().parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        problem = None
        if isinstance(event, AliasEvent):
            problem = "aliases such as *x are not taken; write it out, or use `extends`"
        elif isinstance(event, DocumentStartEvent) and event.version:
            problem = "a %YAML line is not taken; params.yaml is YAML 1.2"
        elif depth > MAX_DEPTH:
            problem = f"nested more than {MAX_DEPTH} deep"
        if problem:
            raise ConstructorError(problem=problem, problem_mark=event.start_mark)


def _line_of(error: YAMLError, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f", line {mark.line + 1}"
    position = getattr(error, "position", None)
    return "" if position is None else f", line {text.count(chr(10), 0, position) + 1}"


def _reason(error: YAMLError) -> str:
    reason = getattr(error, "problem", None) or str(error).splitlines()[0]
    return " ".join(reason.split())[:200]


def _mark(node: Node, place: tuple[Any, ...]) -> StreamMark:
    """Returns where a place, or what is nearest above it, starts in the file."""
    mark = node.start_mark
    for part in place:
        found = next(((key, value) for name, key, value in _children(node) if name == part), None)
        if found is None:
            break
        mark, node = found[0].start_mark, found[1]
    return mark


def _children(node: Node) -> Iterator[tuple[Any, Node, Node]]:
    """Yields name, place and content of a node's entries."""
    if isinstance(node, SequenceNode):
        for number, item in enumerate(node.value):
            yield number, item, item
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            yield _yaml().constructor.construct_object(key, deep=True), key, value


def _path(place: tuple[Any, ...]) -> str:
    """Writes a place as variants.final.filters[0]."""
    parts = [f"[{part}]" if type(part) is int else f".{_word(part)}" for part in place]
    return "".join(parts).removeprefix(".") or "the file"


def _word(part: Any) -> str:
    is_plain = isinstance(part, str) and part.isprintable() and 0 < len(part) <= 64 and " " not in part
    return part if is_plain else shown(part)

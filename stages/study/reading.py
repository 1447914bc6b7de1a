"""Reading of a study's files, YAML 1.2 as DVC reads it; all mistakes at once, with their lines."""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import StreamMark, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from stages.runtime.errors import InputError


@dataclass(frozen=True)
class Mistake:
    """What is wrong at a place: ("variants", "final", "epochs") "is -3, expected ..."."""

    place: tuple[Any, ...]
    problem: str

    def __str__(self) -> str:
        return f"{_path(self.place)} {self.problem}"


@dataclass(frozen=True)
class Document:
    """A file as plain dicts, lists and scalars, and where each of them is written."""

    path: Path
    content: dict[str, Any]
    root: Node

    def refuse(self, mistakes: Iterable[Mistake]) -> None:
        """Raises one error of all mistakes, if there are any.

        Raises:
            InputError: a line for each mistake, in the order of the file.
        """
        found = [(_mark(self.root, mistake.place), mistake) for mistake in dict.fromkeys(mistakes)]
        found.sort(key=lambda pair: pair[0].index)
        if found:
            lines = [f"{self.path}, line {mark.line + 1}: {mistake}" for mark, mistake in found]
            raise InputError("\n       ".join(lines))


def load(path: Path, remedy: str = "") -> Document:
    """Reads such a file; `1e-5` is a number.

    Args:
        path: the file.
        remedy: what else to do where there is none.

    Raises:
        InputError: no such file, not YAML 1.2, a duplicate key, an alias, or not a mapping at the top.
    """
    text = _text(path, remedy)
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Composer
    try:
        root = yaml.compose(text)
        content = None if root is None else yaml.constructor.construct_document(root)
    except YAMLError as error:
        raise InputError(f"{path}{_explained(error, text)}") from None
    except (ValueError, LookupError, TypeError) as error:  # of a value that looks like a date, say
        raise InputError(f"{path}: {str(error)[:200]}; write this value in quotes") from None
    if not isinstance(content, dict):
        found = "nothing" if content is None else f"a {type(content).__name__}"
        raise InputError(f"{path} holds {found}, expected a mapping of sections; {{}} is an empty one")
    return Document(path, content, root)


def did_you_mean(word: Any, known: Iterable[Any]) -> str:
    """Returns " Did you mean 'x'?", or nothing if no known word is close."""
    near = nearest(word, known)
    return f" Did you mean {near!r}?" if near else ""


def nearest(word: Any, known: Iterable[Any]) -> str | None:
    """Returns the known word that a misspelt one probably stands for."""
    words = [name for name in known if isinstance(name, str)]
    return next(iter(difflib.get_close_matches(str(word)[:100], words, n=1)), None)


def is_number(text: str) -> bool:
    """Returns whether a text would be a number, had it no quotes."""
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text.strip()) is not None


def shown(value: Any) -> str:
    """Returns a value as one short line."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


class _Composer(Composer):
    """Refuses aliases, as `dvc exp run -S` breaks a file that has them."""

    def compose_node(self, parent: Node | None, index: Any) -> Node:
        event = self.parser.peek_event()
        if isinstance(event, AliasEvent):
            problem = "aliases such as *x are not supported; write it out, or use `extends`"
            raise ComposerError(problem=problem, problem_mark=event.start_mark)
        return super().compose_node(parent, index)


def _text(path: Path, remedy: str) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"no {path}; run the command in the folder that holds {path.name}{remedy}") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, expected a file; move it elsewhere") from None
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line}: not UTF-8 ({error.reason}); save it as UTF-8") from None


def _explained(error: YAMLError, text: str) -> str:
    """Returns the line and the reason of a parser's error, as `, line 3: found duplicate key`."""
    mark, position = getattr(error, "problem_mark", None), getattr(error, "position", 0)
    line = mark.line if mark else text.count("\n", 0, position)
    reason = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f", line {line + 1}: {' '.join(reason.split())[:200]}"


def _mark(node: Node, place: tuple[Any, ...]) -> StreamMark:
    """Returns where a place, or what is nearest above it, starts in the file."""
    mark = node.start_mark
    for part in place:
        found = next(((key, value) for name, key, value in _children(node) if name == str(part)), None)
        if found is None:
            break
        mark, node = found[0].start_mark, found[1]
    return mark


def _children(node: Node) -> Iterator[tuple[str, Node, Node]]:
    """Yields name, place and content of a node's entries."""
    if isinstance(node, SequenceNode):
        for number, item in enumerate(node.value):
            yield str(number), item, item
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            yield str(key.value), key, value


def _path(place: tuple[Any, ...]) -> str:
    """Writes a place as variants.final.filters[0]."""
    parts = [f"[{part}]" if type(part) is int else f".{_word(part)}" for part in place]
    return "".join(parts).removeprefix(".") or "the file"


def _word(part: Any) -> str:
    is_plain = isinstance(part, str) and part.isprintable() and 0 < len(part) <= 64 and " " not in part
    return part if is_plain else shown(part)

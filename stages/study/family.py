"""Which variant extends or starts from which, and what each changes against its parent."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from stages.runtime.errors import InputError
from stages.study import differences, inheritance
from stages.study.items import TRAINERS, parent
from stages.study.reading import nearest


class Member(NamedTuple):
    """A variant, head or fine-tune.

    Attributes:
        name: as in params.yaml.
        group: its section there.
        data: what it learns from.
        seeds: number of its trainings.
        parent: what it extends or starts from; None for neither.
        changes: knob -> (value of the parent, value here), where they differ.
        reported: test accuracy in the report, in [0, 1]; None where it gives none.
    """

    name: str
    group: str
    data: str
    seeds: int
    parent: str | None
    changes: dict[str, tuple[Any, Any]]
    reported: float | None

    def described(self) -> str:
        """Returns what it changes in one line; of one without a parent, the values it has."""
        if self.parent is None:
            return ", ".join(f"{knob}: {differences.shown(here)}" for knob, (_, here) in self.changes.items())
        return ", ".join(differences.line(knob, *pair) for knob, pair in self.changes.items())


def members(content: Mapping[str, Any], names: Sequence[str] = ()) -> dict[str, Member]:
    """Returns variants by name with their ancestors, in the order of params.yaml.

    Args:
        content: a study without mistakes.
        names: of variants; none for all.

    Raises:
        InputError: there is no such variant.
    """
    results = content["report"].get("results", {})
    everyone = {}
    for group in TRAINERS:
        for name, entry in content[group].items():
            changes = inheritance.changes(name, group, parent(entry), content)
            reported = results.get(name, {}).get("accuracy")
            seeds = len(inheritance.seeds(name, group, content))
            everyone[name] = Member(name, group, entry["data"], seeds, parent(entry), changes, reported)
    wanted: set[str] = set()
    for name in names or everyone:
        if name not in everyone:
            near = nearest(name, everyone)
            hint = f"did you mean {near!r}?" if near else f"params.yaml has {', '.join(everyone)}"
            raise InputError(f"there is no variant {name!r}; {hint}")
        above: str | None = name
        while above is not None and above not in wanted:
            wanted.add(above)
            above = everyone[above].parent
    return {name: member for name, member in everyone.items() if name in wanted}


def walk(
    family: Mapping[str, Member], above: str | None = None, depth: int = 0
) -> Iterator[tuple[int, Member]]:
    """Yields (depth, member) of a family, each after its parent."""
    for member in family.values():
        if member.parent == above:
            yield depth, member
            yield from walk(family, member.name, depth + 1)

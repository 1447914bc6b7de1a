"""Shows the tree of variants: what each changes against its parent, and its test accuracy if it has run."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stages.runtime.errors import DAMAGE, InputError, run

if TYPE_CHECKING:
    from stages.study.family import Member

PARAMS, METRICS = Path("params.yaml"), Path("metrics")
EXAMPLE = """example:
  python -m stages.variants flip final

  basenet         0.408 ± 0.025, 10 seeds (report 0.419)    epochs: 30, batch_size: 32, ...
    normalised    0.431 ± 0.011, 10 seeds                   normalisation: none -> featurewise
      flip        0.466                                     flip: false -> true

Of several seeds it is the mean and their standard deviation. The report's number stands beside ours,
comparable or not: verdicts are in plots/summary.md.
"""


def main(argv: list[str] | None = None) -> None:
    """Shows variants, all by default, with those they extend or start from."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.variants",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="variants, heads or fine-tunes of params.yaml"
    )
    parser.add_argument("--json", action="store_true", help="print them as JSON")
    arguments = parser.parse_args(argv)

    from stages.study import family, items

    members = family.members(items.load(PARAMS), arguments.names)
    measured = {name: _measured(METRICS / f"{name}.json") for name in members}
    if arguments.json:
        entries = {name: member._asdict() | measured[name] for name, member in members.items()}
        print(json.dumps(entries, indent=2, ensure_ascii=False))
    else:
        _show(members, measured)


def _measured(path: Path) -> dict[str, float | None]:
    """Returns the accuracy on the test images, in [0, 1], and its deviation; None where there is none.

    Raises:
        InputError: the file is damaged.
    """
    try:
        test = json.loads(path.read_text(encoding="utf-8"))["test"]
        return {"accuracy": float(test["accuracy"]), "std": test.get("std")}
    except FileNotFoundError:
        return {"accuracy": None, "std": None}
    except DAMAGE as error:
        raise InputError(
            f"{path} is damaged ({type(error).__name__}), expected what evaluate writes;"
            " remove it, then run `dvc repro`"
        ) from None


def _show(members: "Mapping[str, Member]", measured: Mapping[str, Mapping[str, float | None]]) -> None:
    """Prints a tree on a terminal, aligned and indented lines elsewhere."""
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    from stages.study.family import walk

    results = {name: _result(member, **measured[name]) for name, member in members.items()}
    console = Console(highlight=False, emoji=False)
    if console.is_terminal:
        root = Tree("", hide_root=True)
        nodes = {None: root}
        for _, member in walk(members):
            style = "dim" if measured[member.name]["accuracy"] is None else "green"
            label = Text.assemble((member.name, "bold"), "  ", (results[member.name], style), "  ")
            nodes[member.name] = nodes[member.parent].add(label.append(member.described()))
        console.print(root)
        return
    rows = [("  " * depth + m.name, results[m.name], m.described()) for depth, m in walk(members)]
    name_width, result_width = (max(map(len, column)) for column in list(zip(*rows, strict=True))[:2])
    for name, result, changes in rows:
        print(f"{name:<{name_width}}  {result:<{result_width}}  {changes}".rstrip())


def _result(member: "Member", accuracy: float | None, std: float | None) -> str:
    here = "not run" if accuracy is None else f"{accuracy:.3f}"
    spread = "" if std is None else f" ± {std:.3f}, {member.seeds} seeds"
    return f"{here}{spread}" + ("" if member.reported is None else f" (report {member.reported:.3f})")


if __name__ == "__main__":
    run(main)

"""Shows the tree of variants: what each changes against its parent, and its test accuracy if it has run."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.runtime.errors import DAMAGE, InputError, run

PARAMS, METRICS = Path("params.yaml"), Path("metrics")
EXAMPLE = """example:
  python -m stages.variants flip final

  basenet         0.410 ± 0.020, 10 seeds (report 0.419)    epochs: 30, batch_size: 32, ...
    normalised    0.439 ± 0.021, 10 seeds                   normalisation: none -> featurewise
      flip        0.460 ± 0.011, 10 seeds                   flip: false -> true

With several seeds it is the mean and their standard deviation. The report's number is next to ours whether
or not they are comparable: verdicts are in plots/summary.md.
"""
Variants = Mapping[str, Mapping[str, Any]]  # name -> what --json prints of it


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

    from stages.study import items

    variants = _with_ancestors(_variants(items.load(PARAMS)), arguments.names)
    variants = {name: entry | _measured(METRICS / f"{name}.json") for name, entry in variants.items()}
    if arguments.json:
        print(json.dumps(variants, indent=2, ensure_ascii=False))
    else:
        _show(variants)


def _variants(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns all variants in the order of params.yaml: what each learns from, its parent and its changes."""
    from stages.study import inheritance
    from stages.study.items import TRAINERS, parent

    results = content["report"].get("results", {})
    return {
        name: {
            "name": name,
            "group": group,
            "data": entry["data"],
            "seeds": len(inheritance.seeds(name, group, content)),
            "parent": parent(entry),
            "changes": inheritance.changes(name, group, parent(entry), content),
            "reported": results.get(name, {}).get("accuracy"),
        }
        for group in TRAINERS
        for name, entry in content[group].items()
    }


def _with_ancestors(
    variants: Mapping[str, dict[str, Any]], names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Returns the named variants, or all, with those that they extend or start from.

    Raises:
        InputError: there is no such variant.
    """
    from stages.study.reading import nearest

    wanted = set()
    for name in names or variants:
        if name not in variants:
            near = nearest(name, variants)
            hint = f"did you mean {near!r}?" if near else f"params.yaml has {', '.join(variants)}"
            raise InputError(f"there is no variant {name!r}; {hint}")
        while name is not None and name not in wanted:
            wanted.add(name)
            name = variants[name]["parent"]
    return {name: entry for name, entry in variants.items() if name in wanted}


def _measured(path: Path) -> dict[str, Any]:
    """Returns the accuracy on the test images, in [0, 1], its deviation and of how many seeds they are.

    None stands for what there is not.

    Raises:
        InputError: the file is damaged.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        test = found["test"]
        return {"accuracy": float(test["accuracy"]), "std": test.get("std"), "trained": found["seeds"]}
    except FileNotFoundError:
        return {"accuracy": None, "std": None, "trained": 0}
    except DAMAGE as error:
        raise InputError(
            f"{path} is damaged ({type(error).__name__}), expected what evaluate writes;"
            " remove it, then run `dvc repro`"
        ) from None


def _show(variants: Variants) -> None:
    """Prints a tree on a terminal, aligned and indented lines elsewhere."""
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    console = Console(highlight=False, emoji=False)
    if console.is_terminal:
        nodes = {None: Tree("", hide_root=True)}
        for _, entry in _walk(variants):
            style = "dim" if entry["accuracy"] is None else "green"
            label = Text.assemble((entry["name"], "bold"), "  ", (_result(entry), style), "  ")
            nodes[entry["name"]] = nodes[entry["parent"]].add(label.append(_changes(entry)))
        console.print(nodes[None])
        return
    rows = [
        ("  " * depth + entry["name"], _result(entry), _changes(entry)) for depth, entry in _walk(variants)
    ]
    name_width, result_width = (max(map(len, column)) for column in list(zip(*rows, strict=True))[:2])
    for name, result, changes in rows:
        print(f"{name:<{name_width}}  {result:<{result_width}}  {changes}".rstrip())


def _walk(
    variants: Variants, above: str | None = None, depth: int = 0
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yields (depth, variant), each after its parent."""
    for name, entry in variants.items():
        if entry["parent"] == above:
            yield depth, entry
            yield from _walk(variants, name, depth + 1)


def _result(entry: Mapping[str, Any]) -> str:
    here = "not run" if entry["accuracy"] is None else f"{entry['accuracy']:.3f}"
    spread = "" if entry["std"] is None else f" ± {entry['std']:.3f}, {entry['trained']} seeds"
    report = "" if entry["reported"] is None else f" (report {entry['reported']:.3f})"
    return f"{here}{spread}{report}"


def _changes(entry: Mapping[str, Any]) -> str:
    """Returns what a variant changes in one line; of one without a parent, the values it has."""
    from stages.study import differences

    if entry["parent"] is None:
        return ", ".join(f"{knob}: {differences.shown(here)}" for knob, (_, here) in entry["changes"].items())
    return ", ".join(differences.line(knob, *pair) for knob, pair in entry["changes"].items())


if __name__ == "__main__":
    run(main)

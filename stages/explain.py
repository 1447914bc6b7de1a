"""Says what would run and why: which file or knob changed, from what to what, and what that costs.

It resolves params.yaml as it is now, without writing anything, and knows what DVC's caches already hold.
"""

import argparse
from pathlib import Path

from stages.runtime.errors import run

PARAMS, RESOLVED = Path("params.yaml"), Path("data", "resolved")
EXAMPLE = """example:
  python -m stages.explain evaluate@final

  train@final     knob epochs: 60 -> 8  took 3 h 10 min
  evaluate@final  follows train@final   took 4.1 s

Stages that only follow others may turn out to be up to date. Times are those of past runs here.
"""


def main(argv: list[str] | None = None) -> None:
    """Explains stages, all by default, with what they need."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.explain",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="STAGE",
        help="as stages.run takes them, such as evaluate@final or train",
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="stages at once; default: as many as there is room for"
    )
    arguments = parser.parse_args(argv)

    from dvc_parallel import command
    from stages.study import differences, items
    from stages.workspace.hooks import StudyHooks

    resolved = {str(RESOLVED / path): text for path, text in items.files(items.load(PARAMS)).items()}
    hooks = StudyHooks(resolved, differences.lines)
    jobs = [] if arguments.jobs is None else ["--jobs", str(arguments.jobs)]
    command.main(["--explain", *jobs, *arguments.targets], prog=parser.prog, hooks=hooks)


if __name__ == "__main__":
    run(main)

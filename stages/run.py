"""Runs what is stale in the study, independent stages side by side, by the package dvc_parallel.

dvc.lock, DVC's cache and its run cache become what `dvc repro` makes of them. `--dry` writes nothing: it
says what would run with params.yaml as it is now, and which knob or file of code has changed.
"""

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> None:
    """Runs stages, all by default, with what they need."""
    from dvc_parallel import command
    from stages.workspace.hooks import StudyHooks

    command.main(argv, prog="python -m stages.run", hooks=StudyHooks())


if __name__ == "__main__":
    main()

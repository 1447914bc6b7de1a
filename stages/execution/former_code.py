"""The files by which code differs from what a stage ran with, where git still has that code."""

import functools
import io
import itertools
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from stages.runtime import code
from stages.runtime.errors import InputError

CODE = "stages"


class FormerCode:
    """The code of commits, in a temporary folder; a context."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._folders: dict[str, Path | None] = {}
        self._fingerprint, self._differing = (
            functools.cache(code.fingerprint),
            functools.cache(code.differing),
        )
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._folder.cleanup()

    def is_former(self, modules: tuple[str, ...], fingerprint: str) -> bool:
        """Returns whether modules have another fingerprint now; a knob that names others changes none."""
        with suppress(FileNotFoundError):  # one of them was removed
            return self._fingerprint(modules) != fingerprint
        return True

    def changed_files(self, modules: tuple[str, ...], fingerprint: str, recorded: str) -> list[str]:
        """Returns the files that differ from former code; [] where git does not have that code.

        Args:
            modules: whose code it is, such as stages.train.
            fingerprint: of the former code.
            recorded: a hash that dvc.lock has held since that code ran; says which commit may hold it.
        """
        for commit in itertools.chain(("HEAD",), _commits(recorded)):
            with suppress(InputError, FileNotFoundError):  # it did not have these modules, or not this Python
                former = self._checkout(commit)
                if former and self._fingerprint(modules, former) == fingerprint:
                    return self._differing(modules, former)
        return []

    def _checkout(self, commit: str) -> Path | None:
        """Returns a folder with the code of a commit; None where it has none."""
        if commit not in self._folders:
            archive = _git("archive", f"{commit}:./", CODE)
            folder = Path(self._folder.name, commit)
            if archive:
                with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                    tar.extractall(folder, filter="data")
            self._folders[commit] = folder if archive else None
        return self._folders[commit]


def _commits(recorded: str) -> Iterator[str]:
    """Yields the commits that put a hash into dvc.lock or took it out, newest first."""
    yield from _git("log", f"-S{recorded}", "--format=%H", "--", "dvc.lock").decode().split()


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True)
    except FileNotFoundError:  # no git
        return b""
    return b"" if done.returncode else done.stdout

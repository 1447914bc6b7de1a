"""The page's last lines: the report it is about, where the code is, and which version wrote the page."""

import re
import shutil
import subprocess
from html import escape

from stages.page.bilingual import text, translated
from stages.page.content import StudyView

REPOSITORY = (
    r"(?:https://|ssh://|git@)(?:[^@/]*@)?([\w.-]+)[:/](.+?)(?:\.git)?/?"  # leaves out what may be secret
)


def foot(study: StudyView) -> str:
    """Returns the foot of the page; what git does not know is left out."""
    lines = [translated(study.told["source"])] if study.told["source"] else []
    if version := _git("log", "-1", "--format=%h %cs"):
        commit, date = version.split()
        found = re.fullmatch(REPOSITORY, _git("remote", "get-url", "origin"))
        server, name = map(escape, found.groups()) if found else ("", "convnet-study")
        code = f'<a href="https://{server}/{name}">{name}</a>' if server else name
        lines.append(text("made_by", code=code, commit=commit, date=date))
    shown = "".join(f"<p>{line}</p>" for line in [*lines, text("licence")])
    return f"<footer>{shown}</footer>"


def _git(*arguments: str) -> str:
    """Returns what git says about the current folder, "" if it knows nothing."""
    if not shutil.which("git"):
        return ""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True)
    return "" if done.returncode else done.stdout.strip()

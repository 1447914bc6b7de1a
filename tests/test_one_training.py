"""docs/one-training.md: each of its links leads to the line that it speaks of."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/one-training.md"
# [`module.function`](../path#L12) or [words](../path#L12 "how the line starts")
LINKS = re.findall(r'\[([^\]]+)\]\((\.\./[\w./]+)#L(\d+)(?: "(.+?)")?\)', PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("text", "path", "line", "start"), LINKS, ids=[text for text, *_ in LINKS])
def test_a_link_leads_to_its_line(text, path, line, start):
    start = start or f"def {text.strip('`').rpartition('.')[2]}("
    lines = (PAGE.parent / path).read_text(encoding="utf-8").splitlines()
    places = [number for number, content in enumerate(lines, start=1) if content.startswith(start)]
    assert int(line) in places, f"{path}: {start!r} is at line {places}"


def test_the_page_follows_a_training_through_a_dozen_files():
    files = {path for _, path, *_ in LINKS}
    assert len(files) >= 12
    assert len(LINKS) == PAGE.read_text(encoding="utf-8").count("#L")

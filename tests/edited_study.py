"""The shipped params.yaml with edits, for tests of what it comes to."""

import copy
from pathlib import Path

from stages.study import items as study
from stages.study import reading

ROOT = Path(__file__).parent.parent
SHIPPED = reading.load(ROOT / "params.yaml").content


def edited(**sections):
    """Returns the study with entries added to its sections; None removes an entry."""
    content = copy.deepcopy(SHIPPED)
    for section, entries in sections.items():
        content[section] |= entries
        content[section] = {name: entry for name, entry in content[section].items() if entry is not None}
    return content


def mistakes(**sections):
    """Returns the lines of what is wrong in an edited study."""
    return [str(mistake) for mistake in study.checked(edited(**sections))[1]]


def items(**sections):
    """Returns (stage, name) -> item of an edited study."""
    content, found = study.checked(edited(**sections))
    assert not found, [str(mistake) for mistake in found]
    return {(item.stage, item.name): item for item in study.items(content)}

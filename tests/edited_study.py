"""The shipped study with edits, for tests of what it comes to."""

import copy
from pathlib import Path

from stages.study import items as study
from stages.study import reading

ROOT = Path(__file__).parent.parent
SHIPPED = reading.load(ROOT / "params.yaml").content
REPORT = reading.load(ROOT / "report.yaml").content


def edited(shipped, **sections):
    """Returns the content of a file with entries added to its sections; None removes an entry."""
    content = copy.deepcopy(shipped)
    for section, entries in sections.items():
        content[section] |= entries
        content[section] = {name: entry for name, entry in content[section].items() if entry is not None}
    return content


def mistakes(report=None, **sections):
    """Returns the lines of what is wrong in an edited params.yaml, or in an edited report.yaml.

    Args:
        report: edits of the sections of report.yaml.
        sections: edits of those of params.yaml.
    """
    _, *found = study.checked(edited(SHIPPED, **sections), edited(REPORT, **(report or {})))
    return [str(mistake) for mistakes in found for mistake in mistakes]


def items(**sections):
    """Returns (stage, name) -> item of an edited study."""
    content, *found = study.checked(edited(SHIPPED, **sections), REPORT)
    assert found == [[], []], [str(mistake) for mistakes in found for mistake in mistakes]
    return {(item.stage, item.name): item for item in study.items(content)}

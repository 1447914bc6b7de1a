"""Whether metrics follow from predictions: files can match dvc.lock and still disagree.

They do after `dvc commit` of an edited file, or after merging the results of two branches.
"""

import json
import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from stages.runtime.errors import InputError
from stages.workspace.findings import Finding, guarded
from stages.workspace.lockfile import Out
from stages.workspace.outputs import Workspace, overlap


def contradictions(workspace: Workspace, doubtful: Collection[Path]) -> Iterator[Finding]:
    """Measures the predictions of each evaluated training again; repairs nothing.

    Args:
        workspace: to look at.
        doubtful: outputs that are wrong or stale and not compared with anything.
    """
    for path, model in workspace.outs.items():
        metrics = workspace.outs.get(Path("metrics", f"{path.name}.json"))
        is_trained = path.parent == Path("models") and metrics
        if is_trained and not any(overlap(place, doubtful) for place in (path, metrics.path)):
            yield from guarded(metrics.path, _metrics_problem(workspace.root, model, metrics))


def _metrics_problem(root: Path, model: Out, metrics: Out) -> Iterator[Finding]:
    from pandas import json_normalize  # test.accuracy for {"test": {"accuracy": ...}}

    from stages.results import evaluation, run_folder

    try:
        trained = run_folder.read(root / model.path)
    except InputError:
        remedy = f"`dvc repro --force --single-item {model.stage}`"
        problem = "holds files that differ from the hashes in their run.json, or no seeds of one recipe"
        yield Finding(model.path, problem, remedy)
        return
    text = (root / metrics.path).read_text(encoding="utf-8")
    received, expected = (
        json_normalize(m).to_dict("records")[0] for m in (json.loads(text), evaluation.metrics(trained))
    )
    for key in sorted(received.keys() | expected.keys()):
        values = received.get(key), expected.get(key)
        if not _equal(*values):
            problem = f"says {key} {values[0]}, the predictions in {model.path} give {values[1]}"
            yield Finding(metrics.path, problem, f"`dvc repro --force --single-item {metrics.stage}`")
            return


def _equal(received: Any, expected: Any) -> bool:
    if isinstance(received, float | int) and isinstance(expected, float | int):
        return math.isclose(received, expected, rel_tol=1e-9, abs_tol=1e-12)
    return received == expected

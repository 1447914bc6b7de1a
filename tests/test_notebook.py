"""docs/figures.ipynb draws its figures from what is in git, without training."""

import json
import subprocess
import sys
from pathlib import Path

NOTEBOOK = Path(__file__).parent.parent / "docs/figures.ipynb"
AFTERWARDS = """
import sys
assert len(plt.get_fignums()) == 5, plt.get_fignums()
assert all(figure.axes for figure in map(plt.figure, plt.get_fignums()))
assert not {"keras", "tensorflow", "dvc"} & set(sys.modules)
"""


def test_every_cell_runs_and_draws_without_what_trains():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    program = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program + AFTERWARDS],
        cwd=NOTEBOOK.parent,
        env={"MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_it_is_committed_without_outputs():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)

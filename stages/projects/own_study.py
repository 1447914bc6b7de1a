"""The project for a study of own images: this code and pipeline, without this study and its report."""

import re
import subprocess
from pathlib import Path

from ruamel.yaml import YAML

from stages.projects.backbone_files import BackboneFile
from stages.projects.founding import copy, founded
from stages.projects.own_images import NAME
from stages.runtime.modules import ROOT

README = Path(__file__).with_name("own_study.README.md")
ENVIRONMENT = ("pyproject.toml", "requirements.lock", "LICENSE")
OURS = re.compile(r" \(report [^)]*\)")  # remarks in dvc.yaml
OF_VARIANTS = re.compile(r"\n# What `dvc (?:artifacts get|plots show)`")  # the sections at its end
PLOTS = """# What `dvc plots show` draws.
plots:
{entries}"""
PLOT = """  - "{variant}, confusion":
      template: confusion
      x: predicted
      x_label: predicted class
      y: {{plots/variants/{variant}/confusion.csv: actual}}
      y_label: true class
  - "{variant}, accuracy per class":
      template: bars
      x: accuracy
      y: {{plots/variants/{variant}/per_class_accuracy.csv: class}}
      y_label: class
"""


def start(folder: Path, images: Path, backbone: BackboneFile | None, params: str) -> None:
    """Makes the project and its first commit.

    Args:
        folder: must not exist.
        images: the folder that `photos` in the project links to.
        backbone: linked likewise, under its own name.
        params: the text of params.yaml.
    """
    links = {NAME: images} | ({backbone.path.name: backbone.path.resolve()} if backbone else {})
    with founded(folder, "Start the study") as project:
        for name in ENVIRONMENT:
            copy(ROOT / name, project / name)
        _describe(project / "pyproject.toml", folder.resolve().name)
        for name, target in links.items():
            (project / name).symlink_to(target)
        ignored = (project / ".gitignore").read_text(encoding="utf-8").splitlines()
        lines = dict.fromkeys([*ignored, *(f"/{name}" for name in links)])
        (project / ".gitignore").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        (project / "params.yaml").write_text(params, encoding="utf-8")
        (project / "report.yaml").write_text("{}  # this study follows no report\n", encoding="utf-8")
        _simplify(project / "dvc.yaml", params)
        readme = README.read_text(encoding="utf-8")
        text = readme.format(name=folder.resolve().name, commit=_commit(), links=", ".join(links))
        (project / "README.md").write_text(text, encoding="utf-8")


def _describe(path: Path, name: str) -> None:
    """Gives pyproject.toml a valid name, and leaves out the settings of developers' tools."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "study"
    text = path.read_text(encoding="utf-8").partition("[tool.ruff]")[0]
    for key, value in (("name", plain), ("description", "A study of images.")):
        text = re.sub(rf'^{key} = ".*"', f'{key} = "{value}"', text, count=1, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")


def _simplify(path: Path, params: str) -> None:
    """Removes what concerns the report's variants from dvc.yaml; adds plots of those of the study."""
    study = YAML(typ="safe", pure=True).load(params)
    entries = "".join(PLOT.format(variant=name) for name in [*study["variants"], *study["heads"]])
    kept = OF_VARIANTS.split(path.read_text(encoding="utf-8"))[0]
    path.write_text(f"{OURS.sub('', kept)}\n{PLOTS.format(entries=entries)}", encoding="utf-8")


def _commit() -> str:
    """Returns the commit that the code comes from, "" if git does not know."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return f", as of commit `{done.stdout.strip()}`" if done.returncode == 0 else ""

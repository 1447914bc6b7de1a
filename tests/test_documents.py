"""README and docs: links lead somewhere, and their commands work on a small study of drawn images."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from stages.projects.founding import PROJECT, commit, copy
from stages.projects.own_study import ENVIRONMENT

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OWN = "docs/own-data.md"
ELSEWHERE = {  # command, by how it starts -> what runs it instead
    "git clone ": "whoever reads this",
    "python3 -m venv ": ".ci/run, but for the environment",
    "uv run python -m stages.demo ": "test_demo.py: its parts, as the whole takes minutes",
    "uv run --group dev pytest": ".ci/run",
    "uv run python -m stages.new ../pets": "docs/own-data.md, on drawings",
    **{
        f"{word} ": "a cluster; test_ray_cluster.py"
        for word in ("ray", "kubectl", "srun", "export", "head=$(scontrol")
    },
    "uv run --extra ray ": "test_ray_cluster.py",
    "uv run dvc remote add -d there s3": "whoever has one",
    "uv run dvc exp run -S variants.longer_1.seeds=5": "test_study.py, with more seeds of another variant",
    "DATA_MIRROR=": "test_downloads.py",
}
NAMES = {
    "basenet": "small_net",
    "final.onnx": "small_net.onnx",
    "final": "small_net",
    "IMAGE": "photo.jpg",
}
CHANGE = ("variants.small_net.epochs=90", "++variants.small_net.epochs=2")  # params.yaml does not set it here


def commands(page: Path) -> list[str]:
    """Returns the lines of a page's blocks of bash, without comments and with continued lines joined."""
    blocks = re.findall(r"^```bash\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in (re.sub(r"(^|\s+)#.*", "", line) for line in lines) if line]


def on_the_small_study(command: str) -> str:
    """Returns a command with the names of the small study, and without `uv run`, which needs a network."""
    command = re.sub(r"^uv run (--extra \w+ )?", "", command)
    for word, name in NAMES.items():
        command = re.sub(
            rf"(?<![\w.]){re.escape(word)}(?!\w)|(?<=variants\.){re.escape(word)}", name, command
        )
    return command.replace(*CHANGE)


def executed() -> dict[Path, list[str]]:
    """Returns the commands of each page, as they run here, that no page before it has."""
    seen: set[str] = set()
    found = {}
    for page in PAGES:
        lines = [line for line in commands(page) if not f"{line} ".startswith(tuple(ELSEWHERE))]
        found[page] = [line for line in map(on_the_small_study, lines) if line not in seen]
        seen |= set(found[page])
    del found[ROOT / OWN]  # what the fixture runs
    return {page: lines for page, lines in found.items() if lines}


def execute(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {key: value for key, value in os.environ.items() if key != "DATA_MIRROR"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment | {"PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


EXECUTED = executed()


@pytest.fixture(scope="module")
def own_study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The project that the first block of docs/own-data.md makes in a clone; what each command printed."""
    folder = tmp_path_factory.mktemp("own") / "clone"
    for name in (*PROJECT, *ENVIRONMENT):
        copy(ROOT / name, folder / name)
    printed = {}
    for command in commands(ROOT / OWN):
        if command.startswith("cd "):
            folder = (folder / command.removeprefix("cd ")).resolve()
            make_short(folder / "params.yaml")
        else:
            printed[command] = execute(command.removeprefix("uv run "), folder)
    commit(folder, "Run the own study")
    return folder, printed


def make_short(params: Path) -> None:
    """Lets each training take a few epochs, of one seed."""
    text = params.read_text(encoding="utf-8")
    for knob, few in (
        ("epochs: 40", "epochs: 3 "),
        ("patience: 10", "patience: 0 "),
        ("seeds: 3", "seeds: 1"),
    ):
        text = text.replace(knob, few)
    params.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if not re.match(r"https?://", target):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_every_page_is_linked_from_the_readme_and_every_extra_exists() -> None:
    readme = PAGES[0].read_text(encoding="utf-8")
    assert [page.name for page in PAGES[1:] if f"docs/{page.name}" not in readme] == []
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {name for page in PAGES for name in re.findall(r"--extra (\w+)", page.read_text("utf-8"))}
    assert named <= set(extras)


def test_a_folder_of_images_becomes_a_study_with_a_page_of_its_own(
    own_study: tuple[Path, dict[str, str]],
) -> None:
    folder, printed = own_study
    *_, predictions, findings, _ = printed.values()
    assert len(predictions.splitlines()) == 3
    assert findings == "0 findings\n"
    page = (folder / "plots" / "report.html").read_text(encoding="utf-8")
    assert "small_net" in page
    assert 'id="try"' not in page
    assert 'id="try"' in (folder / "plots" / "report_photos.html").read_text(encoding="utf-8")
    seen = re.sub(r"(?s)<(style|script)\b.*?</\1>|<[^>]*>", " ", page)
    assert not re.findall(r"(?i)report|verdict|informe|veredicto|basenet", seen)
    for path in folder.glob("plots/**/*.md"):
        assert "report" not in path.read_text(encoding="utf-8").replace("report.yaml", ""), path


@pytest.mark.parametrize("page", EXECUTED, ids=lambda path: path.name)
def test_every_command_works(page: Path, own_study: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(own_study[0], project, symlinks=True)
    shutil.copy(next(project.glob("photos/*/*")), project / "photo.jpg")
    for command in EXECUTED[page]:
        execute(command, project)

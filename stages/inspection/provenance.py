"""Archives, and what was taken from them over, against their provenance and the publisher's hashes."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stages.inspection.records import read
from stages.inspection.workspaces import Workspace
from stages.sources import PROVENANCE

FOLDER = Path("data", "archives")


def archives_problem(workspace: Workspace, source: str) -> str | None:
    """Compares the archives of a source with their provenance.json, and that with params.yaml."""
    folder = FOLDER / source
    provenance = read(workspace.root / folder / PROVENANCE)
    there = set(workspace.files(folder)) - {PROVENANCE}
    if there != set(provenance):
        return f"holds {listed(there)}, its {PROVENANCE} names {listed(provenance)}"
    for name, entry in provenance.items():
        size, sha256 = (workspace.root / folder / name).stat().st_size, workspace.hash(folder / name)
        if (size, sha256) != (entry["bytes"], entry["sha256"]):
            return (
                f"holds {name} of {size} bytes, sha256 {sha256[:12]}..., its {PROVENANCE} says"
                f" {entry['bytes']} bytes, {entry['sha256'][:12]}..."
            )
        kind = "official" if _is_official(workspace, folder / name) else "stand-in"
        if entry["kind"] != kind:
            return f"says that {name} is {entry['kind']!r}, by the hash in params.yaml it is {kind!r}"
    return None


def backbone_problem(workspace: Workspace, folder: Path, source: str) -> str | None:
    """Compares the provenance of a backbone with that of the archives it was made of."""
    if read(workspace.root / folder / PROVENANCE) != read(workspace.root / FOLDER / source / PROVENANCE):
        return f"names other sources than {FOLDER / source / PROVENANCE}"
    return None


def kinds(sources: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Returns of each source what every result names: kind and sha256."""
    return {name: {key: source[key] for key in ("kind", "sha256")} for name, source in sources.items()}


def listed(names: Iterable[str]) -> str:
    """Returns names as a sentence has them."""
    return ", ".join(sorted(names)) or "nothing"


def _is_official(workspace: Workspace, archive: Path) -> bool:
    """Returns whether an archive is, to the byte, the one that the publisher gave this name."""
    entry = workspace.params["sources"][archive.parent.name].get(archive.name, {})
    algorithm = next((name for name in ("sha256", "md5") if name in entry), None)
    return algorithm is not None and workspace.hash(archive, algorithm) == entry[algorithm]

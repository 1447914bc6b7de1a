"""Which content is compared with which: outputs of right bytes may still contradict each other.

So after `dvc commit` of an edited file, or a merge of two branches' results.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stages.errors import DAMAGE, InputError
from stages.inspection import manifests, provenance, results
from stages.inspection.findings import Finding
from stages.inspection.records import read
from stages.inspection.workspaces import Workspace
from stages.results.contents import dataset_of_each

BACKBONE, FEATURES, VARIANTS = Path("data", "resnet50"), Path("data", "features"), Path("data", "variants")
WITH_BACKBONE = ("heads", "fine_tunes")


@dataclass(frozen=True)
class Check:
    """A comparison of outputs.

    Attributes:
        places: the outputs it reads; the first is the one to make again where it finds a problem.
        problem: says what is wrong, or None.
    """

    places: tuple[Path, ...]
    problem: Callable[[], str | None]


def contradictions(workspace: Workspace, wrong: Collection[str], stale: Collection[str]) -> Iterator[Finding]:
    """Compares contents, as far as the stages that wrote them have run.

    Args:
        workspace: to look at.
        wrong: stages with outputs of wrong bytes, which nothing is compared with.
        stale: stages whose outputs are not compared with what they should have been made from.
    """
    trusted = {path for path, out in workspace.outs.items() if out.stage not in wrong}
    for check in _checks(workspace):
        place = check.places[0]
        if trusted.issuperset(check.places) and workspace.outs[place].stage not in stale:
            problem = _answer(check)
            if problem:
                trusted.remove(place)
                yield workspace.made_wrong(place, problem)


def _answer(check: Check) -> str | None:
    try:
        return check.problem()
    except InputError as error:
        return f"cannot be compared: {error}"
    except DAMAGE as error:
        return f"cannot be compared: {type(error).__name__} {error}"


def _checks(workspace: Workspace) -> Iterator[Check]:
    yield Check((VARIANTS,), partial(_variants_problem, workspace))
    for source in workspace.params.get("sources") or {}:
        yield Check((provenance.FOLDER / source,), partial(provenance.archives_problem, workspace, source))
    made = (BACKBONE, provenance.FOLDER / BACKBONE.name)
    yield Check(made, partial(provenance.backbone_problem, workspace, BACKBONE, BACKBONE.name))
    for dataset in workspace.params.get("datasets") or {}:
        made = (Path("data", dataset), provenance.FOLDER / dataset)
        yield Check(made, partial(manifests.dataset_problem, workspace, dataset))
    images = Path("data", "cub200", "images.npy")
    yield Check((FEATURES, images.parent), partial(manifests.features_problem, workspace, FEATURES, images))
    yield from _checks_of_results(workspace)


def _checks_of_results(workspace: Workspace) -> Iterator[Check]:
    of_each = dataset_of_each(workspace.params)
    for variant, dataset in of_each.items():
        has_backbone = any(variant in (workspace.params.get(group) or {}) for group in WITH_BACKBONE)
        backbone = BACKBONE if has_backbone else None
        model, metrics = Path("models", variant), Path("metrics", f"{variant}.json")
        made = (model, VARIANTS, Path("data", dataset), *([backbone] if backbone else []))
        yield Check(made, partial(results.run_problem, workspace, variant, dataset, backbone))
        yield Check((metrics, model), partial(results.metrics_problem, workspace, variant))
    present = [path for name in of_each if (path := Path("metrics", f"{name}.json")) in workspace.outs]
    for name in results.SUMMARY:
        made = (Path("plots", name), *present)
        yield Check(made, partial(results.summary_problem, workspace, name, of_each))


def _variants_problem(workspace: Workspace) -> str | None:
    """Compares the resolved variants with those of params.yaml."""
    resolved = {read(path)["name"] for path in (workspace.root / VARIANTS).iterdir()}
    expected = set(dataset_of_each(workspace.params))
    if resolved != expected:
        return f"holds {', '.join(sorted(resolved))}, params.yaml has {', '.join(sorted(expected))}"
    return None

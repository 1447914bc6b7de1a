"""Stage report: the whole study on one page, next to what the report says."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stages.runtime import keras_import
from stages.runtime.errors import InputError, run
from stages.runtime.modules import find

if TYPE_CHECKING:
    import numpy as np

    from stages.page import photos

EXAMPLE = """example:
  python -m stages.report data/resolved/report/study.json metrics plots/variants plots/report.html

  python -m stages.report data/resolved/report/study.json metrics plots/variants plots/report_photos.html \\
      --photos data models --grad-cam

The page shows the variants that have run. It is one file that needs no network. With --photos it shows the
most confident mistakes as pictures; do not publish it then, as the images belong to others. --grad-cam adds
where the network looks, which needs TensorFlow and some seconds per variant. With --try you can drop an image
on the page, and its small networks classify it.
"""


def main(argv: list[str] | None = None) -> None:
    """Reads what evaluate wrote about each variant, writes the page."""
    arguments = _parse(argv)

    from stages.page import content, document, photos
    from stages.results import evaluated
    from stages.runtime import resolved
    from stages.runtime.atomic import replacing

    knobs = resolved.read(arguments.resolved, "report").knobs
    present = evaluated.read(knobs, arguments.metrics, arguments.variant_plots)
    study = content.study(knobs, present, arguments.variant_plots)
    found: dict[str, str] = {}
    if arguments.photos:
        heat = _heat(*arguments.photos) if arguments.grad_cam else None
        found = photos.mistakes(study, *arguments.photos, heat)
    trial = _trial(knobs["groups"], *arguments.photos) if arguments.trial else ""
    page = document.html(study, found, trial)
    with replacing(arguments.page) as partial:
        partial.write_text(page, encoding="utf-8", newline="\n")
    print(
        f"{len(present)} of {len(knobs['variants'])} variants on a page of {len(page.encode()) / 1e6:.2f} MB"
    )


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.report",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("resolved", type=Path, help="what resolve wrote about the study")
    parser.add_argument("metrics", type=Path, help="folder with the metrics of the variants that have run")
    parser.add_argument("variant_plots", type=Path, help="folder with their plots")
    parser.add_argument("page", type=Path, help="HTML file to write")
    parser.add_argument(
        "--photos",
        type=Path,
        nargs=2,
        metavar=("DATA", "MODELS"),
        help="data/ and models/: show the most confident mistakes",
    )
    parser.add_argument("--grad-cam", action="store_true", help="with --photos: show where networks look")
    parser.add_argument("--try", action="store_true", dest="trial", help="with --photos: classify images")
    arguments = parser.parse_args(argv)
    if (arguments.grad_cam or arguments.trial) and not arguments.photos:
        raise InputError("received --grad-cam or --try without --photos, which names the images and models")
    if arguments.photos and arguments.page.name == "report.html":
        raise InputError(
            "git keeps report.html, and photos do not belong there; write plots/report_photos.html instead"
        )
    return arguments


def _trial(groups: Mapping[str, str], data: Path, models: Path) -> str:
    """Returns the section of the page that classifies images, by networks trained from scratch."""
    keras_import.load()
    names = [name for name, group in groups.items() if group == "variants"]
    return find("classifiers", "in_browser").section(names, models, data)


def _heat(data: Path, models: Path) -> "photos.Heat":
    """Returns a function that loads a variant and says where it looks."""
    keras_import.load()
    # found, not imported: the page that git keeps does not depend on them
    trained, grad_cam = find("classifiers", "trained"), find("classifiers", "grad_cam")

    def heat(name: str, images: "np.ndarray", classes: "np.ndarray") -> "np.ndarray":
        classifier = trained.load(name, models=models, data=data)
        return grad_cam.heatmaps(classifier, images, classes)

    return heat


if __name__ == "__main__":
    run(main)

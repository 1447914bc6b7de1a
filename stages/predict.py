"""Classifies images by a trained variant: the most probable classes of each."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stages.runtime import keras_import
from stages.runtime.errors import InputError, printable, run, some

PARAMS = Path("params.yaml")
BATCH = 32
STDIN = "-"
EXAMPLE = """example:
  python -m stages.predict cat.jpg holidays/ --variant final
  curl -s https://example.org/bird.png | python -m stages.predict - --variant mlp_head --json

With --json it prints a line of JSON for each image: {"image", "variant", "predictions": [{"class",
"probability"}, ...]}. If a file is not an image, that is reported, the others are classified, and the exit
code is 1.
"""


def main(argv: list[str] | None = None) -> None:
    """Reads images, prints the classes that a variant predicts."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.predict",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="an image file, a folder of image files, or - for stdin"
    )
    parser.add_argument("--variant", help="a trained one, such as final; default: the only one in models/")
    parser.add_argument("--ensemble", action="store_true", help="average all its seeds, not just the first")
    parser.add_argument("--top", type=int, default=5, metavar="N", help="classes per image; default: 5")
    parser.add_argument("--json", action="store_true", help="print JSON, a line per image")
    arguments = parser.parse_args(argv)
    if arguments.top < 1:
        raise InputError(f"received --top {arguments.top}, expected at least 1")
    sources = list(_files(arguments.images))

    keras_import.load()
    from stages.classifiers import trained

    variant = trained.choose(arguments.variant)
    _tell_if_generated(variant)
    _tell_if_stale(variant)
    classifier = trained.load(variant, ensemble=arguments.ensemble)
    read = 0
    for name, best in _predictions(sources, classifier, arguments.top):
        read += 1
        _show(name, variant, best, as_json=arguments.json)
    if read < len(sources):
        raise InputError(
            f"{len(sources) - read} of {len(sources)} files could not be read as images, see above"
        )


def _tell_if_generated(variant: str) -> None:
    """Says on stderr that a network has seen nothing but drawings, like those of the demo."""
    try:
        record = json.loads(Path("plots", "variants", variant, "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if record.get("provenance") == "generated":
        what = "has only learnt from generated drawings, whatever its classes are called"
        print(f"note: {variant} {what}", file=sys.stderr)


def _tell_if_stale(variant: str) -> None:
    """Says on stderr why a variant might be trained again; nothing if the study has mistakes."""
    from stages.study import items
    from stages.workspace import staleness

    if not PARAMS.exists():
        return
    try:
        expected = items.texts(items.load(PARAMS))
        reasons = staleness.reasons(variant, lambda path: expected[path]() if path in expected else None)
    except InputError:  # an unfinished edit or merge; `stages.run` says what is wrong
        return
    if reasons:
        what = f"{variant} may not be what the study would train now: {printable(some(reasons))}"
        print(f"note: {what}; `python -m stages.run` brings it up to date", file=sys.stderr)


def _predictions(
    sources: list[str], classifier: Any, top: int
) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Yields each image's name and its most probable classes with their probabilities, best first."""
    for start in range(0, len(sources), BATCH):
        read = _read(sources[start : start + BATCH], classifier)
        if not read:
            continue
        rows = classifier.probabilities(np.stack([image for _, image in read]))
        for (name, _), row in zip(read, rows, strict=True):
            yield name, [(classifier.class_names[i], float(row[i])) for i in np.argsort(-row)[:top]]


def _files(sources: Iterable[str]) -> Iterator[str]:
    """Yields the files that are named, and those of images within folders.

    Raises:
        InputError: a file or folder does not exist, or a folder holds no image.
    """
    for source in sources:
        path = Path(source)
        if source == STDIN or path.is_file():
            yield source
        elif path.is_dir():
            yield from _within(path)
        else:
            problem = "is not a regular file" if path.exists() else "does not exist"
            raise InputError(
                f"{printable(source)} {problem}; expected an image, a folder of images, or - for stdin"
            )


def _within(folder: Path) -> list[str]:
    """Returns the images below a folder; says how many files of which other kinds are skipped."""
    from stages.datasets import files, images

    found = files.images_below(folder)
    if found.skipped:
        kinds = ", ".join(f"{n} {printable(kind)}" for kind, n in sorted(found.skipped.items()))
        print(f"{printable(str(folder))}: skipped {kinds}", file=sys.stderr)
    if not found.images:
        expected = ", ".join(images.SUFFIXES)
        raise InputError(f"{printable(str(folder))} holds no images; expected files named {expected}")
    return [str(path) for path in found.images]


def _read(sources: list[str], classifier: Any) -> list[tuple[str, np.ndarray]]:
    """Returns name and uint8[size, size, 3] of the files that can be read; says why others cannot."""
    from stages.datasets import images

    found = []
    for source in sources:
        name = printable(source)
        try:
            content = sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes()
            image = images.decode(content, size=classifier.size, name=name, resize=classifier.resize)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
        except OSError as error:  # such as missing rights
            print(f"error: {name} cannot be read ({error.strerror})", file=sys.stderr)
        else:
            found.append((source, image))
    return found


def _show(source: str, variant: str, best: list[tuple[str, float]], *, as_json: bool) -> None:
    if as_json:
        predictions = [{"class": label, "probability": round(share, 6)} for label, share in best]
        print(json.dumps({"image": source, "variant": variant, "predictions": predictions}), flush=True)
        return
    labels = [(printable(label), share) for label, share in best]
    if sys.stdout.isatty():
        print(printable(source))
        for label, share in labels:
            print(f"  {share:6.1%}  {'█' * round(share * 30):30}  {label}")
    else:
        shown = ", ".join(f"{label} {share:.1%}" for label, share in labels)
        print(f"{printable(source)}: {shown}", flush=True)


if __name__ == "__main__":
    run(main)

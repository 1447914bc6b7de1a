"""Classifies images by a trained variant: the most probable classes of each."""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stages.runtime import keras_import
from stages.runtime.errors import InputError, run

BATCH = 32
STDIN = "-"
EX_PIPE = 141  # what a shell says of a command that SIGPIPE has ended
EXAMPLE = """example:
  python -m stages.predict cat.jpg holidays/ --variant final
  curl -s https://example.org/bird.png | python -m stages.predict - --variant mlp_head --json

With --json it prints a line of JSON for each image: {"image", "variant", "predictions": [{"class",
"probability"}, ...]}. A file that is no image is reported, the others are classified, and the exit code is 1.
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
        "images",
        nargs="+",
        metavar="IMAGE",
        help="a JPEG, PNG or WebP, a folder of such files, or - for stdin",
    )
    parser.add_argument("--variant", required=True, help="a trained one, such as final: a folder of models/")
    parser.add_argument("--top", type=int, default=5, metavar="N", help="classes per image; default: 5")
    parser.add_argument("--json", action="store_true", help="print JSON, a line per image")
    arguments = parser.parse_args(argv)
    if arguments.top < 1:
        raise InputError(f"received --top {arguments.top}, expected at least 1")
    sources = list(_files(arguments.images))

    keras_import.load()
    from stages.classifiers import trained

    classifier = trained.load(arguments.variant)
    read = 0
    try:
        for name, best in _predictions(sources, classifier, arguments.top):
            read += 1
            _show(name, arguments.variant, best, as_json=arguments.json)
    except BrokenPipeError:  # a reader such as `head` has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EX_PIPE)
    if read < len(sources):
        raise InputError(
            f"{len(sources) - read} of {len(sources)} files could not be read as images, see above"
        )


def _predictions(
    sources: list[str], classifier: Any, top: int
) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Yields each image's name and its most probable classes with their probabilities, best first."""
    for start in range(0, len(sources), BATCH):
        read = _read(sources[start : start + BATCH], classifier.size)
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
    from stages.datasets.images import SUFFIXES

    for source in sources:
        path = Path(source)
        if source == STDIN or path.is_file():
            yield source
        elif path.is_dir():
            files = sorted(
                file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file()
            )
            if not files:
                raise InputError(f"{source} holds no image; expected files named {', '.join(SUFFIXES)}")
            yield from map(str, files)
        else:
            raise InputError(f"{source} does not exist; expected an image, a folder of images, or -")


def _read(sources: list[str], size: int) -> list[tuple[str, np.ndarray]]:
    """Returns name and uint8[size, size, 3] of those that can be read; says of the others why not."""
    from stages.datasets import images

    found = []
    for source in sources:
        content = sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes()
        try:
            found.append((source, images.decode(content, size=size, name=source)))
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
    return found


def _show(name: str, variant: str, best: list[tuple[str, float]], *, as_json: bool) -> None:
    if as_json:
        predictions = [{"class": label, "probability": round(share, 6)} for label, share in best]
        print(json.dumps({"image": name, "variant": variant, "predictions": predictions}), flush=True)
    elif sys.stdout.isatty():
        print(name)
        for label, share in best:
            print(f"  {share:6.1%}  {'█' * round(share * 30):30}  {label}")
    else:
        print(f"{name}: " + ", ".join(f"{label} {share:.1%}" for label, share in best), flush=True)


if __name__ == "__main__":
    run(main)

"""Starts a study of your own images: a git and DVC project with this code and first variants.

IMAGES holds a folder of images per class. They are read once, as the study will read them, so that all their
faults are reported now. They stay where they are: the project has a link to them.
"""

import argparse
import shlex
import shutil
import sys
from pathlib import Path

from stages.runtime.errors import InputError, run

EXAMPLE = """example:
  python -m stages.new ../pets ~/pictures/pets --backbone MobileNetV2
  cd ../pets
  python -m stages.run

BACKBONE is a .keras file (from RGB in [0, 255] to feature maps), or a network of keras.applications: its file
of weights without top, or its name, once this has downloaded them:
  python -c "import keras; keras.applications.MobileNetV2(include_top=False)"
"""


def main(argv: list[str] | None = None) -> None:
    """Makes the project and says what it holds and what to do next."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.new",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the folder to make")
    parser.add_argument("images", type=Path, metavar="IMAGES", help="a folder that holds one per class")
    parser.add_argument("--backbone", help="a pretrained network, on whose features a head is fitted")
    parser.add_argument("--skip-damaged", action="store_true", help="leave out images that cannot be read")
    arguments = parser.parse_args(argv)
    if arguments.folder.exists() or arguments.folder.is_symlink():
        raise InputError(f"{arguments.folder} exists; name a new folder")

    from stages.projects import backbone_files, own_images, own_study

    images = arguments.images.expanduser().resolve()
    if arguments.folder.resolve().is_relative_to(images):
        raise InputError(f"{arguments.folder} would lie among the images; name a folder outside {images}")
    backbone = backbone_files.find(arguments.backbone) if arguments.backbone else None
    counts = own_images.survey(images, skip_damaged=arguments.skip_damaged)
    params = own_images.params(counts, backbone, skip_damaged=arguments.skip_damaged)
    own_study.start(arguments.folder, images, backbone, params)
    python = "python" if shutil.which("python") == sys.executable else sys.executable
    command = f"cd {shlex.quote(str(arguments.folder))} && {python} -m stages.run"
    print(f"{arguments.folder}: {own_images.told(counts)}\nnext: {command}")
    if not backbone:
        print(f"for a better start from few images: {backbone_files.HINT}")


if __name__ == "__main__":
    run(main)

"""A pretrained network on this machine: a file, or weights that keras.applications has downloaded."""

import importlib.util
import os
import re
from pathlib import Path
from typing import NamedTuple

from stages.runtime import environment
from stages.runtime.errors import InputError, printable

GET = 'python -c "import keras; keras.applications.{name}(include_top=False)"'
HINT = f"--backbone MobileNetV2, whose weights this downloads once: {GET.format(name='MobileNetV2')}"
SIDE = 224  # pixels, the size that nearly all of keras.applications were trained on
ENTRY = """backbones:
  backbone: {{format: {how}, from: {file}}}
features:
  {name}_features: {{dataset: {name}, backbone: backbone, threads: 2, batch_size: 32, image_size: {side},
    maps: false, views: {{mirror: true}}}}
"""


class BackboneFile(NamedTuple):
    """A file of a pretrained network.

    Attributes:
        path: of the file.
        application: the network whose weights it holds; None for a whole model.
    """

    path: Path
    application: str | None

    def entry(self, dataset: str) -> str:
        """Returns the sections `backbones` and `features` of params.yaml, for a dataset."""
        how = f"application, application: {self.application}" if self.application else "keras_file"
        return ENTRY.format(how=how, file=self.path.name, name=dataset, side=SIDE)


def find(wanted: str) -> BackboneFile:
    """Returns the file that a user means.

    Args:
        wanted: a .keras file, a file of weights of keras.applications without top, or a name such as
            MobileNetV2, whose weights keras.applications has downloaded.

    Raises:
        InputError: there is no such file, or weights of an unknown network.
    """
    path = Path(wanted).expanduser()
    if path.suffix == ".keras" and path.is_file():
        return BackboneFile(path, None)
    applications = _applications()
    if path.is_file():
        name = _application(path, applications)
        if name is None:
            raise InputError(
                f"{printable(wanted)} is neither a .keras file nor named like weights of keras.applications"
                " without top, such as mobilenet_v2_..._no_top.h5"
            )
        return BackboneFile(path, name)
    name = next((name for name in applications if name.lower() == wanted.lower()), None)
    if name is None:
        raise InputError(
            f"received --backbone {printable(wanted)}, expected a file, or one of {', '.join(applications)}"
        )
    home = "~/.keras" if environment.KERAS_HOME in ("", os.devnull) else environment.KERAS_HOME
    folder = Path(home).expanduser() / "models"
    found = [path for path in sorted(folder.glob("*.h5")) if _application(path, applications) == name]
    if not found:
        raise InputError(f"{folder} does not hold {name}'s weights; get them once: {GET.format(name=name)}")
    return BackboneFile(found[0], name)


def _applications() -> list[str]:
    """Returns the networks of keras.applications, without spending seconds on importing Keras."""
    (package,) = importlib.util.find_spec("keras").submodule_search_locations
    listed = Path(package, "applications", "__init__.py").read_text(encoding="utf-8")
    return sorted(set(re.findall(r" as ([A-Z]\w+)", listed)))


def _application(path: Path, applications: list[str]) -> str | None:
    """Returns the network whose weights a file holds: the longest name that the file's own starts with."""
    plain = re.sub(r"[^a-z0-9]", "", path.name.lower()).removeprefix("weights")
    names = [name for name in applications if plain.startswith(name.lower())]
    return max(names, key=len) if names and "notop" in plain else None

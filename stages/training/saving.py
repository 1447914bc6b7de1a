"""Saving of models: equal bytes for equal models, in files that Keras 3.8 and later load."""

import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

# What layers state since Keras 3.9 and older versions refuse, even at these neutral values.
NEWER = {
    **{"quantization_config": None, "input_axes": None, "output_axes": None},
    **{"renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99},
}


def save_model(model: keras.Model, path: Path, about: Mapping[str, Any] | None = None) -> None:
    """Saves a model as a standard .keras file whose bytes depend only on the model and `about`.

    Keras writes the time into the zip's entries and into metadata.json, and memory addresses as
    `shared_object_id` into config.json; times become constant, addresses become 0, 1, 2, ...

    Args:
        model: to save.
        path: of the file.
        about: added to the file's metadata.json, which Keras ignores when it loads the model.
    """
    saved = path.with_name(f"{path.stem}.dated.keras")
    model.save(saved)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(path, "w") as target:
        for name in sorted(source.namelist()):
            content = source.read(name)
            if name == "metadata.json":
                metadata = json.loads(content) | {"date_saved": "1980-01-01@00:00:00"} | dict(about or {})
                content = json.dumps(metadata).encode()
            elif name == "config.json":
                config = json.dumps(json.loads(content, object_hook=_without_newer))
                content = _numbered(config).encode()
            target.writestr(zipfile.ZipInfo(name), content)
    saved.unlink()


def _without_newer(entries: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entries.items() if key not in NEWER or value != NEWER[key]}


def _numbered(config: str) -> str:
    """Numbers shared objects in the order in which they first appear."""
    numbers: dict[str, int] = {}
    return re.sub(
        r'("shared_object_id": )(\d+)',
        lambda found: f"{found[1]}{numbers.setdefault(found[2], len(numbers))}",
        config,
    )

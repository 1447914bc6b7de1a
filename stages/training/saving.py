"""Saving of models in equal bytes for equal models."""

import json
import re
import zipfile
from pathlib import Path

import keras


def save_model(model: keras.Model, path: Path) -> None:
    """Saves a model as a standard .keras file whose bytes depend on the model alone.

    Keras writes the time into the zip's entries and into metadata.json, and memory addresses as
    `shared_object_id` into config.json; times become constant, addresses become 0, 1, 2, ...
    """
    saved = path.with_name(f"{path.stem}.dated.keras")
    model.save(saved)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(path, "w") as target:
        for name in sorted(source.namelist()):
            content = source.read(name)
            if name == "metadata.json":
                content = json.dumps(json.loads(content) | {"date_saved": "1980-01-01@00:00:00"}).encode()
            elif name == "config.json":
                content = _numbered(content.decode()).encode()
            target.writestr(zipfile.ZipInfo(name), content)
    saved.unlink()


def _numbered(config: str) -> str:
    """Numbers shared objects in the order in which they first appear."""
    numbers: dict[str, int] = {}
    return re.sub(
        r'("shared_object_id": )(\d+)',
        lambda found: f"{found[1]}{numbers.setdefault(found[2], len(numbers))}",
        config,
    )

"""Saving of models in equal bytes for equal models."""

import json
import zipfile
from pathlib import Path

import keras


def save_model(model: keras.Model, path: Path) -> None:
    """Saves a model as a standard .keras file whose bytes depend on the model alone.

    Keras writes the time into the zip's entries and into metadata.json; both are made constant.
    """
    saved = path.with_name(f"{path.stem}.dated.keras")
    model.save(saved)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(path, "w") as target:
        for name in sorted(source.namelist()):
            content = source.read(name)
            if name == "metadata.json":
                metadata = json.loads(content) | {"date_saved": "1980-01-01@00:00:00"}
                content = json.dumps(metadata, sort_keys=True).encode()
            target.writestr(zipfile.ZipInfo(name), content)
    saved.unlink()

"""A backbone from a .keras file: any Keras model from raw RGB in [0, 255] to a feature map."""

import warnings
import zipfile
from pathlib import Path

import keras

from stages.backbones import extractor
from stages.runtime.errors import DAMAGE, InputError

# What a .keras file may hold, in bytes.
_MAX_BYTES = {"metadata.json": 1 << 20, "config.json": 64 << 20, "model.weights.h5": 4 << 30}


def load(source: Path) -> keras.Model:
    """Loads a model in safe mode, which runs no code of the file, and flattens it.

    Args:
        source: the file.

    Raises:
        InputError: the file holds no Keras model, or one that needs code of its own.
    """
    return extractor.flat(read(source))


def read(source: Path) -> keras.Model:
    """Loads a model in safe mode as it was saved, with its views if it has any; see `load`."""
    try:
        _check_members(source)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # such as that layers keep random weights
            model = keras.saving.load_model(source, compile=False, safe_mode=True)
    except (*DAMAGE, UserWarning) as error:
        raise InputError(
            f"{source.name} is not a Keras model: {extractor.first_line(error)}; expected a .keras file as"
            " model.save writes it, of Keras' own layers"
        ) from None
    if not isinstance(model, keras.Model):
        raise InputError(f"{source.name} holds a {type(model).__name__}, expected a Keras model")
    return model


def _check_members(path: Path) -> None:
    """Refuses files that no model needs, and sizes that none has, before anything is unpacked."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > _MAX_BYTES.get(member.filename, -1):
                raise ValueError(f"it holds {member.filename[:100]!r} of {member.file_size} bytes")

"""NVIDIA GPUs of the machine: whether there are any, whether they are hidden, a note if one stays idle."""

import os
from pathlib import Path

DEVICES = Path("/dev")  # where the driver's device files are


def present(devices: Path = DEVICES) -> bool:
    """Returns whether the machine has an NVIDIA GPU, hidden or not."""
    return any(devices.glob("nvidia[0-9]*"))


def hidden() -> bool:
    """Returns whether CUDA_VISIBLE_DEVICES hides all GPUs.

    CUDA goes through the list up to the first entry that names no GPU: "", "-1", "none" and "NoDevFiles",
    which programs write for "no GPU", are such entries.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible is not None and not visible_ids(visible)


def visible_ids(visible: str) -> list[str]:
    """Returns the GPUs that a value of CUDA_VISIBLE_DEVICES names, by their numbers or identifiers."""
    names = []
    for name in map(str.strip, visible.split(",")):
        if not (name.isdigit() or name.startswith(("GPU-", "MIG-"))):
            break
        names.append(name)
    return names


def note(library: str, device: str, devices: Path = DEVICES) -> str | None:
    """Returns what to do if the machine has an NVIDIA GPU that the library does not see.

    Args:
        library: the backend of Keras, such as tensorflow.
        device: what computes, such as "cpu: Intel".
        devices: where the driver's device files are.
    """
    if hidden() or device.startswith("gpu") or not present(devices):
        return None
    remedy = "`uv run --extra gpu` brings CUDA, " if library == "tensorflow" else ""
    return (
        f"there is an NVIDIA GPU, but {library} does not see it: running on the CPU;"
        f" {remedy}CUDA_VISIBLE_DEVICES='' silences this"
    )

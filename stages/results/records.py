"""What train and evaluate write about a variant, read and checked: run.json and metrics/NAME.json."""

import json
from pathlib import Path
from typing import Any

from stages.errors import InputError

RUN_KEYS = ("variant", "dataset", "parameters", "epochs", "seed", "threads", "backend", "device")
RUN_KEYS += ("provenance", "versions", "settings", "sources", "sha256")


def read_run(path: Path) -> dict[str, Any]:
    """Reads run.json; of its sources only what a result must name, kind and sha256.

    Returns:
        A value for each of `RUN_KEYS`.

    Raises:
        InputError: no such file, not JSON, or a key is missing.
    """
    record = _read_object(path, "train the variant first", "train the variant again")
    _check_keys(record, RUN_KEYS, path, "train the variant again")
    sources = {
        file: {"kind": source["kind"], "sha256": source["sha256"]}
        for file, source in record["sources"].items()
    }
    return {key: record[key] for key in RUN_KEYS} | {"sources": sources}


def read_metrics(path: Path) -> dict[str, Any] | None:
    """Reads what evaluate wrote; None where the variant has not run.

    Raises:
        InputError: not JSON, or a key is missing.
    """
    if not path.exists():
        return None
    metrics = _read_object(path, "evaluate the variant first", "evaluate the variant again")
    _check_keys(metrics, ("test", "parameters", "epochs", "provenance"), path, "evaluate the variant again")
    return metrics


def title(record: dict[str, Any]) -> str:
    """Returns how pictures name a variant; stand-in data are never shown without saying so."""
    data = " (stand-in data)" if record["provenance"] == "stand-in" else ""
    return f"{record['variant']} on {record['dataset']}{data}"


def _read_object(path: Path, if_missing: str, if_damaged: str) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no {path}; {if_missing}") from None
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); {if_damaged}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds {type(value).__name__}, expected an object; {if_damaged}")
    return value


def _check_keys(record: dict[str, Any], keys: tuple[str, ...], path: Path, remedy: str) -> None:
    missing = [key for key in keys if key not in record]
    if missing:
        raise InputError(
            f"{path}: no {', '.join(missing)}, it holds {', '.join(sorted(record)) or 'nothing'}; {remedy}"
        )

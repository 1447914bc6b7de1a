"""Reading of params.yaml: YAML 1.2 as DVC reads it, duplicate keys refused."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.errors import InputError


def load(path: Path) -> dict[str, Any]:
    """Reads params.yaml into plain dicts, lists and scalars; `1e-5` is a number.

    Raises:
        InputError: no such file, not YAML 1.2, a duplicate key, or not a mapping at the top.
    """
    try:
        parameters = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no {path}; run the command in the folder that holds params.yaml") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from None
    except YAMLError as error:
        where = getattr(error, "problem_mark", None)
        place = f"{path}, line {where.line + 1}" if where else str(path)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InputError(f"{place}: {problem}") from None
    if not isinstance(parameters, dict):
        raise InputError(f"{path} holds {type(parameters).__name__}, expected a mapping of sections")
    return parameters

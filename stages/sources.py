"""Where data come from, and what is to be said of results made from them."""

from collections.abc import Mapping
from typing import Any

PROVENANCE = "provenance.json"  # beside archives, of each: kind, sha256, bytes


def provenance(sources: Mapping[str, Any]) -> str:
    """Returns what is to be said of a result: "official" only where all it was made from is.

    Args:
        sources: of each archive at least its kind, "official" or "stand-in".
    """
    return "official" if all(source["kind"] == "official" for source in sources.values()) else "stand-in"

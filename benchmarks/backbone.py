"""Writes the demo's small backbone: python -m benchmarks.backbone FILE."""

import sys
from pathlib import Path

from stages.demo import small_backbone
from stages.runtime.errors import run
from stages.training.saving import save_model


def main() -> None:
    """Saves it where the argument says."""
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(small_backbone.build(), path)


if __name__ == "__main__":
    run(main)

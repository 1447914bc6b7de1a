"""Makes the ResNet50 feature extractor: python -m stages.build_backbone ARCHIVES_FOLDER BACKBONE_FOLDER.

Writes backbone.keras (raw RGB in [0, 255] to feature maps) and provenance.json.
"""

import argparse
import json
from pathlib import Path

from stages.atomic import replacing, write_json
from stages.errors import InputError, run
from stages.hashes import check_files
from stages.networks import resnet50
from stages.sources import PROVENANCE
from stages.training.saving import save_model


def main() -> None:
    """Builds the backbone from Keras' ImageNet weights, or from a backbone file that a mirror held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archives", type=Path, help="folder that `download` made of the source resnet50")
    parser.add_argument("backbone", type=Path, help="folder to write")
    arguments = parser.parse_args()

    provenance = json.loads((arguments.archives / PROVENANCE).read_text(encoding="utf-8"))
    if len(provenance) != 1:
        raise InputError(f"{arguments.archives} holds {sorted(provenance)}, expected one file of weights")
    (name,) = provenance
    check_files(arguments.archives, {name: provenance[name]["sha256"]})
    weights = arguments.archives / name
    is_model = weights.suffix == ".keras"
    model = resnet50.from_model_file(weights) if is_model else resnet50.from_imagenet_weights(weights)
    with replacing(arguments.backbone) as partial:
        partial.mkdir()
        save_model(model, partial / "backbone.keras")
        write_json(partial / PROVENANCE, provenance)
    print(f"backbone: {model.count_params():,} parameters from {name}, {provenance[name]['kind']}")


if __name__ == "__main__":
    run(main)

"""Makes a feature extractor: one .keras file from raw RGB in [0, 255] to feature maps."""

import argparse
from pathlib import Path

from stages.runtime import keras_import, modules, resolved
from stages.runtime.atomic import replacing, write_json
from stages.runtime.errors import InputError, run
from stages.runtime.hashes import file_hash

EXAMPLE = (
    "example: python -m stages.build_backbone data/resolved/build_backbone/resnet50.json"
    " data/backbones/resnet50 data/provenance/resnet50.json"
)


def main(argv: list[str] | None = None) -> None:
    """Writes backbone.keras and manifest.json; and the provenance."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.build_backbone", description=__doc__, epilog=EXAMPLE
    )
    parser.add_argument("resolved", type=Path, help="what `resolve` wrote about the backbone")
    parser.add_argument("out", type=Path, help="the folder to make")
    parser.add_argument("provenance", type=Path, help="the file to write: where the weights come from")
    arguments = parser.parse_args(argv)

    from stages.sources import provenance

    knobs = resolved.read(arguments.resolved, "build_backbone").knobs
    format_name, source = knobs.pop("format"), Path(knobs.pop("from"))
    sources = provenance.sources_of(source)
    weights = _only_file(source)
    keras_import.load()
    from stages.training.saving import save_model

    model = modules.find("backbones", format_name).load(weights, **knobs)
    if isinstance(model.output, list) and len(model.outputs) == 1:  # as in keras.Model(x, [y])
        import keras

        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    with replacing(arguments.out) as out:
        out.mkdir()
        save_model(model, out / "backbone.keras")
        write_json(out / "manifest.json", {"sha256": {"backbone.keras": file_hash(out / "backbone.keras")}})
    kind = provenance.write(arguments.provenance, sources, format=format_name)
    print(f"{arguments.out}: {model.count_params():,} parameters from {weights.name}, {kind} data")


def _only_file(source: Path) -> Path:
    """Returns a file itself, or the only one in a folder apart from its provenance and hidden files."""
    if source.is_file():
        return source
    files = [path for path in sorted(source.iterdir()) if path.name[0] != "."]
    files = [path for path in files if path.name != "provenance.json"]
    if len(files) != 1:
        names = ", ".join(path.name for path in files) or "nothing"
        raise InputError(
            f"{source} holds {names}, expected one file of weights; name the file in `from` in params.yaml"
        )
    return files[0]


if __name__ == "__main__":
    run(main)

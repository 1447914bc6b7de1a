"""The card of a trained variant, plots/variants/<name>/README.md: its input, output and results."""

from collections.abc import Mapping
from typing import Any

TEXT = """# {name}

`{network}`, {how} on `{dataset}`{data}, {classes} classes, {seeds}. {weights}.

| | |
| --- | --- |
{rows}

To classify image files: `python -m stages.predict IMAGE --variant {name}`{ensemble}. In Python:

```python
import json, zipfile, keras

path = "models/{name}/seed-{first}/model.keras"
model = keras.saving.load_model(path)
class_names = json.loads(zipfile.ZipFile(path).read("metadata.json"))["class_names"]
```

`run.json` records the data, the recipe, the versions and the settings it was made with.
"""


def text(record: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Returns the card as Markdown.

    Args:
        record: plots/variants/<name>/run.json.
        metrics: metrics/<name>.json.
    """
    seeds, knobs = record["seeds"], record["knobs"]
    rows = {
        "input": _input(record),
        "output": f"probabilities, float32[n, {record['classes']}], in the order of `class_names`",
        "views": _views(knobs.get("views", {})),
        "chosen on validation": _notes(record.get("notes", {})),
        f"on {record['splits']['test']:,} test images": _measured(metrics["test"], len(seeds)),
    }
    provenance = record["provenance"]
    return TEXT.format(
        name=record["name"],
        network=next(iter(knobs["network"])) if "network" in knobs else "whole network",
        how=f"trained for {record['epochs']} epochs" if record["epochs"] else "fitted",
        dataset=record["dataset"],
        data="" if provenance == "official" else f" ({provenance} data)",
        classes=record["classes"],
        seeds=f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}",
        weights=_weights(**record["parameters"]),
        rows="\n".join(f"| {key} | {value} |" for key, value in rows.items() if value),
        ensemble=", with `--ensemble` by all its seeds" if len(seeds) > 1 else "",
        first=seeds[0],
    )


def _weights(total: int, trainable: int) -> str:
    trained = "all trained" if trainable == total else f"{trainable:,} of them trained"
    return f"{total:,} weights, {trained}"


def _input(record: Mapping[str, Any]) -> str:
    """Returns what the saved model takes as input: features, if it is a head without its backbone."""
    size = record["image_size"]
    if "images.npy" in record["inputs"] or record["knobs"].get("end_to_end"):
        resize = {"squash": "squashed", "crop": "cropped", "pad": "padded"}[record["resize"]]
        return f"RGB images in [0, 255], float32[n, {size}, {size}, 3], {resize} to a square"
    files = ", ".join(f"`{file}`" for file in record["inputs"] if file in ("pooled.npy", "maps.npy"))
    return f"features as in {files} of `{record['dataset']}`, made of images of {size} x {size}"


def _views(views: Mapping[str, Any]) -> str:
    parts = ["its mirror image"] * bool(views.get("mirror"))
    parts += [f"both shifted by {views['shift']} pixels"] if views.get("shift") else []
    return f"the image, {', '.join(parts)}: the probabilities are their mean" if parts else ""


def _notes(notes: Mapping[str, Any]) -> str:
    return ", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in notes.items())


def _measured(test: Mapping[str, float], seeds: int) -> str:
    spread = f" ± {test['std']:.4f} over {seeds} seeds" if "std" in test else ""
    ensemble = f"; their ensemble {test['ensemble']:.4f}" if "ensemble" in test else ""
    interval = f"95 % interval {test['low']:.4f} to {test['high']:.4f}"
    return f"loss {test['loss']:.4f}, accuracy {test['accuracy']:.4f}{spread} ({interval}){ensemble}"

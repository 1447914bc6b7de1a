"""The card of a trained model, models/<name>/README.md: what it takes, what it gives, how it is used."""

from collections.abc import Mapping
from typing import Any

import keras

from stages.training.prediction import loss_and_accuracy

TEXT = """# {name}

Trained for {epochs} epochs on `{dataset}`, {classes} classes, seed {seed}. {total:,} weights, of which
{trainable:,} were trained.

| | |
| --- | --- |
| takes | {takes} |
| gives | probabilities, float32[n, {classes}], in the order of `class_names` |
| on {images:,} test images | loss {loss:.4f}, accuracy {accuracy:.4f} |

Of image files, in the project: `python -m stages.predict IMAGE --variant {name}`. In Python:

```python
import json, zipfile, keras

model = keras.saving.load_model("model.keras")
class_names = json.loads(zipfile.ZipFile("model.keras").read("metadata.json"))["class_names"]
```

`run.json` says on what data, with which versions and settings it was made.
"""


def text(model: keras.Model, record: Mapping[str, Any], test: tuple[Any, Any]) -> str:
    """Returns the card as Markdown.

    Args:
        model: as it is saved.
        record: run.json.
        test: probabilities float32[n, k] and labels int64[n] of the test images.
    """
    shape = model.inputs[0].shape[1:]
    sizes = ", ".join(map(str, shape))
    is_image = len(shape) == 3 and shape[-1] == 3
    takes = f"RGB images in [0, 255], float32[n, {sizes}]" if is_image else f"features, float32[n, {sizes}]"
    facts = {key: record[key] for key in ("name", "epochs", "dataset", "classes", "seed")}
    return TEXT.format(
        **facts, **record["parameters"], **loss_and_accuracy(*test), takes=takes, images=len(test[1])
    )

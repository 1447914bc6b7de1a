"""Layers of a saved model: shapes, names and parameters from the file alone."""

import keras
import pandas as pd
from small_results import LAYERS, write_model

from stages.feature_steps import l2_norm, square_root
from stages.networks import deeper_net, views
from stages.pooling import gem
from stages.results import architecture


def table(folder, layers=LAYERS) -> pd.DataFrame:
    write_model(folder / "model.keras", layers)
    return architecture.table(folder / "model.keras")


def test_a_row_per_layer_says_what_it_takes_gives_and_holds(tmp_path):
    rows = table(tmp_path).astype(object).where(lambda cells: cells.notna(), None).to_numpy().tolist()
    assert rows == [
        ["conv", "Conv2D", 3, 4, 2, 3, 2, (3 * 3 * 3 + 1) * 2],
        ["bn", "BatchNormalization", None, 2, 2, 2, 2, 4 * 2],
        ["relu", "relu", None, 2, 2, 2, 2, None],
        ["flatten", "Flatten", None, 2, 8, 2, None, None],
        ["logits", "Dense", None, 8, 3, None, None, (8 + 1) * 3],
        ["probabilities", "softmax", None, 3, 3, None, None, None],
    ]


def test_the_backbone_of_a_long_model_is_one_row(tmp_path):
    backbone = [(f"conv{n}", *LAYERS[1][1:]) for n in range(architecture.MOST_LAYERS)]
    pooling = ("pooled", "GlobalAveragePooling2D", {}, [2])
    rows = table(tmp_path, [LAYERS[0], *backbone, pooling, *LAYERS[5:]])
    assert rows["layer"].tolist() == ["60 layers", "pooled", "logits", "probabilities"]
    # the first takes 3 channels, the others 2
    assert rows["parameters"][0] == 56 + 59 * (3 * 3 * 2 + 1) * 2
    assert (rows["kind"][0], rows["channels_out"][0]) == ("Backbone", 2)


def test_a_number_per_image_has_no_size(tmp_path):
    trace = ("trace", "Trace", {}, [])
    rows = table(tmp_path, [*LAYERS[:4], trace, *LAYERS[4:]])
    assert rows.set_index("layer").loc["trace", ["size_in", "size_out"]].tolist() == [2, None]


def test_the_rows_of_a_real_network_hold_all_its_parameters(tmp_path):
    image = keras.Input((16, 16, 3), name="image")
    knobs = {"filters": [2, 2, 3, 3], "dense_units": [4], "batch_norm": "before", "dense_dropout": [0.5]}
    model = keras.Model(image, deeper_net.build(image, n_classes=3, seed=0, **knobs))
    model.save(tmp_path / "real.keras")
    rows = architecture.table(tmp_path / "real.keras")
    assert rows["parameters"].sum() == model.count_params()
    assert rows["kind"].tolist().count("BatchNormalization") == 5
    last = rows[rows["kind"] == "Dense"].iloc[-1]
    assert (last["size_in"], last["size_out"]) == (4, 3)


def test_the_operations_of_a_step_are_one_row_and_what_is_pooled_ends_the_backbone(tmp_path):
    image = keras.Input((8, 8, 3), name="image")
    x = image
    for number in range(architecture.MOST_LAYERS):
        x = keras.layers.Conv2D(3, 1, name=f"conv{number}")(x)
    x = l2_norm.add(square_root.add(gem.pool(x)))
    keras.Model(image, keras.layers.Dense(2, name="logits")(x)).save(tmp_path / "steps.keras")
    rows = architecture.table(tmp_path / "steps.keras")
    assert rows["kind"].tolist() == [
        *("Backbone", "Pooled features", "Square root", "UnitNormalization", "Dense"),
    ]
    pooled = rows.iloc[1]
    assert (pooled["size_in"], pooled["size_out"], pooled["channels_in"]) == (8, 3, 3)
    assert rows["parameters"][0] == architecture.MOST_LAYERS * (3 + 1) * 3


def test_a_model_that_averages_views_shows_the_network_inside(tmp_path):
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(image)
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax", name="logits")(x), name="net")
    views.averaged(model, views.views(mirror=True, shift=2)).save(tmp_path / "views.keras")
    rows = architecture.table(tmp_path / "views.keras")
    assert rows["layer"].tolist() == ["pool", "logits"]
    assert rows["parameters"].tolist() == [None, (3 + 1) * 2]

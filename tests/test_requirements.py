"""What a backbone must do for the features that are asked of it, and what one is told where it does not."""

import keras
import pytest

from stages.demo import small_backbone
from stages.features import requirements
from stages.networks import views
from stages.runtime.errors import InputError

pytestmark = pytest.mark.usefixtures("keras_configured")


def model(*layers, channels=3, size=None):
    x = inputs = keras.Input((size, size, channels))
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


def test_a_backbone_and_its_layers_pass():
    requirements.check(
        small_backbone.build(), 24, ("conv3_relu", "conv5_relu"), views.views(mirror=True, shift=4)
    )


def test_a_layer_that_the_backbone_lacks_is_refused_with_the_ends_of_its_blocks():
    with pytest.raises(InputError) as caught:
        requirements.check(small_backbone.build(), 24, ["conv3_relu", "conv4_rellu"])
    assert str(caught.value) == (
        "layers: the backbone has no layer 'conv4_rellu', expected such as the ends of its blocks:"
        " conv2_relu, conv3_relu, conv5_relu. Did you mean 'conv4_relu'?"
    )


def test_the_end_of_a_block_is_where_its_shortcut_ends():
    x = inputs = keras.Input((None, None, 3))
    for block in (1, 2):
        way = keras.layers.Conv2D(4, 1, name=f"block{block}_first")(x)  # of the size of the block before
        way = keras.layers.Conv2D(4, 1, 2, name=f"block{block}_second")(way)
        short = keras.layers.Conv2D(4, 1, 2, name=f"block{block}_short")(x)
        x = keras.layers.Add(name=f"block{block}_out")([way, short])
    expected = r"blocks: block1_out, block2_out\. Did you mean 'block2_out'\?$"
    with pytest.raises(InputError, match=expected):
        requirements.check(keras.Model(inputs, x), 16, ["block2"])


def test_images_below_the_least_size_are_refused_with_that_size():
    deep = model(*(keras.layers.AveragePooling2D(2) for _ in range(5)), keras.layers.Conv2D(4, 2))
    requirements.check(deep, 64)
    for size in (16, 40, 63):
        expected = rf"^the backbone needs images of at least 64x64, received image_size: {size}; raise it"
        with pytest.raises(InputError, match=expected):
            requirements.check(deep, size)


def test_a_backbone_for_one_size_is_refused_for_another_with_its_size():
    with pytest.raises(InputError, match=r"takes only images of 32x32, received image_size: 16;"):
        requirements.check(model(keras.layers.Conv2D(2, 1), size=32), 16)


def test_a_backbone_for_grey_images_is_refused():
    with pytest.raises(InputError, match=r"^the backbone does not take RGB images of 16x16: "):
        requirements.check(model(keras.layers.Conv2D(2, 1), channels=1), 16)


def test_a_backbone_without_maps_is_refused():
    with pytest.raises(InputError, match=r"^the backbone returns shape \(2, 3\) \(its output\), expected "):
        requirements.check(model(keras.layers.GlobalAveragePooling2D()), 16)


@pytest.mark.parametrize("scale", [float("inf"), float("nan"), 3e38])
def test_a_backbone_whose_maps_are_not_finite_is_refused(scale):
    with pytest.raises(InputError, match=r"^the backbone returns infinite values or NaN"):
        requirements.check(model(keras.layers.Rescaling(scale)), 16)


def test_a_backbone_that_sees_no_difference_between_images_is_refused():
    blind = model(keras.layers.Rescaling(1.0, offset=1.0), keras.layers.ReLU(max_value=0.5))  # saturated
    with pytest.raises(InputError, match=r"equal maps for different images \(its output\); it must take raw"):
        requirements.check(blind, 16)


def test_a_backbone_of_two_outputs_is_refused():
    inputs = keras.Input((None, None, 3))
    two = keras.Model(inputs, [keras.layers.ReLU()(inputs), keras.layers.ReLU()(inputs)])
    with pytest.raises(InputError, match=r"^the backbone has 1 inputs and 2 outputs, expected one of each"):
        requirements.check(two, 16)

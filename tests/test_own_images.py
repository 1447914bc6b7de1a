"""What a study of a folder of images is made of, by how many there are."""

import io

import numpy as np
import pytest
from ruamel.yaml import YAML

from stages.projects import own_images


def params(train):
    images = np.array([[train // 2, 10, 10]] * 2)
    return YAML(typ="safe").load(
        io.StringIO(own_images.params(own_images.Counts(["a", "b"], images), None, skip_damaged=False))
    )


@pytest.mark.parametrize(
    ("train", "epochs", "seeds"), [(60, 40, 3), (2000, 30, 3), (3000, 20, 1), (100_000, 10, 1)]
)
def test_many_images_are_seen_less_often_and_by_one_seed(train, epochs, seeds):
    study = params(train)
    assert study["defaults"]["epochs"] == epochs
    assert study["defaults"]["restore_best"] is True
    assert 0 < study["defaults"]["patience"] < epochs
    assert study["variants"]["small_net"]["seeds"] == seeds

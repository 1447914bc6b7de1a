"""What a study of a folder of images is made of, by how many there are."""

import io

import numpy as np
import pytest
from ruamel.yaml import YAML

from stages.classifiers import in_browser
from stages.datasets import balance, folder
from stages.projects import own_images
from stages.runtime.modules import ROOT


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


def test_the_guide_has_the_numbers_of_the_code():
    guide = " ".join((ROOT / "docs/own-data.md").read_text(encoding="utf-8").split())
    assert f"at most {own_images.EPOCHS} epochs" in guide
    assert f"Up to {own_images.FEW:,} training images, three seeds" in guide
    assert own_images.SEEDS == balance.TIMES == folder.FEWEST == 3  # "three" in words
    assert f"every network of at most {in_browser.MOST:,} weights" in guide

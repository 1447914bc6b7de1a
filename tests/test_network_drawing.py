"""The networks on the page: blocks to the scale of their layers, next to the table, if they are new."""

import re

import pandas as pd
import pytest
from small_results import LAYERS, write_model
from small_study import build_page, run_report, write_variant
from test_report import text

from stages.results import architecture


def networks(page):
    """Returns the markup of each network that is drawn."""
    return re.findall(r'<ol class="network">.*?</ol>', page, re.DOTALL)


def boxes(network):
    """Returns (class, depth, height) of each block, read from its front."""
    front = r'<svg class="(\w+)".*?<path d="M0 [\d.]+h([\d.]+)v([\d.]+)h'
    return [(kind, float(depth), float(height)) for kind, depth, height in re.findall(front, network)]


@pytest.fixture
def page(tmp_path):
    return build_page(tmp_path).read_text(encoding="utf-8")


def test_a_block_is_as_high_as_its_maps_and_as_deep_as_its_channels(page):
    # 4 × 4 pixels of 3 colours, 2 × 2 of 2 channels, 3 classes; 64 pixels are 8 of a map and 3 channels
    assert boxes(networks(page)[0]) == [("input", 64, 32), ("conv", 42.7, 16), ("dense", 64, 8)]
    shown = text(networks(page)[0]).split()
    assert shown == ["Input", "4×4×3", "Conv2D", "3×3", "2×2×2", "56", "Linear", "3", "27"]


def test_a_bar_is_as_long_as_the_layer_has_parameters(page):
    assert re.findall(r"width:([\d.]+)px", networks(page)[0]) == ["64.0", "30.9"]  # 56 and 27


def test_a_network_is_in_the_fold_of_each_variant_and_outside_where_its_parent_has_another(tmp_path, page):
    assert len(networks(page)) == 3, "two folds; `final` extends `normalised` and has its network"
    assert text(page).count("The network of") == 1
    wider = [*LAYERS[:-2], ("logits", "Dense", {"units": 4, "use_bias": True}, [4]), LAYERS[-1]]
    write_variant(tmp_path, "zoom_50", 0.3)
    write_model(tmp_path / "model.keras", wider)
    table = architecture.table(tmp_path / "model.keras")
    table.to_csv(tmp_path / "plots/variants/zoom_50/architecture.csv", index=False)
    shown = text(run_report(tmp_path).read_text(encoding="utf-8"))
    assert [name in shown for name in ("The network of zoom_50", "The network of final")] == [True, False]


def test_a_network_of_unknown_shapes_is_not_drawn(tmp_path, page):
    for name in ("normalised", "final"):
        path = tmp_path / "plots/variants" / name / "architecture.csv"
        pd.read_csv(path).assign(size_in=None).to_csv(path, index=False)
    page = run_report(tmp_path).read_text(encoding="utf-8")
    assert networks(page) == []
    assert "The network of" not in text(page)

"""A network drawn to scale from its layers, as the report's tables list them."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from stages.page import labels
from stages.page.bilingual import text, whole
from stages.page.content import StudyView, VariantView
from stages.page.leaderboard import link

LARGEST = 64  # pixels of the largest side of a block, and of the longest bar
TALLEST = 8  # least height of maps for which a block is as high as LARGEST


class Block(NamedTuple):
    """What comes in or a layer: the height of its maps, 1 for a vector, and their channels or its units."""

    kind: str
    kernel: int
    size: int
    channels: int
    parameters: int


def figure(variants: Sequence[VariantView], study: StudyView) -> str:
    """Returns the networks that differ from those of the variants' parents; "" for none."""
    drawn = ""
    for variant in variants:
        parent = study.variants.get(variant.parent or "")
        if parent is None or _blocks(parent) != _blocks(variant):
            network = drawing(variant)
            drawn += (
                f"<figcaption>{text('network_of')} {link(variant)}</figcaption>{network}" if network else ""
            )
    return f'<figure>{drawn}<p class="axes">{text("network_axes")}</p></figure>' if drawn else ""


def drawing(variant: VariantView) -> str:
    """Returns the network as a row of blocks, "" if no shapes are known."""
    found = _blocks(variant)
    if not found:
        return ""
    tall, deep, heavy = (max(block[place] for block in found) for place in (2, 3, 4))
    items = []
    for block in found:
        kernel = f" {block.kernel}×{block.kernel}" if block.kernel else ""
        name = labels.layer(block.kind) + kernel if block.kind else text("input")
        shape = f"{block.size}×{block.size}×{block.channels}" if block.size > 1 else whole(block.channels)
        length = LARGEST * block.parameters / (heavy or 1)
        bar = f'<i style="width:{length:.1f}px"></i>{whole(block.parameters)}'
        drawn = _box(block.kind, LARGEST * block.size / max(tall, TALLEST), LARGEST * block.channels / deep)
        shown = f"<span>{shape}</span><span>{bar if block.parameters else ''}</span>"
        items.append(f"<li>{drawn}<b>{name}</b>{shown}</li>")
    return f'<ol class="network">{"".join(items)}</ol>'


def _blocks(variant: VariantView) -> list[Block]:
    """Returns the input and the layers that change the shape, as far as shapes are known."""
    found: list[Block] = []
    if "architecture" not in variant.tables:
        return found
    table = variant.tables["architecture"]
    first = "Backbone" if "Backbone" in set(table["kind"]) else ""  # its own layers are not listed
    for row in table.dropna(subset=["size_in", "size_out"]).itertuples():
        before, here = _shape(row.size_in, row.channels_in), _shape(row.size_out, row.channels_out)
        found = found or [Block(first, 0, *before, 0)]
        if row.kind.endswith(("Conv2D", "Dense")) or (here != before and row.kind != "Flatten"):
            kernel, parameters = (
                0 if pd.isna(number) else int(number) for number in (row.kernel, row.parameters)
            )
            found.append(Block(row.kind, kernel, *here, parameters))
    return found if len(found) > 1 else []


def _shape(size: float, channels: float) -> tuple[int, int]:
    return (1, int(size)) if pd.isna(channels) else (int(size), int(channels))


def _box(kind: str, height: float, depth: float) -> str:
    height, depth = max(height, 2), max(depth, 2)
    slant = height / 4
    right, down, up = f"h{depth:.1f}", f"v{height:.1f}", f"l{slant:.1f}-{slant:.1f}"
    back = f"l-{slant:.1f} {slant:.1f}"
    front = f'<path d="M0 {slant:.1f}{right}{down}h-{depth:.1f}z"/>'
    top = f'<path class="top" d="M0 {slant:.1f}{up}{right}{back}z"/>'
    side = f'<path class="side" d="M{depth:.1f} {slant:.1f}{up}{down}{back}z"/>'
    style = next((word for word in ("Dense", "Pool", "Conv") if word in kind), "Input").lower()
    size = f'width="{depth + slant + 1:.0f}" height="{height + slant + 1:.0f}"'
    return f'<svg class="{style}" {size} aria-hidden="true">{front}{top}{side}</svg>'

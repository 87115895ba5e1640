"""Makes docs/images/overview.png: a photograph, feature maps, what excited channels, a dream.

Usage: python scripts/readme_picture.py [FILE]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cnnvis_widgets import activations, demo, dream, reconstruct
from cnnvis_widgets.imaging import render
from cnnvis_widgets.imaging.captions import captioned_grid
from cnnvis_widgets.imaging.grid import montage

SIDE, GAP = 240, 10
MAPS = (0, 6, 15, 2, 19, 14, 21, 20, 5)
"""Feature maps of the stem that differ most to the eye: edges of each direction, colours, brightness."""
CAPTIONS = (
    ["A photograph"],
    ["Feature maps of the first layer"],
    ["What made four deep channels fire"],
    ["A deep dream in another photograph"],
)


def overview() -> np.ndarray:
    """Four square panels with captions, uint8 (height, width, 3)."""
    network, layer = demo.network(), "block9_depthwise_relu"
    [stem] = activations(network, layers="stem_relu")
    [deep] = activations(network, layers=layer)
    strongest = [int(channel) for channel in deep.strengths[0].argsort()[::-1][:5]]
    seen = reconstruct(network, None, layer, channels=strongest[1:5], rule="guided")
    flower = demo.preprocess(demo.photos()["flower"], (SIDE, SIDE))
    *_, last = dream(network, {"image": flower[None]}, "block12_add", 0, start="feed")
    panels = (
        render.picture(network.images()[0], network.value_range()),
        montage(render.activation_tiles(stem, scale="map")[list(MAPS)], gap=1),
        montage(render.reconstruction_tiles(seen, scale="map", crop=True), gap=1),
        render.picture(last.images[0], last.value_range),
    )
    resized = [Image.fromarray(panel).resize((SIDE, SIDE), Image.Resampling.LANCZOS) for panel in panels]
    return in_a_row([np.asarray(panel) for panel in resized])


def in_a_row(panels: Sequence[np.ndarray]) -> np.ndarray:
    """Panels beside each other on white, each with its caption below, uint8 (height, width, 3)."""
    cells = [captioned_grid(panel[None], [caption]) for panel, caption in zip(panels, CAPTIONS, strict=True)]
    gap = np.full((len(cells[0]), GAP, 3), 255, np.uint8)
    return np.hstack([part for cell in cells for part in (cell, gap)][:-1])


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/overview.png")
    Image.fromarray(overview()).save(target, optimize=True)
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")

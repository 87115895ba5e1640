"""What an explorer shows, as arrays, for tests of the widgets."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

import cnnvis_widgets
from cnnvis_widgets import ModelExplorer
from cnnvis_widgets.widgets.elements.canvas import PictureCanvas


def run_code(explorer: ModelExplorer) -> dict[str, Any]:
    """The names that the copied code defines, with this network and feed filled in."""
    state, view = explorer.state, explorer.views["comparison"]
    code = explorer.code()
    assert code.startswith("import cnnvis_widgets\n")
    code = code[code.index(view_code := explorer.views[state.method].code()) :].partition("other_feed = feed\n")
    code = code[2] or code[0]
    assert view_code.endswith(code.rstrip("\n"))
    names = {"cnnvis_widgets": cnnvis_widgets, "network": explorer.network, "feed": explorer.feed}
    names |= {"other_network": view.network, "other_feed": view.feed}
    names["other"] = explorer.fed_images.feed(getattr(state, "other_image", 0))
    exec(code, names)
    return names


def pixels(canvas: PictureCanvas) -> np.ndarray:
    """What a canvas shows."""
    image = Image.open(BytesIO(canvas.data))
    return np.asarray(image.convert("RGB") if image.mode == "P" else image)


def same(actual: np.ndarray, expected: np.ndarray) -> None:
    """Shape and dtype first: NumPy would broadcast."""
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(actual, expected)

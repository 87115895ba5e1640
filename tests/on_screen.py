"""What an explorer shows, as arrays, for tests of the widgets."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from cnnvis_widgets import ModelExplorer
from cnnvis_widgets.widgets.elements.canvas import PictureCanvas


def run_code(explorer: ModelExplorer) -> dict[str, Any]:
    """The names that the copied code defines."""
    names = {"explorer": explorer}
    exec(explorer.code(), names)
    return names


def pixels(canvas: PictureCanvas) -> np.ndarray:
    """What a canvas shows."""
    image = Image.open(BytesIO(canvas.data))
    return np.asarray(image.convert("RGB") if image.mode == "P" else image)


def same(actual: np.ndarray, expected: np.ndarray) -> None:
    """Shape and dtype first: NumPy would broadcast."""
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(actual, expected)

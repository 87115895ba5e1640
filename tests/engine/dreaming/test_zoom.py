"""The zoom film: every frame goes on from the middle of the one before."""

import numpy as np
import pytest
from networks import photo

from cnnvis_widgets import dream
from cnnvis_widgets.engine.dreaming.zoom import magnified, zoom
from cnnvis_widgets.errors import OptionError


def test_a_zoom_goes_on_from_its_own_middle(free):
    film = list(zoom(free, photo(64), "c", 1, frames=3, rate=0.2, steps=2, value_range=(0, 1)))
    assert [(step.index, step.total) for step in film] == [(0, 3), (1, 3), (2, 3)]
    assert film[0].images.shape == (1, 64, 64, 3)
    assert film[0].seconds < film[1].seconds < film[2].seconds
    expected = list(
        dream(
            free,
            None,
            "c",
            1,
            start=magnified(film[0].images, 0.2)[0],
            seed=1,
            octaves=1,
            steps=2,
            value_range=(0, 1),
        )
    )[-1]
    assert film[1].images.tobytes() == expected.images.tobytes()


def test_magnifying_keeps_the_middle():
    ramp = np.broadcast_to(np.linspace(0, 1, 40, dtype=np.float32)[:, None, None], (1, 40, 30, 3))
    result = magnified(ramp, 0.5)
    assert result.shape == (1, 40, 30, 3)
    assert result[0, 0, 0, 0] == pytest.approx(0.25, abs=0.02)
    assert result[0, 20, 0, 0] == pytest.approx(0.5, abs=0.02)
    with pytest.raises(OptionError, match="frames=0"):
        zoom(None, None, "c", frames=0)

"""One part of an image hidden: the same as that place of a sweep, and as the network says of the hidden image."""

from __future__ import annotations

import numpy as np
import pytest
from networks import keras_cnn, photo

from cnnvis_widgets import activations, load, occlude, occlusion, predict


@pytest.fixture(scope="module")
def network():
    return load(keras_cnn(), photo())


def test_it_is_a_place_of_the_sweep(network):
    sweep = occlusion(network, None, [0, 1], size=5, stride=3)
    top, left = (int(corners[2]) for corners in sweep.corners)
    found = occlude(network, None, (left, top, 5, 5))
    np.testing.assert_allclose(found.after.scores[0, :2], sweep.scores[0, :, 2, 2], rtol=1e-5)
    np.testing.assert_allclose(found.before.scores[0, :2], sweep.attribution.scores[0], rtol=1e-5)
    assert (found.channel, found.maps) == (sweep.map_channels[0], sweep.maps)
    np.testing.assert_allclose(found.map_after.sum(), sweep.map_totals[0, 2, 2], rtol=1e-5)


def test_a_box_over_the_border_hides_what_is_inside(network):
    hidden = photo().copy()
    hidden[0, :3, 16:] = 0.25
    found = occlude(network, None, (16, -2, 9, 5), fill=0.25)
    np.testing.assert_allclose(found.after.scores, predict(network, hidden).scores, rtol=1e-5)
    (maps,) = activations(network, hidden, found.maps)
    np.testing.assert_allclose(found.map_after, maps.values[0, ..., found.channel], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("box", [(0, 0, 0, 3), (20, 0, 3, 3), (0, -3, 3, 3)])
def test_a_box_that_hides_nothing_is_refused(network, box):
    with pytest.raises(ValueError, match="covers some of 20 x 20 pixels"):
        occlude(network, None, box)

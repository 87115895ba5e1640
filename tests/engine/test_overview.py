"""One map for each layer against the same in NumPy; and what is done where a layer cannot be computed."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from networks import keras_cnn

from cnnvis_widgets import activations, intervene, load
from cnnvis_widgets.engine.overview import CLEAR, one_map, overview

PHOTO = np.random.default_rng(4).uniform(0, 1, (1, 20, 20, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    return load(keras_cnn(), PHOTO)


def by_hand(values, kind):
    """The map of a layer, one value at a time, in float64."""
    values = values.astype(np.float64)
    if values.ndim == 1:
        return values
    channels = range(values.shape[-1])
    if kind == "strongest":
        peaks = [np.abs(values[..., channel]).max() for channel in channels]
        clear = {c: np.abs(values[..., c]).std() / peaks[c] for c in channels if peaks[c] > CLEAR * max(peaks)}
        return np.abs(values[..., max(clear, key=clear.get)])
    result = np.zeros(values.shape[:-1])
    for place in np.ndindex(*values.shape[:-1]):
        numbers = values[place]
        signed = values.min() < 0
        result[place] = np.sqrt(sum(n * n for n in numbers) / len(numbers)) if signed else sum(numbers) / len(numbers)
    return result


@pytest.mark.parametrize("kind", ["mean", "strongest"])
def test_every_layer_in_one_pass_as_by_hand(network, kind):
    maps = overview(network, None, network.layers, kind=kind)
    told = activations(network, None, [layer.name for layer in network.layers])
    assert len(maps) == len(network.layers)
    signed = 0
    for found, each in zip(maps, told, strict=True):
        wanted = by_hand(each.values[0], kind)
        signed += bool(each.values.min() < 0)
        assert found.dtype == np.float32
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())
    assert signed > 1, "some layers have negative values"


def test_a_clear_channel_stands_for_its_layer_unless_it_is_weak():
    plane, figure = np.full((4, 4), 0.9), np.eye(4)
    strong, weak = (np.stack([plane, peak * figure], axis=-1).astype(np.float32) for peak in (1.0, 0.2))
    np.testing.assert_array_equal(one_map(strong, "strongest"), strong[..., 1])
    np.testing.assert_array_equal(one_map(weak, "strongest"), weak[..., 0])


def test_a_volume_is_averaged_over_its_depth():
    values = np.random.default_rng(0).uniform(0, 1, (3, 4, 5, 2)).astype(np.float32)
    np.testing.assert_allclose(one_map(values), values.mean(axis=-1).mean(axis=0), rtol=1e-6)
    assert one_map(values[0, 0]).shape == (5,), "a signal"


def test_the_layers_behind_a_changed_one_follow_it(network):
    layer = network.layer("layer")
    (maps,) = activations(network, None, layer)
    factors = np.linspace(0, 9, maps.values.shape[-1]).astype(np.float32)
    changed = maps.values * factors
    before = overview(network, None, network.layers)
    after = overview(network, None, network.layers, replaced={layer.name: changed})
    place = network.layers.index(layer)
    for number in range(place):
        np.testing.assert_array_equal(before[number], after[number])
    np.testing.assert_allclose(after[place], changed[0].mean(axis=-1), rtol=1e-6)
    wanted = intervene(network, None, layer, factors).after.scores[0]
    scores = [number for number, each in enumerate(network.layers) if each.tensor == network.logits.tensor]
    np.testing.assert_allclose(after[scores[0]], wanted, rtol=1e-5, atol=1e-6)
    assert not np.array_equal(before[-1], after[-1])


def test_one_layer_that_cannot_be_computed_leaves_the_others_their_maps():
    image = keras.Input((8, 8, 3))
    good = keras.layers.Conv2D(4, 3, name="good")(image)
    bad = keras.layers.Conv2D(4, 3, name="bad", activation="relu")(good)
    model = keras.Model(image, bad)
    model.get_layer("bad").kernel.assign(np.full((3, 3, 4, 4), np.nan))
    network = load(model, np.ones((1, 8, 8, 3), np.float32))
    maps = list(zip(network.layers, overview(network, None, network.layers), strict=True))
    assert [found.shape for layer, found in maps if layer.keras_name == "good"] == [(6, 6)]
    assert [found for layer, found in maps if layer.keras_name == "bad"] == [None, None]


def test_an_unknown_kind_is_refused(network):
    with pytest.raises(ValueError, match="Received: kind='median'"):
        overview(network, None, network.layers, kind="median")

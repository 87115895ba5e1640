"""The film strip without a browser: it follows image, occluder and intervention, and takes every kind of network."""

from __future__ import annotations

import sys
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from networks import keras_cnn
from PIL import Image

from cnnvis_widgets import activations, demo, load
from cnnvis_widgets.engine.overview import one_map, overview
from cnnvis_widgets.widgets.overview.film_strip import FilmStrip
from cnnvis_widgets.widgets.overview.thumbnails import COLUMNS, thumbnail
from cnnvis_widgets.widgets.state.fed_images import FedImages
from cnnvis_widgets.widgets.views.registry import FullState

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "docs"))
from kinds.catalogue import KINDS  # noqa: E402

PHOTOS = np.random.default_rng(4).uniform(0, 1, (2, 20, 20, 3)).astype(np.float32)


def opened(network, feed):
    fed = FedImages(network, feed)
    state = FullState(fed, [f"image {number}" for number in range(len(fed.images))])
    layers = network.runtime.layers_as_fed(network.feeds(feed))
    strip = FilmStrip(state, fed, layers)
    strip.refresh()
    return state, strip


@pytest.fixture
def small():
    state, strip = opened(load(keras_cnn(), PHOTOS), PHOTOS)
    strip.wait(60)
    return state, strip


def tile(strip, layer):
    """The pixels of a layer's thumbnail, out of the sprite; number -1 is the image."""
    height, width = strip.element.tile
    pixels = np.asarray(Image.open(BytesIO(strip.element.sprite)).convert("RGB"))
    row, column = divmod(layer + 1, COLUMNS)
    return pixels[height * row : height * (row + 1), width * column : width * (column + 1)]


def assert_shows(strip, layer, values):
    np.testing.assert_array_equal(tile(strip, layer), thumbnail(values, tuple(strip.element.tile)))


def maps_of(state, strip, **options):
    network = state.network
    fed = strip._fed_images.at(state.image, state.layer)
    return overview(network, fed.feed, network.layers, **options)


def test_every_layer_shows_what_it_sees(small):
    state, strip = small
    count = len(state.network.layers)
    spatial = [number for number, layer in enumerate(state.network.layers) if layer.spatial_shape]
    assert len(strip.element.ready) == count + 1
    assert [number for number in range(count) if strip.element.ready[number + 1] == "1"] == spatial
    assert sorted(map(int, strip.element.drawings)) == sorted(set(range(count)) - set(spatial))
    for number, values in enumerate(maps_of(state, strip)):
        if number in spatial:
            assert_shows(strip, number, values)
    assert strip.element.about == "this image"


def test_it_follows_the_image(small):
    state, strip = small
    before = strip.element.sprite
    state.image = 1
    strip.wait(60)
    assert strip.element.sprite != before
    assert_shows(strip, 2, maps_of(state, strip)[2])
    state.image = 0
    strip.wait(60)
    assert strip.element.sprite == before


def test_it_follows_the_choice_of_thumbnails(small):
    state, strip = small
    strip.element.set_state({"kind": "strongest"})  # as the menu in the page does
    assert state.thumbnails == "strongest"
    strip.wait(60)
    assert_shows(strip, 2, maps_of(state, strip, kind="strongest")[2])


def test_it_follows_the_occluder(small):
    state, strip = small
    state.method, state.occluder = "occlusion", (2, 3, 6, 5)
    strip.wait(60)
    hidden = PHOTOS[0].copy()
    hidden[3:8, 2:8] = sum(strip._fed_images.value_range) / 2
    layer = 2
    (values,) = overview(state.network, hidden[np.newaxis], [state.network.layers[layer]])
    assert_shows(strip, layer, values)
    assert strip.element.about == "this image behind the occluder"
    state.method = "activations"
    strip.wait(60)
    assert strip.element.about == "this image"


def test_it_follows_an_intervention(small):
    state, strip = small
    state.layer = state.network.layer("layer").name
    state.method = "intervention"
    strip.wait(60)
    before = strip.element.sprite
    (maps,) = activations(state.network, PHOTOS[:1], state.layer)
    channel = int(maps.values[0].sum(axis=(0, 1)).argmax())
    state.channel, state.factor = channel, 0.0
    strip.wait(60)
    assert strip.element.sprite != before
    assert strip.element.about == f"this image, channel {channel} of {state.layer} × 0"
    number = [layer.name for layer in state.network.layers].index(state.layer)
    np.testing.assert_array_equal(tile(strip, number - 1), tile_of(before, strip, number - 1))
    changed = maps.values[0].copy()
    changed[..., channel] = 0.0
    assert_shows(strip, number, one_map(changed))
    state.factor = 1.0
    strip.wait(60)
    assert (strip.element.sprite, strip.element.about) == (before, "this image")


def tile_of(sprite, strip, number):
    now, strip.element.sprite = strip.element.sprite, sprite
    try:
        return tile(strip, number)
    finally:
        strip.element.sprite = now


def test_a_block_unfolds_and_is_filled_when_it_is_opened():
    network = demo.network()
    state, strip = opened(network, network.feed)
    strip.wait(60)
    assert strip.element.blocks[strip.element.unfolded][0] == "stem"
    inner = next(block for block in strip.blocks if block.title == "block 5")
    hidden = [number for number in range(inner.first, inner.last + 1) if number != inner.shown]
    assert all(strip.element.ready[number + 1] == "0" for number in hidden)
    assert all(strip.element.ready[block.shown + 1] == "1" for block in strip.blocks[:-2])
    state.layer = network.layers[inner.shown].name
    strip.wait(60)
    assert strip.element.blocks[strip.element.unfolded][0] == "block 5"
    assert all(strip.element.ready[number + 1] == "1" for number in hidden)
    strip.element._receive(None, {"event": "fold"}, [])
    assert strip.element.unfolded == -1
    strip.element._receive(None, {"event": "unfold"}, [])
    assert strip.element.blocks[strip.element.unfolded][0] == "block 5"
    strip.wait(60)


@pytest.mark.matrix
@pytest.mark.parametrize("name", [name for name in KINDS if "file" not in name])
def test_every_kind_of_network_has_a_strip(name):
    import keras

    keras.utils.set_random_seed(0)
    sample = KINDS[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of images that influence each other
        network = load(sample.model, sample.feed, **sample.options)
    if not network.layers:
        return
    state, strip = opened(network, sample.feed)
    strip.wait(60)
    told = strip.element.about
    assert told == "this image", told
    drawn = {number for number in range(len(network.layers)) if strip.element.ready[number + 1] == "1"}
    drawn |= set(map(int, strip.element.drawings))
    missing = [network.layers[number].name for number in range(len(network.layers)) if number not in drawn]
    assert missing == [] or name == "weights with NaN", missing
    assert state.layer

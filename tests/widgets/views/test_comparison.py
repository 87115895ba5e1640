"""Two images, two layers or two networks: A, B and A − B."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from on_screen import pixels, run_code
from PIL import Image

from cnnvis_widgets import activations, load
from cnnvis_widgets.errors import FeedError, LayerError
from cnnvis_widgets.imaging.colormaps import MAGMA
from cnnvis_widgets.imaging.heat import heat

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs", "inline_jobs")


def tiny(seed):
    keras.utils.set_random_seed(seed)
    layers = [
        keras.Input((20, 24, 3)),
        keras.layers.Conv2D(6, 3, activation="relu", name="first"),
        keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="second"),
        keras.layers.Conv2D(5, 3, strides=2, activation="relu", name="third"),
    ]
    return load(keras.Sequential(layers))


@pytest.fixture(scope="module")
def network():
    return tiny(3)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3)).astype(np.float32)


@pytest.fixture
def explorer(explorer):
    explorer.state.method = "comparison"
    return explorer


def panel_pixels(explorer, name):
    return pixels(explorer.views["comparison"].panels[name])


def check(explorer, a, b):
    channel, names = explorer.state.channel, run_code(explorer)
    np.testing.assert_array_equal(names["a"].values, a.values)
    np.testing.assert_array_equal(names["b"].values, b.values)
    first, second = a.values[0, ..., channel], b.values[0, ..., channel]
    limit = max(first.max(), second.max())
    np.testing.assert_array_equal(
        panel_pixels(explorer, "A"), heat(first, limit=limit, signed=False, table=MAGMA).pixels
    )
    np.testing.assert_array_equal(
        panel_pixels(explorer, "B"), heat(second, limit=limit, signed=False, table=MAGMA).pixels
    )
    if first.shape == second.shape:
        difference = heat(first - second, limit=limit, signed=True).pixels
        np.testing.assert_array_equal(panel_pixels(explorer, "A-B"), difference)


def test_two_images_on_one_scale(explorer, network, images):
    state = explorer.state
    for other in (1, 2):
        state.other_image = other
        (a,), (b,) = (activations(network, images[[index]], state.layer) for index in (0, other))
        check(explorer, a, b)
    np.testing.assert_array_equal(run_code(explorer)["difference"], a.values - b.values)


def test_two_layers(explorer, network, images):
    state = explorer.state
    state.channel = 2
    state.versus = "layer"
    for other in ("second", "third"):
        state.other_layer = other
        (a,), (b,) = (activations(network, images[:1], layer) for layer in (state.layer, other))
        check(explorer, a, b)
    assert "differ in size" in explorer.views["comparison"].panels["A-B"].alt
    assert "difference" not in run_code(explorer)
    state.channel = 5  # which the third layer lacks
    assert panel_pixels(explorer, "B").shape == (32, 32)
    assert state.error == ""


def test_two_networks(explorer, network, images):
    menu = explorer.views["comparison"].options[0]
    assert "another network" not in dict(menu.options), "what cannot be done is not offered"
    explorer.state.versus = "network"
    assert "explorer.compare_with(network)" in explorer.state.error
    other = tiny(4)
    explorer.compare_with(other)
    assert (menu.value, "another network" in dict(menu.options)) == ("network", True)
    assert explorer.state.error == ""
    (a,), (b,) = (activations(net, images[:1], explorer.state.layer) for net in (network, other))
    assert not np.array_equal(a.values, b.values)
    check(explorer, a, b)
    keras.utils.set_random_seed(0)
    strange = load(keras.Sequential([keras.Input((20, 24, 3)), keras.layers.Conv2D(2, 3, name="else")]))
    with pytest.raises(LayerError):
        explorer.compare_with(strange)


def test_one_cursor_for_all(explorer):
    panels = explorer.views["comparison"].panels
    panels["B"]._receive(None, {"event": "click", "x": 4.6, "y": 7.2}, [])
    assert explorer.state.unit == (7, 4)
    assert [panel.selected for panel in panels.values()] == [(4, 7, 1, 1)] * 3
    panels["A-B"]._receive(None, {"event": "key", "key": "ArrowRight"}, [])
    assert explorer.state.unit == (7, 5)
    a, b, difference = (float(panel.alt.split(", ")[-3].split(" ")[0]) for panel in panels.values())
    assert difference == pytest.approx(a - b, abs=2e-3 * max(abs(a), abs(b), 1))
    with pytest.raises(FeedError, match="an image"):
        explorer.state.other_image = 3


def test_what_is_written_is_what_is_on_the_screen(explorer):
    explorer.state.channel = 2
    explorer.save_png()
    names = [path.name for path in explorer.state.files]
    assert names == ["grid_activation_0.png", *(f"comparison_{panel}_2_0.png" for panel in ("A", "B", "A-B"))]
    for path, panel in zip(explorer.state.files[1:], ("A", "B", "A-B"), strict=True):
        with Image.open(path) as picture:
            drawn, told = np.asarray(picture), picture.text
        on_screen = panel_pixels(explorer, panel)
        factor = len(drawn) // len(on_screen)
        np.testing.assert_array_equal(drawn[::factor, ::factor], on_screen)
        assert told["Full colour"] in explorer.views["comparison"].panels["A"].alt or float(told["Full colour"]) > 0
    explorer.state.versus, explorer.state.other_layer = "layer", "third"
    explorer.save_png()
    assert not any("A-B" in path.name for path in explorer.state.files[4:])

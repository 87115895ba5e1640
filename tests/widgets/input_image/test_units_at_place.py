"""A place of the photo, and the units that see it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnvis_widgets import ModelExplorer, ReceptiveField
from cnnvis_widgets.widgets.input_image.units_at_place import standing_out

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs", "inline_jobs")


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(-9, 3), st.integers(1, 12), st.integers(0, 30), st.integers(1, 12))
def test_the_units_that_see_a_place_are_those_whose_window_holds_it(stride, start, size, place, count):
    field = ReceptiveField((stride,), (start,), (size,))
    windows = [field.window((unit,))[0] for unit in range(count)]
    seeing = [unit for unit, window in enumerate(windows) if window.start <= place < window.stop]
    assert list(range(count))[field.units_seeing((place,), (count,))[0]] == seeing


def test_maps_that_fire_here_more_than_elsewhere_come_first():
    values = np.zeros((4, 5, 3), np.float32)
    values[1, 2, 0], values[2, 3, 1], values[0, 0, 2] = 2.0, 5.0, 9.0
    units = standing_out(values, (slice(1, 4), slice(1, 5)))
    assert [(unit.channel, unit.unit, unit.value) for unit in units] == [(1, (2, 3), 5.0), (0, (1, 2), 2.0)]
    assert standing_out(values, (slice(3, 3), slice(0, 5))) == ()
    values[..., 1] = 5.0  # everywhere
    assert [unit.channel for unit in standing_out(values, (slice(1, 4), slice(1, 5)))] == [0, 1]


@pytest.fixture
def explorer():
    keras.utils.set_random_seed(1)
    layers = [keras.Input((12, 12, 3)), keras.layers.Conv2D(4, 3, strides=2, activation="relu", name="c")]
    model = keras.Sequential([*layers, keras.layers.GlobalMaxPooling2D(name="g"), keras.layers.Dense(2, name="d")])
    image = np.random.default_rng(0).random((1, 12, 12, 3), np.float32)
    explorer = ModelExplorer(model, image)
    explorer.state.layer = next(layer.name for layer in explorer.network.layers if layer.kind == "relu")
    return explorer


def click(explorer, x, y):
    explorer.image_pane.canvas._handle_custom_msg({"event": "click", "x": x, "y": y}, [])


def test_a_click_lists_units_and_choosing_one_selects_it(explorer):
    units = explorer.image_pane.units
    assert units.widget.layout.display == "none"
    click(explorer, 6.5, 3.5)
    assert units.widget.layout.display is None
    assert units.units
    maps = explorer.result.values[0]
    above = [unit.value - float(maps[..., unit.channel].mean()) for unit in units.units]
    assert above == sorted(above, reverse=True)
    for unit in units.units:
        left, top, width, height = explorer.fed_images.seen_by(0, explorer.state.layer, unit.unit)
        assert left <= 6 < left + width
        assert top <= 3 < top + height
        assert maps[(*unit.unit, unit.channel)] == unit.value
    last = units.units[-1]
    units._list.set_state({"index": len(units.units) - 1})
    assert (explorer.state.channel, explorer.state.unit) == (last.channel, last.unit)
    assert explorer.image_pane.canvas.selected == explorer.fed_images.seen_by(0, explorer.state.layer, last.unit)


def test_keys_move_the_place_and_another_layer_hides_the_list(explorer):
    units, canvas = explorer.image_pane.units, explorer.image_pane.canvas
    canvas._handle_custom_msg({"event": "key", "key": "Home"}, [])
    assert canvas.readout == "row 0, column 0"
    canvas._handle_custom_msg({"event": "key", "key": "ArrowRight"}, [])
    assert canvas.readout == "row 0, column 1"
    explorer.state.layer = explorer.network.layers[-1].name
    assert units.widget.layout.display == "none"


def test_a_layer_without_places_says_so(explorer):
    explorer.state.layer = explorer.network.logits.name
    click(explorer, 1, 1)
    assert "is not known" in explorer.image_pane.units._title.value

"""Interventions in the explorer: the bars follow the slider, and the code gives what they show."""

from __future__ import annotations

import json
import threading
from html import escape

import numpy as np
import pytest
from on_screen import run_code, same
from PIL import Image

from cnnvis_widgets import intervene
from cnnvis_widgets.errors import ChannelError
from cnnvis_widgets.imaging.bars import bar_chart
from cnnvis_widgets.widgets.jobs.newest_request import NewestRequest

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs")


@pytest.fixture
def explorer(explorer):
    explorer.state.method = "intervention"
    return explorer


def test_the_bars_follow_the_slider(explorer):
    view, state = explorer.views["intervention"], explorer.state
    same(view.intervention.after.scores, view.intervention.before.scores)
    unchanged = view.bars.value
    state.factor = 0.0
    assert view.bars.value != unchanged
    expected = intervene(explorer.network, explorer.feed, state.layer, {state.channel: 0.0})
    same(view.intervention.after.scores, expected.after.scores)
    name, was, now = (
        expected.before.top(1)[0][1],
        expected.before.probabilities.max(),
        expected.after.probabilities[0].max(),
    )
    assert escape(name) in view.bars.value
    assert f"{100 * was:.0f} % → " in view.bars.value
    assert now != was


def test_the_code_gives_what_the_bars_show(explorer):
    state = explorer.state
    state.image, state.layer, state.factor, state.region = 1, "second", 1.7, (2, 3, 4, 5)
    names = run_code(explorer)
    on_screen = explorer.views["intervention"].intervention
    same(names["intervention"].after.probabilities, on_screen.after.probabilities)
    assert not np.array_equal(on_screen.after.scores, on_screen.before.scores)


def test_only_around_the_selected_unit(explorer):
    state, view = explorer.state, explorer.views["intervention"]
    around, reset = (
        next(widget for widget in view.options if widget.description == name)
        for name in ("Only around the selected unit", "Reset")
    )
    assert around.disabled
    around.click()
    assert "Click into the large map" in state.error
    assert state.region == ()
    state.unit = (0, 21)
    assert not around.disabled
    around.click()
    assert state.region == (0, 20, 2, 2)
    assert "in rows 0 to 1, columns 20 to 21" in view._caption.value
    state.factor = 0.0
    reset.click()
    assert (state.factor, state.region) == (1.0, ())
    state.region = (0, 0, 2, 2)
    state.layer = "second"
    assert state.region == ()


def test_a_region_is_brushed_in_the_large_map(explorer):
    portrait = explorer._view.context.gallery.portrait
    assert portrait.drag == "region"
    portrait._receive(None, {"event": "drag", "left": 3, "top": 2, "width": 5, "height": 4, "final": False}, [])
    assert explorer.state.region == (2, 3, 4, 5)
    explorer.state.method = "activations"
    assert portrait.drag == ""
    portrait._receive(None, {"event": "drag", "left": 1, "top": 1, "width": 1, "height": 1, "final": True}, [])
    assert explorer.state.region == (2, 3, 4, 5)


def test_keys_select_a_unit_and_stretch_the_region_from_it(explorer):
    portrait, state = explorer._view.context.gallery.portrait, explorer.state
    for key in ("Home", "ArrowRight", "ArrowDown"):
        portrait._handle_custom_msg({"event": "key", "key": key}, [])
    assert (state.unit, state.region, portrait.selected) == ((1, 1), (), (1, 1, 1, 1))
    for key in ("Right", "Right", "Down", "Left"):
        portrait._handle_custom_msg({"event": "key", "key": f"Shift+Arrow{key}"}, [])
    assert state.region == (1, 1, 2, 2)
    assert (portrait.selected, state.unit) == ((1, 1, 2, 2), (1, 1)), "the frame is that of the region"
    for key in ("End", "Shift+ArrowDown"):
        portrait._handle_custom_msg({"event": "key", "key": key}, [])
    assert state.region == (17, 21, 1, 1), "it stays in the map"
    state.method = "activations"
    portrait._handle_custom_msg({"event": "key", "key": "Shift+ArrowUp"}, [])
    assert (state.unit, state.region) == ((17, 21), (17, 21, 1, 1))


def test_what_is_written_is_what_is_on_the_screen(explorer):
    explorer.state.image, explorer.state.factor, explorer.state.region = 1, 0.0, (2, 3, 4, 5)
    explorer.save_png()
    maps, bars = explorer.state.files
    channel = explorer.state.channel
    assert (maps.name, bars.parent.name, bars.name) == (
        "grid_activation_1.png",
        "intervention",
        f"intervention_{channel}_1.png",
    )
    intervention = explorer.views["intervention"].intervention
    with Image.open(bars) as picture:
        told = picture.text
        drawn = np.asarray(picture)
    assert (told["Factor"], told["Region"], told["Channel"]) == ("0", "2, 3, 4, 5", str(channel))
    assert told["Image"] == "1"
    with Image.open(maps) as picture:
        assert picture.text["Image"] == "1"
    for number, (before, after) in json.loads(told["Classes"]).items():
        assert before == pytest.approx(float(intervention.before.probabilities[0, int(number)]))
        assert after == pytest.approx(float(intervention.after.probabilities[0, int(number)]))
    names = [intervention.after.names[int(number)] for number in json.loads(told["Classes"])]
    parts = np.array(list(json.loads(told["Classes"]).values()))
    same(drawn, bar_chart(names, parts[:, 1], parts[:, 0]))


def test_bars_are_as_long_as_their_parts_and_long_names_are_cut():
    drawn = bar_chart(["a", "x" * 200], [1.0, 0.25], [0.0, 0.75])
    assert (drawn.shape, drawn.dtype) == ((20 + 2 * 34, 480, 3), np.uint8)
    blue = (drawn == (25, 118, 210)).all(axis=-1)
    lengths = [int(blue[rows].any(axis=0).sum()) for rows in (slice(0, 44), slice(44, 88))]
    assert lengths[0] == pytest.approx(460, abs=4)
    assert lengths[1] == pytest.approx(115, abs=2)
    assert (drawn[:, :8] == 255).all(), "nothing is drawn over the margin"
    assert (drawn[:, -9:] == 255).all()


@pytest.mark.parametrize("region", [(0, 0, 19, 2), (0, 0, 0, 2), (-1, 0, 2, 2), (1, 2, 3)])
def test_a_region_outside_the_map_is_refused(explorer, region):
    with pytest.raises(ChannelError, match="within a map of"):
        explorer.state.region = region
    assert explorer.state.region == ()


def test_a_layer_behind_the_classes_is_told(explorer):
    explorer.state.layer = explorer.network.layers[-1].name
    assert "Expected a layer before the class scores" in explorer.views["intervention"].bars.value


def test_waiting_requests_are_dropped_and_computed_ones_shown():
    began, go, ended = threading.Event(), threading.Event(), threading.Event()
    shown = []
    live = NewestRequest(shown.append, shown.append)

    def slow():
        began.set()
        assert go.wait(20)
        return "first"

    def last():
        ended.set()
        return "third"

    live.submit(slow)
    assert began.wait(20)
    live.submit(lambda: "second")
    live.submit(last)
    go.set()
    assert ended.wait(20)
    live._slot.stop(20)
    assert shown == ["first", "third"]


def test_the_chart_draws_the_classes_that_change_most(explorer):
    view, state = explorer.views["intervention"], explorer.state
    assert view.chart.numbers == []
    assert view._most.value == ""
    state.factor = 0.0
    result = view.intervention
    before, after = result.before.amounts[0], result.after.amounts[0]
    changes = np.abs(after - before)
    assert view.chart.numbers[0] == int(changes.argmax())
    assert list(changes[view.chart.numbers]) == sorted(changes[view.chart.numbers], reverse=True)
    np.testing.assert_allclose(view.chart.bars.y, [before[view.chart.numbers[::-1]], after[view.chart.numbers[::-1]]])
    assert "The classes that change most" in view._most.value
    state.factor = 1.0
    assert view.chart.children == ()

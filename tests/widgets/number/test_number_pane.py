"""The pane that tells how a number comes about: its scene, and the way to the layer below."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cnnvis_widgets.engine.arithmetic.unit import unit_arithmetic
from cnnvis_widgets.results import ArithmeticStep
from cnnvis_widgets.widgets.number.number_pane import NumberPane
from cnnvis_widgets.widgets.number.scene import scene, shown, title_of

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs")


def layer_named(explorer, ending):
    return next(layer.name for layer in explorer.network.layers if layer.name.endswith(ending))


def test_a_scene_tells_the_products_of_the_window(explorer):
    told = unit_arithmetic(explorer.network, explorer.feed, layer_named(explorer, "second/Relu"), 3, (4, 5))
    drawn = json.loads(json.dumps(scene(told)))  # it can be sent to the page
    convolution, bias, relu = drawn["forward"]
    assert [convolution["title"], bias["title"], relu["title"]] == ["Convolution", "Bias", "ReLU"]
    shares = np.abs(told.steps[0].products).sum(axis=(0, 1))
    assert [grid["channel"] for grid in convolution["grids"]] == np.argsort(-shares)[:3].tolist()
    total = sum(np.sum(grid["products"]) for grid in convolution["grids"])
    rest = float(convolution["words"].rsplit(" ", 1)[-1].rstrip(".").replace("−", "-"))
    assert total + rest == pytest.approx(told.steps[0].value, rel=1e-3, abs=1e-3)
    assert relu["words"].startswith("relu(")
    assert f"= {shown(told.value)}." in relu["words"]
    assert [[column["rule"] for column in step["columns"]] for step in drawn["backward"]] == [
        ["gradient", "deconvnet", "guided"]
    ] * 3
    assert drawn["backward"][0]["title"] == "ReLU"


def test_the_pane_computes_when_it_is_open(explorer):
    pane = NumberPane(explorer.state, explorer.fed_images)
    layer = layer_named(explorer, "second/Relu")
    pane.ask(layer, 3, (4, 5), 0)
    assert pane.told is None
    pane.button.click()
    assert pane.told.unit == (4, 5)
    assert pane.scene.scene["title"].startswith(f"{layer}, channel 3, unit (4, 5) = ")
    pane.ask(layer, 2, (0, 0), 1)
    assert (pane.told.channel, pane.told.unit) == (2, (0, 0))
    pane.button.click()
    (bar,) = pane.children
    assert bar.children == (pane.button,)


def test_a_click_on_a_number_goes_to_the_layer_below(explorer):
    pane = NumberPane(explorer.state, explorer.fed_images)
    explorer.state.layer = layer_named(explorer, "second/Relu")
    pane.ask(explorer.state.layer, 3, (4, 5), 0)
    pane.toggle()
    pane.scene._handle_custom_msg({"event": "below", "row": 1, "column": 2, "channel": 4}, [])
    state = explorer.state
    assert (state.layer, state.channel, state.unit) == (layer_named(explorer, "first/Relu"), 4, (5, 7))
    pane.ask(state.layer, 4, (5, 7), 0)
    assert pane.told.below == "image"
    pane.go_below(0, 0, 0)  # the image is no layer
    assert state.layer == layer_named(explorer, "first/Relu")


def test_errors_show_in_the_pane(explorer):
    pane = NumberPane(explorer.state, explorer.fed_images)
    pane.ask(explorer.state.layer, 0, (99, 99), 0)
    pane.toggle()
    assert "place of a unit" in pane._error.value


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (ArithmeticStep("p", "max_pool", np.array([[1.0, 3.0], [2.0, np.nan]]), 3.0, 3.0, switch=1), "largest of 4"),
        (ArithmeticStep("p", "average_pool", np.array([[1.0, np.nan]]), 1.0, 1.0), "mean of 1 numbers"),
        (ArithmeticStep("d", "dense", np.ones(50), 50.0, 50.0, weights=np.ones(50)), "Multiply 50 numbers"),
        (ArithmeticStep("x", "Strange", np.array([]), 1.0, 1.0, note="is not told"), "is not told"),
    ],
)
def test_other_steps_have_words(step, words):
    from cnnvis_widgets.widgets.number.scene import _forward

    told = _forward(step)
    assert words in told["words"]
    assert told["title"] == title_of(step)
    if step.kind == "dense":
        assert told["terms"][-1] == {"name": "42 others", "words": "add up to", "product": "42"}

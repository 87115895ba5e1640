"""Beside the reconstructions: all rules side by side, rules of one's own, and the meter of class sensitivity."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from on_screen import run_code, same

from cnnvis_widgets import ModelExplorer, reconstruct, rules, sensitivity
from cnnvis_widgets.engine.backward.rules import _RULES

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs", "inline_jobs")


@pytest.fixture
def explorer(explorer):
    explorer.state.method = "deconvolution"
    return explorer


@pytest.fixture
def own_rule():
    rules.register("everything", lambda signal, entered: signal)
    yield "everything"
    del _RULES["everything"]


def test_all_rules_side_by_side(explorer):
    view, state = explorer.views["deconvolution"], explorer.state
    assert view.all_rules.widget.layout.display == "none"
    state.image, state.all_rules, state.layer, state.channel = 1, True, "second", 3
    assert view.all_rules.widget.layout.display is None
    assert [result.rule for result in view.all_rules.results] == ["deconvnet", "guided", "gradient"]
    names = run_code(explorer)
    for result, expected in zip(view.all_rules.results, names["side_by_side"], strict=True):
        same(result.images, expected.images)
        assert view.all_rules.pictures[result.rule].alt == f"Map 3 of {state.layer} by {result.rule}"
        assert view.all_rules.pictures[result.rule].data
    assert not np.array_equal(view.all_rules.results[0].images, view.all_rules.results[2].images)
    before = view.all_rules.results
    state.channel = 4
    assert view.all_rules.results[0].channels == (4,)
    state.seed = "unit"
    state.unit = (5, 6)
    assert view.all_rules.results is not before
    assert view.all_rules.results[0].seed == (5, 6)


def test_rules_of_ones_own_are_listed(explorer, own_rule, images):
    view, state = explorer.views["deconvolution"], explorer.state
    state.rule = own_rule
    assert view._rules.options[-2:] == (("everything", "everything"), ("gradient", "gradient"))
    assert view._rules.value == own_rule
    expected = reconstruct(explorer.network, images[:1], state.layer, rule=own_rule)
    same(explorer.wait(0).images[0, 0], expected.images[0, explorer.result.channels[0]])
    view._rules.value = "guided"
    assert state.rule == "guided"
    state.all_rules = True
    assert tuple(view.all_rules.pictures) == ("deconvnet", "guided", "everything", "gradient")


def meaning(rival, randomised):
    if rival >= 0.9:
        return "hardly depends on the class: it shows what the network sees, not why it decides."
    return "depends on the class" + (", but hardly on what the top layer has learned." if randomised >= 0.9 else ".")


def test_the_meter_measures_the_rule_for_the_class(explorer, network, images):
    view, state = explorer.views["deconvolution"], explorer.state
    for rule in ("guided", "gradient"):
        state.rule = rule
        wanted = sensitivity(network, images[:1], rule=rule)
        for correlation in (wanted.rival[0], wanted.randomised[0]):
            assert f"correlation {correlation:.2f}" in view.sensitivity.value
        assert f"By {rule}, a picture {meaning(wanted.rival[0], wanted.randomised[0])}" in view.sensitivity.value
        assert "cnnvis-wrong" not in view.sensitivity.value  # nothing is wrong
        assert f"class sensitivity by {rule}" in view.sensitivity.value
    assert "<b>" not in view.sensitivity.value
    state.choose_class(3)
    wanted = sensitivity(network, images[:1], rule="gradient", target=3)
    assert wanted.classes[0, 0] == 3
    assert "for crane, not for this map" in view.sensitivity.value
    assert f"correlation {wanted.rival[0]:.2f}" in view.sensitivity.value


def test_an_old_badge_goes_at_once(explorer, monkeypatch):
    view, state, waiting = explorer.views["deconvolution"], explorer.state, []
    assert view.sensitivity.value
    monkeypatch.setattr(view._request, "submit", waiting.append)
    state.image = 1
    assert view.sensitivity.value == ""
    state.rule = "deconvnet"
    of_the_old_rule, of_the_new_one = (compute() for compute in waiting)
    view._show_sensitivity(of_the_old_rule)
    assert view.sensitivity.value == ""
    view._show_sensitivity(of_the_new_one)
    assert "class sensitivity by deconvnet" in view.sensitivity.value


def test_a_map_of_values_has_no_meter(images):
    model = keras.Sequential([keras.Input((20, 24, 3)), keras.layers.Conv2D(6, 3, activation="relu")])
    explorer = ModelExplorer(model, images)
    explorer.state.method = "deconvolution"
    assert explorer.views["deconvolution"].sensitivity.value == ""
    assert explorer.state.error == ""
    explorer.close()


def test_the_explorer_begins_with_auto_and_says_which_rule_that_is_and_why(explorer, network, images):
    view, state = explorer.views["deconvolution"], explorer.state
    assert (state.rule, view._rules.value) == ("auto", "auto")
    result = explorer.wait(0)
    assert (result.rule, result.coverage.reason) == ("guided", "no max-pool lies on the way")
    state.channel = result.channels[0]
    assert "guided chosen: no max-pool lies on the way" in view.context.gallery.caption.value
    assert "class sensitivity by guided" in view.sensitivity.value
    assert "rule='auto'" in view.code()
    same(
        run_code(explorer)["reconstruction"].images,
        reconstruct(network, images[:1], state.layer, channels=[state.channel], rule="guided").images,
    )
    state.rule = "deconvnet"
    assert explorer.wait(0).rule == "deconvnet"
    assert "chosen" not in view.context.gallery.caption.value


def test_an_empty_picture_says_why_and_has_no_frame():
    model = keras.Sequential(
        [keras.Input((40, 40, 3)), keras.layers.DepthwiseConv2D(1), keras.layers.ReLU(6, name="clipped")]
    )
    model.layers[0].set_weights([np.full((1, 1, 3, 1), 3.0), np.zeros(3)])
    image = np.zeros((40, 40, 3), np.float32)
    image[20, 20] = [1, 3, 0]
    explorer = ModelExplorer(model, image)
    view, state = explorer.views["deconvolution"], explorer.state
    state.method, state.rule = "deconvolution", "gradient"
    notes = {0: "", 1: "gradient is zero: the unit is saturated", 2: "the unit is not active: its value is zero"}
    for channel, note in notes.items():
        state.channel = channel
        assert note in view.context.gallery.caption.value
        portrait = view.context.gallery._sheet.portrait(channel, None)
        assert bool(portrait.frame) == (not note)
        assert view.context.gallery._sheet.readout(channel, 0, 0).endswith(note)
    explorer.close()


def test_the_next_unit_with_something_to_show_is_one_click_away(images):
    """Of the first map the strongest unit is saturated; the gradient of the next one is not zero."""
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 1, use_bias=False, name="c"), keras.layers.ReLU(6, name="out")]
    )
    model.get_layer("c").set_weights([np.float32([[[[1, 0.1]]]])])
    ramp = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    explorer = ModelExplorer(model, ramp)
    view, state = explorer.views["deconvolution"], explorer.state
    state.layer, state.method, state.rule = "out", "deconvolution", "gradient"
    explorer.wait(0)
    assert explorer.result.notes[0][explorer.result.channels.index(0)].startswith(
        "gradient is zero: the unit is saturated"
    )
    state.channel = 1
    assert view.next_unit.layout.display == "none"
    state.channel = 0
    assert view.next_unit.layout.display is None
    assert view.next_unit.description == "Project unit (1, 1)"
    view.next_unit.click()
    explorer.wait(0)
    assert (state.channel, state.seed, state.unit) == (0, "unit", (1, 1))
    assert explorer.result.seed == (1, 1)
    assert explorer.result.images[0, explorer.result.channels.index(0)].any()
    assert view.next_unit.layout.display == "none"

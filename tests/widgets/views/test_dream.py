"""Dreams in the explorer: what the network says of the growing picture, and what its layers see of it."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_widgets import predict
from cnnvis_widgets.widgets.jobs.dream_sight import as_input

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs")


@pytest.fixture
def dreamt(explorer):
    """An explorer after a dream of class 2 at two sizes."""
    state = explorer.state
    state.target, state.octaves, state.steps = 2, 2, 3
    explorer.start()
    explorer.wait(0)
    return explorer


def test_the_probability_of_the_dreamt_class_stands_beside_its_score(dreamt):
    view, step = dreamt.views["deep dream"], dreamt.result
    picture = as_input(step.images[0], dreamt.fed_images.images[0].shape)
    expected = predict(dreamt.network, picture[np.newaxis]).probabilities[0, 2]
    last, probability = view.chart.probabilities[-1]
    assert last == step.index == view.chart.points[-1][0]
    assert probability == pytest.approx(float(expected), abs=1e-5)
    assert len(view.chart.children) == 2


def test_a_dream_of_a_channel_has_no_probability(explorer):
    state = explorer.state
    state.objective, state.channel, state.octaves, state.steps, state.start = "channel", 1, 1, 2, "photo"
    explorer.start()
    explorer.wait(0)
    chart = explorer.views["deep dream"].chart
    assert chart.points
    assert chart.probabilities == []
    assert len(chart.children) == 1


def test_the_film_strip_follows_the_dream_and_goes_back(dreamt):
    strip, picture = dreamt.strip, as_input(dreamt.result.images[0], dreamt.fed_images.images[0].shape)
    fed = strip._scene().fed
    assert strip.element.about == "the dream as it grows"
    np.testing.assert_allclose(dreamt.network.images(fed.feed)[0], picture, atol=1e-6)
    with_dream = strip.element.sprite
    dreamt.state.method = "activations"
    assert strip.element.about == "this image"
    assert strip.element.sprite != with_dream


def test_a_new_dream_begins_with_empty_lines(dreamt):
    dreamt.state.octaves, dreamt.state.steps = 1, 2
    dreamt.start()
    dreamt.wait(0)
    chart = dreamt.views["deep dream"].chart
    assert [step for step, _ in chart.points] == [0, 1]
    assert {step for step, _ in chart.probabilities} <= {0, 1}


def test_a_dream_is_brought_to_the_size_of_the_input():
    ramp = np.linspace(0, 1, 10, dtype=np.float32)
    picture = np.repeat(np.repeat(ramp[:, None, None], 10, axis=1), 3, axis=2)
    large = as_input(picture, (20, 24, 3))
    assert large.shape == (20, 24, 3)
    assert large.dtype == np.float32
    assert (np.diff(large[:, 0, 0]) >= 0).all()
    assert large.mean() == pytest.approx(0.5, abs=1e-3)
    assert as_input(np.zeros((8, 2), np.float32), (16, 2)) is None
    assert as_input(picture, (10, 10, 3)) is picture


def test_only_a_dream_can_be_paused_and_not_the_maps_to_choose_from(explorer):
    view, state = explorer.views["deep dream"], explorer.state
    state.method = "deep dream"
    state.running = True  # as while the maps are computed
    assert view._start.description == "Start dreaming"
    assert view._pause.disabled
    view._dreaming = True
    view._update()
    assert view._start.description == "Start again"
    assert not view._pause.disabled

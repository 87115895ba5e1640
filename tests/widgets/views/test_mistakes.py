"""The view of mistakes and the order by selectivity, over a survey of labelled digits."""

from __future__ import annotations

from html import unescape

import numpy as np
import pytest

from cnnvis_widgets import ModelExplorer, demo
from cnnvis_widgets.errors import OptionError
from cnnvis_widgets.widgets.views.mistakes import NEEDS_LABELS, MistakesView

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs")


@pytest.fixture
def explorer(tmp_path, inline_jobs):
    digits = demo.digits()
    names = list("0123456789")
    explorer = ModelExplorer(demo.small_cnn(), digits.test_images[:3], class_names=names, outdir=tmp_path / "Output")
    yield explorer
    explorer.close()


@pytest.fixture(scope="module")
def labelled():
    """Digits, the first five of them with a wrong label, which the network gets wrong whether it is trained or not."""
    digits = demo.digits()
    labels = digits.test_labels[:60].copy()
    labels[:5] = (labels[:5] + 1) % 10
    return digits.test_images[:60], labels


def test_without_labels_the_view_says_what_it_needs(explorer):
    explorer.state.method = "mistakes"
    view = explorer.views["mistakes"]
    assert isinstance(view, MistakesView)
    assert NEEDS_LABELS in unescape(view._words.value)
    explorer.survey()
    explorer.wait(60)
    assert NEEDS_LABELS in unescape(view._words.value)
    assert explorer.state.error == ""


def test_wrong_images_are_shown_with_the_channels_that_misled(explorer, labelled):
    images, labels = labelled
    explorer.state.method = "mistakes"
    explorer.survey(images, labels=labels)
    explorer.surveying.wait(60)
    explorer.wait(60)
    view = explorer.views["mistakes"]
    errors = explorer.surveying.found.errors(count=8)
    assert [mistake.key for mistake in view.mistakes] == [mistake.key for mistake in errors]
    assert len(view._list.children) == len(errors) > 0
    first = view.mistakes[0]
    row = view._list.children[0]
    *_, told = row.children
    opened, channel, *_ = told.children[1].children
    count = len(explorer.state.images)
    opened.click()
    assert len(explorer.state.images) == count + 1
    np.testing.assert_allclose(explorer.fed_images.images[-1], images[int(first.key)], atol=1e-6)
    opened.click()  # it is there already
    assert len(explorer.state.images) == count + 1
    channel.click()
    state = explorer.state
    assert (state.method, state.layer, state.channel) == ("activations", first.layer.name, first.channels[0].channel)


def test_maps_are_sorted_by_selectivity(explorer, labelled):
    images, labels = labelled
    explorer.survey(images, labels=labels)
    state = explorer.state
    state.target, state.order = 3, "selectivity"
    explorer.wait(60)
    found = explorer.surveying.found
    expected = found.find(3, state.layer, count=10_000)["channel"].tolist()
    shown = explorer.views["activations"].context.gallery._grid.channels
    assert list(shown) == expected
    state.target = 7
    explorer.wait(60)
    again = explorer.views["activations"].context.gallery._grid.channels
    assert list(again) == found.find(7, state.layer, count=10_000)["channel"].tolist()


def test_without_a_survey_the_order_says_so(explorer):
    explorer.state.order = "selectivity"
    with pytest.raises(OptionError, match="to sort by selectivity"):
        explorer.wait(60)
    assert "Survey these images" in explorer.state.error

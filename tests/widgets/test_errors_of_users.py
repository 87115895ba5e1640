"""What a user's own Python raises is shown, and the next job runs: rules, preprocessing, observers."""

import numpy as np
import pytest

from cnnvis_widgets import ModelExplorer, load, rules
from cnnvis_widgets.errors import CnnvisError

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs", "inline_jobs")


def test_a_rule_that_raises(explorer, monkeypatch):
    monkeypatch.setattr(rules, "_RULES", dict(rules._RULES))  # so that no other test knows the rule

    def broken(signal, entered):
        raise RuntimeError("my rule is broken")

    rules.register("broken", broken)
    explorer.state.method = "deconvolution"
    explorer.state.rule = "broken"
    assert "my rule is broken" in explorer.state.error
    explorer.state.rule = "gradient"
    assert explorer.state.error == ""


def test_a_preprocessing_that_raises(network, images):
    fed = []

    def preprocess(picture):
        fed.append(picture)
        if picture.mean() == 50:
            raise RuntimeError("too dark for my preprocessing")
        return picture.astype(np.float32) / 255

    explorer = ModelExplorer(load(network, preprocess=preprocess), [np.full((20, 24, 3), 200, np.uint8)], logdir=None)
    try:
        with pytest.raises((CnnvisError, RuntimeError), match="too dark for my preprocessing"):
            explorer.add_image(np.full((20, 24, 3), 50, np.uint8))
        assert explorer.add_image(np.full((20, 24, 3), 100, np.uint8)) == 1
        assert explorer.state.error == ""
    finally:
        explorer.close()


def test_an_observer_that_raises(explorer):
    def observe(change):
        raise RuntimeError("my observer is broken")

    explorer.state.observe(observe, "channel")
    with pytest.raises(RuntimeError, match="my observer is broken"):
        explorer.state.channel = 2
    explorer.state.unobserve(observe, "channel")
    explorer.state.layer = "second"
    assert explorer.state.error == ""
    explorer.state.channel = 3
    assert explorer.state.channel == 3

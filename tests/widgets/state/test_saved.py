"""Code and state of an explorer: what it says gives the same arrays, what it saves comes back."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from on_screen import run_code

from cnnvis_widgets import ModelExplorer, load
from cnnvis_widgets.errors import FeedError, LayerError, ModelError, OutputError
from cnnvis_widgets.widgets.elements.code_button import CodeButton

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs", "inline_jobs")


def tiny(seed):
    keras.utils.set_random_seed(seed)
    layers = [
        keras.Input((20, 24, 3)),
        keras.layers.Conv2D(6, 3, activation="relu", name="first"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(8, 3, activation="relu", name="second"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(4, activation="softmax", name="classes"),
    ]
    return load(keras.Sequential(layers), class_names=["cat", "dog", "crane", "crane"])


@pytest.fixture(scope="module")
def network():
    return tiny(3)


def test_the_code_gives_the_maps_on_the_screen(explorer):
    explorer.state.image, explorer.state.layer = 1, "second"
    np.testing.assert_array_equal(run_code(explorer)["maps"].values, explorer.wait(0).values)


def test_the_code_gives_the_reconstruction_on_the_screen(explorer):
    explorer.state.rule, explorer.state.seed, explorer.state.layer = "guided", "map", "second"
    explorer.state.method = "deconvolution"
    computed, on_screen = run_code(explorer)["reconstruction"], explorer.wait(0)
    place = on_screen.channels.index(explorer.state.channel)
    assert (computed.rule, computed.seed, computed.channels) == (
        on_screen.rule,
        on_screen.seed,
        (explorer.state.channel,),
    )
    expected = on_screen.images[:, place]  # computed beside other maps, so equal to rounding
    np.testing.assert_allclose(computed.images[:, 0], expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("objective", ["class", "channel", "layer"])
def test_the_code_gives_the_dream_on_the_screen(explorer, objective):
    explorer.state.objective, explorer.state.start, explorer.state.channel = objective, "photo", 2
    explorer.state.octaves, explorer.state.steps, explorer.state.target = 1, 3, "dog"
    explorer.start()
    on_screen, computed = explorer.wait(0), run_code(explorer)["last"]
    assert (computed.index, computed.channels, computed.layer) == (on_screen.index, on_screen.channels, on_screen.layer)
    np.testing.assert_array_equal(computed.images, on_screen.images)


def test_the_state_comes_back(explorer, network, images, tmp_path):
    chosen = {"layer": "second", "image": 1, "channel": 5, "unit": (1, 2), "rule": "guided", "octaves": 2}
    for name, value in chosen.items():
        setattr(explorer.state, name, value)
    explorer.state.method = "deconvolution"
    path = explorer.save_state(tmp_path / "state.json")
    assert [path.name for path in tmp_path.glob("*.*")] == ["state.json"]
    other = ModelExplorer(network, images)
    other.load_state(path)
    for name in (*chosen, "method"):
        assert getattr(other.state, name) == getattr(explorer.state, name), name
    np.testing.assert_array_equal(other.wait(0).images, explorer.wait(0).images)
    other.close()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"layer": "secnod"}, LayerError, "Nearest names"),
        ({"image": "image 7"}, FeedError, "image 7"),
        ({"no_such": 1}, OutputError, "no_such"),
    ],
)
def test_a_choice_that_does_not_fit_changes_nothing(explorer, tmp_path, change, error, words):
    path = explorer.save_state(tmp_path / "state.json")
    kept = json.loads(path.read_text("utf-8"))
    kept["choices"] |= {"rule": "guided", **change}
    path.write_text(json.dumps(kept))
    with pytest.raises(error, match=words):
        explorer.load_state(path)
    assert (explorer.state.rule, explorer.state.image, explorer.state.method) == ("auto", 0, "activations")


def test_a_state_of_another_network_is_refused(explorer, images, tmp_path):
    other = ModelExplorer(tiny(4), images)
    path = other.save_state(tmp_path / "state.json")
    with pytest.raises(ModelError, match="state of this network"):
        explorer.load_state(path)
    other.close()


@pytest.mark.parametrize("text", ["", "[]", '{"format": 99, "choices": {}, "network": ""}', '{"format": 1}'])
def test_a_file_of_something_else_is_refused(explorer, tmp_path, text):
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(OutputError, match="Received"):
        explorer.load_state(tmp_path / "state.json")
    with pytest.raises(OutputError, match="Received"):
        explorer.load_state(tmp_path / "missing.json")
    with pytest.raises(OutputError, match="folder"):
        explorer.save_state(tmp_path / "no" / "state.json")


def test_the_button_sends_the_code_to_the_page(explorer, monkeypatch):
    button = CodeButton(explorer.code)
    sent = []
    monkeypatch.setattr(button, "send", sent.append)
    button._handle_custom_msg({"event": "copy"}, [])
    code = explorer.code()
    assert sent == [{"code": code, "copy": True}]
    button.refresh()  # nothing has changed
    explorer.state.method = "deconvolution"
    button.refresh()
    assert sent[1:] == [{"code": explorer.code(), "copy": False}]
    assert explorer.code() != code

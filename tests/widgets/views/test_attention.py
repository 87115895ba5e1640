"""Attention in the explorer: what is shown, what a click asks, what its code gives, and what is written."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from networks import keras_cnn
from networks import photo as pictures
from on_screen import pixels, run_code, same
from PIL import Image
from transformers import photo, swin, vit

from cnnvis_widgets import ModelExplorer, attention_maps, load
from cnnvis_widgets.errors import ChannelError, LayerError
from cnnvis_widgets.imaging.heat import heat
from cnnvis_widgets.results import AttentionMaps

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs", "inline_jobs")


@pytest.fixture(scope="module")
def network():
    return load(vit(), photo(24, 2), class_names=["ant", "bee", "cat", "dog"])


@pytest.fixture
def explorer(network, tmp_path):
    explorer = ModelExplorer(network, outdir=tmp_path / "png", logdir=tmp_path / "log")
    explorer.wait(0)
    explorer.state.method = "attention"
    yield explorer
    explorer.close()


@pytest.mark.parametrize("way", ["attention_maps", "attention_rollout", "attention_relevance"])
def test_the_code_gives_the_attention_on_the_screen(explorer, way):
    state = explorer.state
    state.attention_method, state.image = way, 1
    result = explorer.wait(0)
    assert isinstance(result, AttentionMaps)
    assert (result.method, result.query, state.error) == (way, 0, "")
    same(run_code(explorer)["attention"].weights, result.weights)
    state.attention_query = (2, 1)
    assert explorer.wait(0).query == (2, 1)
    same(run_code(explorer)["attention"].weights, explorer.result.weights)


def test_a_click_on_the_photo_chooses_the_token(explorer):
    view, state = explorer.views["attention"], explorer.state
    view.over._receive(None, {"event": "click", "x": 13.0, "y": 20.5}, [])
    assert (state.attention_query, explorer.wait(0).query) == ((3, 2), (3, 2))
    assert view.over.selected == (12, 18, 6, 6)
    explorer.image_pane.canvas._receive(None, {"event": "click", "x": 1.0, "y": 7.0}, [])
    assert explorer.wait(0).query == (1, 0)
    same(explorer.result.weights, attention_maps(explorer.network, explorer.feed, query=(1, 0)).weights)
    state.method = "activations"
    explorer.image_pane.canvas._receive(None, {"event": "click", "x": 20.0, "y": 20.0}, [])
    assert state.attention_query == (1, 0)


def test_a_head_can_be_chosen(explorer):
    view, state, result = explorer.views["attention"], explorer.state, explorer.wait(0)
    assert [label for label, _ in view._head.options] == ["mean over heads", "head 0", "head 1"]
    tiles = result.weights[0]
    assert view._grid.count == 2
    view.heads._receive(None, {"event": "click", "x": view._grid.width + 10.0, "y": 5.0}, [])
    assert (state.attention_head, view._head.value) == (1, 1)
    assert "head 1" in view.over.alt
    colours = heat(tiles[1], limit=float(tiles[1].max()), signed=False)
    state.attention_opacity = 1.0
    strongest = np.unravel_index(colours.strength.argmax(), (4, 4))
    shown = pixels(view.over)[strongest[0] * 6 + 3, strongest[1] * 6 + 3]
    assert shown.tolist() == colours.pixels[strongest].tolist() == [253, 231, 37]
    state.attention_method = "attention_rollout"
    explorer.wait(0)
    assert (state.attention_head, view._head.value, view._of_heads.layout.display) == (1, -1, "none")


def test_only_relevance_asks_for_a_class(explorer):
    view, state = explorer.views["attention"], explorer.state
    first = explorer.wait(0)
    state.explained, state.target = "chosen", 2
    assert explorer.wait(0) is first
    assert view._explain.layout.display == "none"
    state.attention_method = "attention_relevance"
    assert (explorer.wait(0).target, explorer.result.name) == (2, "cat")
    assert view._layer.disabled
    assert "cat: score" in view._caption.value


def test_pictures_are_written(explorer, tmp_path):
    explorer.wait(0)
    explorer.save_png()
    explorer.wait(0)
    files = sorted(path.name for path in explorer.state.files)
    assert files == ["attention_maps_0.png", "attention_maps_head_0_0.png", "attention_maps_head_1_0.png"]
    mean = Image.open(next(path for path in explorer.state.files if path.name == "attention_maps_0.png"))
    assert (mean.text["Query"], mean.text["Method"]) == ("class token", "attention_maps")
    assert mean.size == (128, 128)
    explorer.log_to_tensorboard()
    explorer.wait(0)
    assert list((tmp_path / "log").iterdir())


def test_another_attention_has_other_tokens():
    explorer = ModelExplorer(swin(), photo(32))
    explorer.wait(0)
    state = explorer.state
    state.method = "attention"
    assert explorer.wait(0).queries == (4, 4)
    first = explorer.network.attentions[0].name
    state.attention_query = (3, 3)
    state.attention = first
    assert state.attention_query is None
    assert explorer.wait(0).queries == (8, 8)
    explorer.close()


@pytest.mark.parametrize("way", ["attention_rollout", "attention_relevance"])
def test_rollout_goes_through_the_attentions_among_the_tokens_of_the_chosen_one(way):
    explorer = ModelExplorer(swin(), photo(32))
    explorer.wait(0)
    state, menu = explorer.state, explorer.views["attention"]._layer
    names = [layer.name for layer in explorer.network.attentions]
    state.method, state.attention_method = "attention", way
    assert not menu.disabled
    assert (explorer.wait(0).layers, explorer.result.queries, state.error) == ((names[2],), (4, 4), "")
    state.attention = names[0]
    assert (explorer.wait(0).layers, explorer.result.queries) == (tuple(names[:2]), (8, 8))
    same(run_code(explorer)["attention"].weights, explorer.result.weights)
    explorer.close()


def test_a_word_that_attends_is_chosen_from_a_menu():
    keras.utils.set_random_seed(0)
    image, words = keras.Input((24, 24, 3), name="image"), keras.Input((5,), dtype="int32", name="words")
    places = keras.layers.Reshape((36, 8))(keras.layers.Conv2D(8, 4, 4)(image))
    read = keras.layers.GRU(8, return_sequences=True)(keras.layers.Embedding(20, 8)(words))
    answer = keras.layers.Dense(20, activation="softmax")(keras.layers.Attention()([read, places]))
    fed = {"image": photo(24), "words": np.array([[1, 4, 2, 9, 7]], np.int32)}
    explorer = ModelExplorer(keras.Model([image, words], answer), fed)
    explorer.wait(0)
    explorer.state.method = "attention"
    assert explorer.wait(0).query_title == "token 0"
    [menu] = [each for each in explorer.views["attention"].options if each.description == "From token"]
    assert menu.label == "token 0"
    menu.label = "token 4"
    assert (explorer.state.attention_query, explorer.wait(0).query) == (4, 4)
    menu.label = "mean over all"
    assert explorer.wait(0).query == "mean"
    explorer.views["attention"].over._receive(None, {"event": "click", "x": 3.0, "y": 3.0}, [])
    assert explorer.state.attention_query == "mean", "words have no place to click"
    explorer.close()


def test_choices_are_checked_and_kept(explorer, tmp_path):
    state = explorer.state
    for query in ((-1, 0), "best", 1.5, True):
        with pytest.raises(ChannelError, match="attention_query"):
            state.attention_query = query
    with pytest.raises(LayerError, match="Nearest names"):
        state.attention = "block0_attention/Softmx"
    state.attention, state.attention_query = explorer.network.attentions[0].name, (1, 3)
    path = explorer.save_state(tmp_path / "state.json")
    state.attention = explorer.network.attentions[1].name
    explorer.load_state(path)
    assert (state.attention, state.attention_query) == (explorer.network.attentions[0].name, (1, 3))
    explorer.wait(0)


def test_a_network_without_attention_says_so():
    explorer = ModelExplorer(keras_cnn(), pictures())
    explorer.wait(0)
    assert explorer.views["attention"].unavailable() == "The network has no attention: it is no transformer."
    explorer.close()

"""The words of the first line of an explorer."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
import tensorflow as tf

from cnnvis_widgets import demo, load
from cnnvis_widgets.widgets.state.network_facts import EMBEDDED, network_facts, network_title, task


def model(name, *heads):
    image = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(4, 3, activation="relu")(image)
    return keras.Model(image, [head(maps) for head in heads], name=name)


def scores(units, activation):
    return lambda maps: keras.layers.Dense(units, activation)(keras.layers.Flatten()(maps))


def test_a_network_is_called_what_its_owner_calls_it():
    network = load(model("birds", scores(3, "softmax")))
    assert network_title(model("birds", scores(3, "softmax")), network) == "birds"
    assert network_title("models/finches.keras", network) == "finches"
    assert network_title(Path("saved/"), network) == "saved"
    assert network_title(keras.Sequential(), network) == "Keras model", "a name that Keras chose says nothing"
    assert network_title(tf.Graph(), network) == "TensorFlow graph"
    assert network_title(network, network) == "Network"


def test_the_embedded_network_is_known_however_it_comes():
    assert network_title(None, load(model("other", scores(2, "softmax")))) == EMBEDDED
    assert network_title(demo.network(), load(demo.network())) == EMBEDDED


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (scores(3, "softmax"), "3 classes"),
        (scores(4, "sigmoid"), "4 independent labels"),
        (scores(1, "sigmoid"), "yes or no"),
        (scores(1, None), "1 value"),
        (keras.layers.Conv2D(5, 1, activation="softmax"), "5 classes of every place"),
    ],
)
def test_the_task_of_a_head_in_words(head, words):
    network = load(model("net", head))
    assert task(network.head()) == words
    count = len(network.layers)
    assert network_facts(network, (8, 8, 3)) == f"input 8 × 8 × 3 · {count} layers · {words}"


def test_several_heads_are_named():
    network = load(model("two", scores(3, "softmax"), scores(1, None)))
    names = ", ".join(head.name for head in network.heads)
    assert network_facts(network, (8, 8, 3)).endswith(f"2 outputs: {names}")

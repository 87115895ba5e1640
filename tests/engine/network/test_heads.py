"""Heads: what outputs mean, found from the graph, and the calls that say it otherwise."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from heads import KINDS, SIZE, pooled, sequential
from keras import layers
from tensorflow.compat import v1

from cnnvis_widgets import load
from cnnvis_widgets.errors import ChannelError, LayerError, OptionError


@pytest.mark.parametrize("kind", KINDS)
def test_the_meaning_of_an_output_is_found_from_the_graph(kind):
    tail, meaning, activation, output, scores = KINDS[kind]
    model = sequential(*tail())
    (head,) = load(model).heads
    assert (head.name, head.meaning, head.activation) == (model.layers[-1].name, meaning, activation)
    assert head.output.shape == (None, *output)
    assert head.scores.shape == (None, *scores)
    assert head.scores.channels == head.output.channels
    assert head.classes == (2 if meaning == "yes or no" else head.output.channels)
    assert head.is_map == (len(output) > 1)
    assert bool(head.activated) == bool(activation)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize(("units", "meaning"), [(1, "yes or no"), (3, "labels")])
def test_casts_hide_no_sigmoid(policy, units, meaning):
    keras.mixed_precision.set_global_policy(policy)
    try:
        model = sequential(pooled(), layers.Dense(units, "sigmoid"), layers.Activation("linear", dtype="float32"))
        plain = sequential(pooled(), layers.Dense(units, "sigmoid"))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert load(model).heads[0].meaning == load(plain).heads[0].meaning == meaning


def test_identities_of_a_function_hide_nothing():
    kernel = tf.constant(np.eye(3), tf.float32)

    @tf.function(input_signature=[tf.TensorSpec((None, 3))])
    def function(image):
        return {
            "told": tf.identity(tf.stop_gradient(tf.expand_dims(tf.sigmoid(image @ kernel), 1))),
            "raw": image @ kernel,
        }

    network = load(function)
    told, raw = {head.name: head for head in network.heads}["told"], network.head("raw")
    assert (told.meaning, told.scores.channels, told.output.shape) == ("labels", 3, (None, 1, 3))
    assert raw.meaning == "values"


def two_headed():
    image = keras.Input(SIZE)
    pooled_maps = pooled()(layers.Conv2D(4, 3, activation="relu")(image))
    age = layers.Dense(1, name="age")(pooled_maps)
    return keras.Model(image, [age, layers.Dense(3, "softmax", name="sort")(pooled_maps)])


def test_heads_have_the_order_of_the_outputs_and_classes_are_the_main_head():
    network = load(two_headed())
    assert [(head.name, head.meaning) for head in network.heads] == [("age", "values"), ("sort", "classes")]
    assert network.head().name == "sort"
    assert network.logits == network.head("sort").scores
    assert network.head("age") is network.heads[0]
    assert network.head(network.heads[0].output) is network.heads[0]


def test_a_saved_model_names_its_heads_by_key(tmp_path):
    model = two_headed()

    @tf.function(input_signature=[tf.TensorSpec((None, *SIZE))])
    def serve(image):
        age, sort = model(image)
        return {"years": age, "kind": sort}

    tf.saved_model.save(model, str(tmp_path / "saved"), signatures={"serving_default": serve})
    assert {head.name: head.meaning for head in load(tmp_path / "saved").heads} == {
        "kind": "classes",
        "years": "values",
    }


def test_a_dict_of_outputs_names_heads_by_key():
    image = keras.Input(SIZE)
    maps = pooled()(layers.Conv2D(4, 3)(image))
    model = keras.Model(image, {"z": layers.Dense(2, name="first")(maps), "a": layers.Dense(1, "sigmoid")(maps)})
    assert {head.name: head.meaning for head in load(model).heads} == {"a": "yes or no", "z": "values"}


@pytest.mark.parametrize("softmax", [True, False])
def test_the_number_of_the_best_class_stands_for_what_it_was_chosen_from(softmax):
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, (None, 6), name="image")
        scores = tf.matmul(image, tf.ones((6, 3)), name="scores")
        tf.argmax(tf.nn.softmax(scores, name="told") if softmax else scores, 1, name="best")
    (head,) = load(graph).heads
    assert (head.name, head.meaning, head.scores.name) == ("best", "classes", "scores")
    assert head.output.name == ("told" if softmax else "scores")


def test_a_training_graph_that_ends_in_a_loss_has_its_last_softmax_as_head():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, (None, 6), name="image")
        told = tf.nn.softmax(tf.matmul(image, tf.ones((6, 3)), name="scores"), name="told")
        tf.cast(tf.reduce_sum(told) > 1, tf.int32, name="count")
    (head,) = load(graph).heads
    assert (head.name, head.meaning, head.scores.name) == ("told", "classes", "scores")


# ---- what people say of heads


def test_class_names_make_classes_of_plain_scores():
    model = sequential(pooled(), layers.Dense(3))
    (head,) = load(model, class_names=["a", "b", "c"]).heads
    assert (head.meaning, head.activation, head.names) == ("classes", "", ("a", "b", "c"))


def test_a_meaning_can_be_given():
    model = sequential(pooled(), layers.Dense(3, name="tags"))
    assert load(model, heads={"tags": "labels"}).head().meaning == "labels"
    one = load(sequential(pooled(), layers.Dense(1, name="cat")), heads={"cat": "yes or no"}, class_names=["cat"])
    assert (one.head().classes, one.class_names) == (2, ("not cat", "cat"))
    assert load(one, heads={"cat": "values"}, class_names=["cat"]).head().meaning == "values"


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"heads": {"sorts": "labels"}}, OptionError, "Received: head 'sorts'. Nearest names: 'sort'"),
        ({"heads": {"age": "label"}}, OptionError, "'classes', 'labels', 'yes or no', 'values'. Received: 'label'"),
        ({"heads": {"sort": "yes or no"}}, OptionError, "one channel .* Received: 'yes or no' for head 'sort' with 3"),
        (
            {"heads": {"age": "classes"}},
            OptionError,
            "several for 'classes'. Received: 'classes' for head 'age' with 1",
        ),
        ({"class_names": "ab"}, ChannelError, "each of the 3 classes of head 'sort'. Received: 2 names"),
        ({"class_names": {3: "d"}}, ChannelError, "each of the 3 classes of head 'sort'. Received: 4 names"),
        ({"class_names": {"sort": "abcd"}}, ChannelError, "each of the 3 classes of head 'sort'. Received: 4 names"),
        ({"class_names": {"sotr": "abc"}}, OptionError, "Received: head 'sotr'. Nearest names: 'sort'"),
    ],
)
def test_what_does_not_fit_is_refused(options, error, words):
    with pytest.raises(error, match=words):
        load(two_headed(), **options)


def test_names_by_head():
    network = load(two_headed(), class_names={"sort": ["a", "b", "c"], "age": ["years"]})
    assert (network.head("sort").names, network.head("age").names) == (("a", "b", "c"), ("years",))
    assert network.head("age").meaning == "values"
    assert network.class_names == ("a", "b", "c")
    again = load(network, np.zeros((1, *SIZE), np.float32))
    assert again.heads == network.heads


def test_an_unknown_head_gets_the_nearest_names():
    with pytest.raises(LayerError, match="sort"):
        load(two_headed()).head("sorts")


def test_any_layer_is_a_head_of_values_and_a_softmax_inside_gives_way_to_its_scores():
    image = keras.Input((6,))
    inner = layers.Dense(3, "softmax", name="inner")(image)
    network = load(keras.Model(image, layers.Dense(2, name="out")(inner)))
    head = network.head("inner")
    assert (head.meaning, head.scores.kind, head.output.kind) == ("classes", "dense", "softmax")
    assert network.head(head.scores).meaning == "values"

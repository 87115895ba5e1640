"""Rules of one's own, and what a coverage report counts."""

import doctest

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import frozen_graph, keras_cnn, photo

from cnnvis_widgets import ReceptiveField, load, reconstruct, rules
from cnnvis_widgets.engine.reconstruction.reconstruct import reconstruct_steps


@pytest.fixture
def own_rule(monkeypatch):
    monkeypatch.setattr(rules, "_RULES", dict(rules._RULES))

    def register(name, rectify):
        rules.register(f"{name} {id(own_rule)}", rectify)
        return f"{name} {id(own_rule)}"

    return register


def test_a_rule_of_ones_own(own_rule):
    """The gradient, and its double at each of two ReLUs, by a rule that says so; whole maps and patches."""
    exact = own_rule("exact", lambda signal, entered: signal * tf.cast(entered > 0, signal.dtype))
    double = own_rule("double", lambda signal, entered: 2 * signal * tf.cast(entered > 0, signal.dtype))
    network = load(frozen_graph(), photo())
    for seed in ("map", (3, 4)):
        true = reconstruct(network, None, "conv2/Relu", rule="gradient", seed=seed).images
        assert np.abs(true).max() > 0
        np.testing.assert_allclose(
            reconstruct(network, None, "conv2/Relu", rule=exact, seed=seed).images, true, rtol=1e-6, atol=1e-6
        )
        doubled = reconstruct(network, None, "conv2/Relu", rule=double, seed=seed).images
        np.testing.assert_allclose(doubled, 4 * true, atol=1e-5)
    assert [(op.kind, op.count) for op in network.coverage(double, "conv2/Relu").ops if op.treatment == "rule"] == [
        ("relu", 2)
    ]


def test_the_example_of_the_documentation(monkeypatch):
    monkeypatch.setattr(rules, "_RULES", dict(rules._RULES))
    examples = [each for each in doctest.DocTestFinder().find(rules, "rules") if each.examples]
    assert [doctest.DocTestRunner().run(example).failed for example in examples] == [0] * len(examples)
    assert rules.known() == ("deconvnet", "guided", "clearly on", "gradient")


def test_receptive_fields_are_public():
    field = load(frozen_graph(), photo()).receptive_field("conv1/Relu")
    assert isinstance(field, ReceptiveField)
    assert field.window((0, 0)) == tuple(slice(a, a + n) for a, n in zip(field.start, field.size, strict=True))


@pytest.mark.parametrize("name", ["auto", "guided", "gradient"])
def test_a_name_that_is_taken(name):
    with pytest.raises(ValueError, match=f"Expected a new name. Received: name='{name}'"):
        rules.register(name, lambda signal, entered: signal)


def test_an_unknown_rule():
    with pytest.raises(ValueError, match=r"Expected rule to be one of 'deconvnet', 'guided', .*Received: rule='guide'"):
        reconstruct(frozen_graph(), photo(), "conv1/Relu", rule="guide")


def counts(network, rule, layer):
    return {(op.kind, op.treatment): op.count for op in network.coverage(rule, layer).ops}


def test_counts_of_a_classic_network():
    network = load(frozen_graph(), photo())
    assert counts(network, "guided", "probabilities") == {
        ("convolution", "exact"): 2,
        ("relu", "rule"): 2,
        ("max_pool", "exact"): 2,
        ("dense", "exact"): 1,
        ("softmax", "removed"): 1,
    }
    assert counts(network, "gradient", "pool1/MaxPool") == {
        ("convolution", "exact"): 1,
        ("relu", "exact"): 1,
        ("max_pool", "exact"): 1,
    }


def test_counts_of_keras_with_batch_norm():
    network = load(keras_cnn(), photo())
    assert counts(network, "deconvnet", "last") == {
        ("convolution", "exact"): 4,
        ("relu", "rule"): 3,
        ("max_pool", "exact"): 1,
        ("batch_normalization", "exact"): 1,
    }


@pytest.mark.parametrize("rule", ["deconvnet", "guided", "gradient"])
def test_every_reconstruction_carries_what_was_said_before(rule):
    network = load(frozen_graph(), photo())
    for layer in ("conv2/Relu", "probabilities"):
        before = network.coverage(rule, layer)
        assert reconstruct(network, None, layer, channels=[0], rule=rule).coverage == before
        assert all(step.coverage == before for step in reconstruct_steps(network, None, layer, rule=rule))


def test_gates_and_attention_are_said_to_be_unruled():
    image = keras.Input((8, 8, 4), name="image")
    x = keras.layers.Conv2D(4, 3, activation="relu", padding="same")(image)
    gate = keras.layers.Dense(4, activation="sigmoid")(keras.layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = keras.layers.Multiply()([x, gate])
    x = keras.layers.Reshape((64, 4))(x)
    x = keras.layers.Attention(use_scale=False)([x, x])
    model = keras.Model(image, keras.layers.Reshape((8, 8, 4), name="end")(x))
    network = load(model, photo(8, 4))
    found = counts(network, "guided", "end")
    assert found["sigmoid", "unruled"] == 1
    assert found["softmax", "unruled"] == 1
    assert not network.coverage("guided", "end").complete
    assert network.coverage("gradient", "end").complete

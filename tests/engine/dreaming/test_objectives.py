"""Objectives: each against NumPy, sums that weigh as they say, and a dream raises every one of them."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import photo

from cnnvis_widgets import dream, load
from cnnvis_widgets.engine.dreaming import objective_terms as terms
from cnnvis_widgets.engine.dreaming import objectives as o
from cnnvis_widgets.engine.dreaming.bound_objectives import bind
from cnnvis_widgets.errors import ChannelError, GradientError, LayerError


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(2)
    image, positive = keras.Input((24, 24, 3), name="image"), keras.initializers.Constant(0.5)
    x = keras.layers.Conv2D(5, 5, activation="relu", bias_initializer=positive, name="conv")(image)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, keras.layers.Dense(4, activation="softmax", name="classes")(x))


@pytest.fixture(scope="module")
def network(model):
    return load(model, photo(24), class_names=["ant", "bee", "cat", "dog"])


def values_of(network, objective, images):
    """The objective of images in [0, 1], as the engine computes it."""
    bound = bind(network, objective, {})
    spec = tf.TensorSpec(images.shape, tf.float32)

    def body(pixels, *values):
        return bound.scores(network.runtime, pixels, pixels, values)[0]

    signature = [spec, *bound.signature(network.runtime)]
    return network.runtime.compiled(("test", bound.key), body, signature)(images, *bound.values)


@pytest.fixture(scope="module")
def seen(model):
    """Three images, and the activations of 'conv' for each, from Keras."""
    images = photo(24, images=3, seed=4)
    conv = keras.Model(model.input, model.get_layer("conv").output)
    return images, np.asarray(conv(images))


VECTOR = np.array([1, -2, 0.5, 3, 0], np.float32)
GUIDE = photo(24, seed=9)[0]
MASK = np.zeros((20, 20), np.float32)
MASK[:, :10] = 1


def norm(values):
    return np.sqrt(np.sum(values**2, -1, keepdims=True) + 1e-12)


def by_numpy(name, images, maps, target):
    dot = np.sum(maps * target, -1, keepdims=True)
    columns = target.reshape(-1, 5)
    gram = np.einsum("nhwc,nhwd->ncd", maps, maps).reshape(3, -1)
    alike = (gram / norm(gram)) @ (gram / norm(gram)).T
    return {
        "channel": lambda: maps[..., 3].mean((1, 2)),
        "unit": lambda: maps[:, 3, 17, 3],
        "middle": lambda: maps[:, 10, 10, 3],
        "region": lambda: maps[:, 2:6, 9:20, 3].mean((1, 2)),
        "layer": lambda: (maps**2).mean((1, 2, 3)),
        "direction": lambda: (maps @ VECTOR).mean((1, 2)),
        "cosine": lambda: (maps @ VECTOR / norm(maps)[..., 0] / np.linalg.norm(VECTOR)).mean((1, 2)),
        "masked": lambda: (maps[..., 3] * MASK).mean((1, 2)),
        "guide": lambda: (maps.reshape(3, -1, 5) @ columns.T).max(-1).mean(1),
        "caricature": lambda: (dot * np.maximum(dot / norm(maps) / norm(target), 0.1) ** 2).mean((1, 2, 3)),
        "inversion": lambda: -((maps - target) ** 2).mean((1, 2, 3)) / (target**2).mean(),
        "diversity": lambda: -(alike.sum(1) - 1) / 2,
        "variation": lambda: (
            np.abs(np.diff(images, axis=1)).mean((1, 2, 3)) + np.abs(np.diff(images, axis=2)).mean((1, 2, 3))
        ),
        "l1": lambda: np.abs(images - 0.5).mean((1, 2, 3)),
        "l2": lambda: ((images - 0.25) ** 2).mean((1, 2, 3)),
    }[name]()


OBJECTIVES = {
    "channel": o.channel("conv", 3),
    "unit": o.unit("conv", 3, (3, 17)),
    "middle": o.unit("conv", 3),
    "region": o.region("conv", 3, (2, 9, 4, 11)),
    "layer": o.layer("conv"),
    "direction": o.direction("conv", VECTOR),
    "cosine": o.direction_cosine("conv", VECTOR),
    "masked": o.masked(o.channel("conv", 3), MASK),
    "guide": o.guide("conv", GUIDE),
    "caricature": o.caricature("conv", GUIDE, 2),
    "inversion": o.inversion("conv", GUIDE),
    "diversity": o.diversity("conv"),
    "variation": o.total_variation(),
    "l1": o.l1(),
    "l2": o.l2(0.25),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_objective_is_what_numpy_says(network, model, seen, name):
    images, maps = seen
    conv = keras.Model(model.input, model.get_layer("conv").output)
    expected = by_numpy(name, images, maps, np.asarray(conv(GUIDE[None])))
    found = values_of(network, OBJECTIVES[name], images)
    assert found.shape == (3,)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_ascent_raises_every_objective(network, name):
    pictures = 2 if name == "diversity" else 1
    options = {"octaves": 1, "steps": 12, "value_range": (0, 1), "laplacian_levels": 0, "step_size": 2}
    steps = list(dream(network, None, OBJECTIVES[name], pictures=pictures, **options))
    assert steps[-1].images.shape == (pictures, 24, 24, 3)
    assert steps[-1].scores.shape == (pictures,)
    assert steps[-1].scores.mean() > steps[0].scores.mean()


@pytest.mark.parametrize(("cosine", "factor"), [(1, 1), (0.5, 0.25), (0.05, 0.01), (-1, 0.01)])
def test_a_caricature_leaves_what_points_elsewhere(cosine, factor):
    values = np.array([cosine, np.sqrt(1 - cosine**2)], np.float32)[None] * 3
    inputs = terms.ObjectiveInputs(tf.zeros([1, 1, 1, 3]), {"layer": tf.constant(values)})
    found = terms.caricature(inputs, "layer", tf.constant([[2.0, 0.0]]), tf.constant(2.0))
    np.testing.assert_allclose(found, [6 * cosine * factor], rtol=1e-4)


def test_weights_mean_what_they_say(network, seen):
    a, b = o.channel("conv", 1), o.layer("conv")
    images = seen[0]
    one, two = values_of(network, a, images), values_of(network, b, images)
    before = repr(a), repr(b), dict(a.arguments), dict(b.arguments)
    sums = {
        "a + 2*b": (a + 2 * b, one + 2 * two),
        "a - b": (a - b, one - two),
        "3 - a": (3 - a, 3 - one),
        "a * b": (a * b, one * two),
        "-a": (-a, -one),
        "(a + b) * 0.5 - 1": ((a + b) * 0.5 - 1, (one + two) / 2 - 1),
        "a + a": (a + a, 2 * one),
        "sum": (sum([a, b]), one + two),
    }
    for name, (objective, expected) in sums.items():
        np.testing.assert_allclose(values_of(network, objective, images), expected, rtol=1e-5, err_msg=name)
    assert (repr(a), repr(b), dict(a.arguments), dict(b.arguments)) == before
    np.testing.assert_array_equal(values_of(network, a, images), one)


def test_a_class_by_name_is_its_logit(network, model, seen):
    images = seen[0]
    kernel, bias = model.get_layer("classes").get_weights()
    expected = seen[1].mean((1, 2)) @ kernel[:, 2] + bias[2]
    for objective in (o.logit("cat"), o.logit(2), o.channel("classes", "cat")):
        np.testing.assert_allclose(values_of(network, objective, images), expected, rtol=1e-4, atol=1e-6)
    assert bind(network, o.channel("classes", 1), {}).activation_removed


def test_another_number_compiles_nothing_new(network):
    one, two = (bind(network, 2 * o.channel("conv", each) - o.l2(), {}) for each in (1, 4))
    assert one.key == two.key
    assert one.key != bind(network, 2 * o.channel("conv", 1) - o.l1(), {}).key


def test_several_objectives_are_several_pictures_and_independent(network):
    options = {"octaves": 1, "steps": 3, "value_range": (0, 1)}
    first, second = o.channel("conv", 0), o.channel("conv", 1) - 0.1 * o.total_variation()
    step = list(dream(network, None, [first, second], **options))[-1]
    assert step.images.shape == (2, 24, 24, 3)
    assert step.channels == (0, 1)
    assert step.names[1] == "(channel('conv', 1) + ((total_variation() * 0.1) * -1))"
    alone = list(dream(network, None, first, **options))[-1]
    assert alone.images[0].tobytes() == step.images[0].tobytes()


def test_what_does_not_exist_is_said(network):
    cases = [
        (LayerError, "Nearest names", o.channel("convv", 1)),
        (ChannelError, "from 0 to 4 of layer 'conv", o.channel("conv", 5)),
        (ChannelError, "with 5 entries.*Received: shape \\(3,\\)", o.direction("conv", [1, 2, 3])),
        (ChannelError, "Received: 'cow'", o.logit("cow")),
    ]
    for error, message, objective in cases:
        with pytest.raises(error, match=message):
            dream(network, None, objective)
    with pytest.raises(TypeError, match=r"objective or a number\. Received: 'x'"):
        o.channel("conv", 1) + "x"
    with pytest.raises(ChannelError, match="no channels beside objectives"):
        dream(network, None, o.channel("conv", 1), 1)


def smaller(inputs, layer, a, b, other, weights):
    """The mean of the smaller of two channels; the rest takes part with a factor of zero."""
    values = inputs.activations[layer]
    rest = tf.reduce_sum(other) + tf.reduce_sum(weights)
    return tf.reduce_min(tf.gather(values, tf.stack([a, b]), axis=-1), axis=-1) + 0 * rest


def smaller_of(layer, a, b, weights=(1, 1, 1, 1)):
    arguments = {"layer": layer, "a": a, "b": b, "other": GUIDE, "weights": np.asarray(weights, np.float32)}
    return o.Objective("smaller", arguments)


def test_arguments_of_a_term_are_resolved_by_its_declaration_whatever_their_names(network, model, seen, monkeypatch):
    declared = terms.Term(smaller, channels=("a", "b"), images=("other",), vectors=("weights",))
    monkeypatch.setitem(terms.TERMS, "smaller", declared)
    images = seen[0]
    logits = [values_of(network, o.logit(name), images) for name in ("bee", "dog")]
    for a, b in (("bee", "dog"), (1, "Dog"), (1, 3)):
        found = values_of(network, smaller_of("classes", a, b), images)
        assert found.shape == (3,)
        np.testing.assert_allclose(found, np.minimum(*logits), rtol=1e-6)
    for error, message, objective in (
        (ChannelError, "Received: 'cow'", smaller_of("classes", "bee", "cow")),
        (ChannelError, "from 0 to 3 of layer 'classes.*Received: 4", smaller_of("classes", 4, "bee")),
        (ChannelError, r"with 4 entries.*Received: shape \(2,\)", smaller_of("classes", 0, 1, (1, 1))),
    ):
        with pytest.raises(error, match=message):
            dream(network, None, objective)


def test_every_term_takes_the_arguments_that_it_declares():
    for name, term in terms.TERMS.items():
        declared = {*term.channels, *term.images, *term.vectors}
        assert declared <= set(inspect.signature(term.formula).parameters), name
        assert not declared or "layer" in inspect.signature(term.formula).parameters, name


def test_a_layer_in_an_objective_is_shown_by_its_name(network):
    layer = network.layer("conv")
    assert repr(o.channel(layer, 1) - o.direction(layer, VECTOR)) == (
        f"(channel({layer.name!r}, 1) + (direction({layer.name!r}, array (5,)) * -1))"
    )


def test_an_objective_without_a_gradient_is_an_error(network):
    with pytest.raises(GradientError, match="gradient is zero everywhere in step 0"):
        list(dream(network, None, 0 * o.l2(), octaves=1, steps=1))

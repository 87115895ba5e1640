"""The rules as mathematics: goldens worked by hand, invariants, and random networks against their twins."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from oracles import RULES, Activation, Affine, Chain, Convolution, Dense, MaxPool, Reshape, Windows
from oracles.comparison import compare_spelled, normal
from oracles.in_tensorflow import graph_of, spell
from oracles.random_networks import cases

from cnnvis_widgets import activations, load, reconstruct

v1 = tf.compat.v1
RELU = Activation("relu")


def spelled(twin, x):
    return load(graph_of(lambda image: spell(twin, image), x.shape[1:]), x)


def backwards(network, rule, layer="out", **options):
    return reconstruct(network, None, layer, rule=rule, **options).images


# ---- random networks

ONE = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
FEW = settings(ONE, max_examples=12, derandomize=True)
MANY = settings(ONE, max_examples=500)


def check(case):
    compare_spelled(case.twin, case.x, channels_first=case.channels_first, seed=case.seed)


@FEW
@given(cases(exact=True))
def test_random_networks_of_quarters(case):
    check(case)


@FEW
@given(cases(exact=False))
def test_random_networks(case):
    check(case)


def check_and_keep(case, folder):
    """An abort inside TensorFlow, as once seen, would leave nothing else behind than this file."""
    (folder / "case.pickle").write_bytes(pickle.dumps(case))
    check(case)


@pytest.mark.slow
@MANY
@given(case=cases(exact=True))
def test_many_random_networks_of_quarters(case, tmp_path):
    check_and_keep(case, tmp_path)


@pytest.mark.slow
@MANY
@given(case=cases(exact=False))
def test_many_random_networks(case, tmp_path):
    check_and_keep(case, tmp_path)


# ---- goldens, for every way in which a ReLU is written

FORMS = ("argument", "ReLU layer", "Activation layer", "keras.ops", "nested", "tensorflow 1")


def rectified(form, layer, x):
    """``layer`` and its ReLU on ``x``."""
    if form == "argument":
        layer.activation = keras.activations.relu
        return layer(x)
    if form == "nested":
        layer.activation = keras.activations.relu
        return keras.Sequential([keras.Input(x.shape[1:]), layer])(x)
    if form == "keras.ops":
        return keras.ops.relu(layer(x))
    return keras.layers.ReLU()(layer(x)) if form == "ReLU layer" else keras.layers.Activation("relu")(layer(x))


def network_of(form, x, kernel, bias, weights, last):
    """Convolution, ReLU, flattened channels first, matrix product, and a ReLU if ``last``."""
    if form == "tensorflow 1":
        order = Reshape((weights.shape[0],), (3, 1, 2))
        ops = (Convolution(kernel, Windows(kernel.shape[:2])), Affine(1.0, bias), RELU, order, Dense(weights))
        return spelled(Chain((*ops, *([RELU] if last else []))), x)
    image = keras.Input(x.shape[1:], name="image")
    convolution = keras.layers.Conv2D(kernel.shape[-1], kernel.shape[:2])
    dense = keras.layers.Dense(weights.shape[-1], use_bias=False)
    flat = keras.layers.Flatten()(keras.layers.Permute((3, 1, 2))(rectified(form, convolution, image)))
    model = keras.Model(image, rectified(form, dense, flat) if last else dense(flat))
    convolution.set_weights([kernel, bias])
    dense.set_weights([weights])
    return load(model, x)


def check_golden(network, golden, relus, shift=0):
    """The picture of the last layer's first channel, exactly, and the number of ReLUs that obeyed."""
    layer = network.layers[-1]
    for rule, picture in golden.items():
        result = reconstruct(network, network.feed + shift, layer, channels=[0], rule=rule, seed="ones")
        np.testing.assert_array_equal(result.images[0, 0, ..., 0], picture, err_msg=rule)
        counted = [(op.count, op.treatment) for op in result.coverage.ops if op.kind == "relu"]
        assert counted == [(relus, "exact" if rule == "gradient" else "rule")]
        assert result.coverage.complete


GOLDEN_RELU = {
    "gradient": [[-2, 0, -1], [6, 0, 0], [0, -1, 3]],
    "deconvnet": [[0, 3, 0], [6, 0, 1], [2, 0, 3]],
    "guided": [[0, 0, 0], [6, 0, 0], [0, 0, 3]],
}


@pytest.mark.parametrize("form", FORMS)
def test_one_relu(form):
    """The example of Springenberg et al., figure 1: what enters the ReLU, and the signal that comes from above."""
    x = np.array([[1.0, -1, 5], [2, -5, -7], [-3, 2, 4]])[None, ..., None]
    signal = np.array([-2.0, 3, -1, 6, -3, 1, 2, -1, 3])[:, None]
    check_golden(network_of(form, x, np.ones((1, 1, 1, 1)), np.zeros(1), signal, False), GOLDEN_RELU, 1)


GOLDEN_NET = {
    "gradient": [[0, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0]],
    "deconvnet": [[2, 3, 3, 1], [3, 5, 5, 2], [3, 5, 5, 2], [1, 2, 2, 1]],
    "guided": [[0, 1, 1, 1], [1, 3, 3, 2], [1, 3, 3, 2], [1, 2, 2, 1]],
}
GOLDEN_SHIFTED = {
    "deconvnet": GOLDEN_NET["deconvnet"],
    "guided": [[1, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_net_of_one_convolution(form):
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    weights = np.zeros((8, 4))
    weights[:, 0] = [1] * 5 + [-1] * 3
    network = network_of(form, x, np.ones((3, 3, 1, 2)), np.array([-50.0, -75]), weights, True)
    maps = activations(network, None, network.select("r")[0])[0].values
    np.testing.assert_array_equal(maps[0, ..., 0], [[0, 4], [31, 40]])
    np.testing.assert_array_equal(maps[0, ..., 1], [[0, 0], [6, 15]])
    assert activations(network, None, network.layers[-1])[0].values[0, 0] == 54
    check_golden(network, GOLDEN_NET, 2)
    check_golden(network, GOLDEN_SHIFTED, 2, shift=1)


# ---- invariants


def convolution(size, inputs, outputs, seed, sign=None):
    kernel = normal(size, size, inputs, outputs, seed=seed)
    return Convolution(np.abs(kernel) if sign else kernel, Windows((size, size)))


def vgg(relu=RELU, positive=False, bias=True):
    """Two blocks of two convolutions without padding, as in a VGG, with a max-pool between."""
    first = [convolution(3, channels, 4, seed, positive) for seed, channels in enumerate((3, 4))]
    second = [convolution(3, 4, 4, seed, positive) for seed in (2, 3)]
    shift = Affine(1.0, normal(4, seed=7) if bias else np.zeros(4))
    blocks = [[op for each in block for op in (each, shift, relu)] for block in (first, second)]
    return Chain((*blocks[0], MaxPool(Windows((2, 2), (2, 2))), *blocks[1]))


@pytest.mark.parametrize("rule", RULES)
def test_nothing_outside_the_receptive_field(rule):
    """Unit (y, x) sees 14 x 14 pixels from (2 y, 2 x) on."""
    picture = backwards(spelled(vgg(), normal(1, 38, 40, 3)), rule, seed=(10, 12))[0]
    inside = np.zeros(picture.shape[1:3], bool)
    inside[20:34, 24:38] = True
    assert (picture[:, ~inside] == 0).all()
    lit = np.argwhere(picture[:, inside].reshape(-1, 14, 14, 3).any(axis=(0, 3)))
    np.testing.assert_array_equal([lit.min(axis=0), lit.max(axis=0)], [[0, 0], [13, 13]])


@pytest.fixture(scope="module")
def network():
    return spelled(vgg(), normal(1, 20, 22, 3))


def test_without_relus_the_rules_are_one():
    linear = spelled(vgg(relu=Chain()), normal(1, 20, 22, 3))
    by_rule = [backwards(linear, rule) for rule in RULES]
    np.testing.assert_array_equal(by_rule[0], by_rule[2])
    np.testing.assert_array_equal(by_rule[1], by_rule[2])


def test_with_positive_weights_guided_is_the_gradient():
    x = normal(1, 20, 22, 3)
    positive = spelled(vgg(positive=True), x)
    deconvnet, guided, gradient = (backwards(positive, rule, seed="ones") for rule in RULES)
    np.testing.assert_array_equal(guided, gradient)
    assert (deconvnet >= guided).all()
    assert (deconvnet > guided).any()


def test_at_one_relu_guided_is_both_masks():
    x, signal = normal(1, 6, 5, 2), normal(60, 1, seed=1)
    one = spelled(Chain((RELU, Reshape((60,)), Dense(signal))), x)
    deconvnet, guided, gradient = (backwards(one, rule, seed="ones")[0] for rule in RULES)
    np.testing.assert_array_equal(guided, np.maximum(gradient, 0))
    np.testing.assert_array_equal(guided, deconvnet * (x > 0))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("factor", [0.25, 8.0])
def test_a_signal_twice_as_strong_gives_twice_the_picture(rule, factor, network):
    scaled = spelled(Chain((vgg(), Affine(factor))), network.feed)
    expected = factor * backwards(network, rule, seed="ones")
    np.testing.assert_array_equal(backwards(scaled, rule, seed="ones"), expected)


@pytest.mark.parametrize("rule", RULES)
def test_only_gradients_add_up(rule, network):
    units = [(y, x) for y in range(4) for x in range(5)]
    assert activations(network, None, "out")[0].values.shape == (1, 4, 5, 4)
    summed = sum(backwards(network, rule, seed=unit) for unit in units)
    whole = backwards(network, rule, seed="map")
    error = np.abs(summed - whole).max() / np.abs(whole).max()
    assert error < 1e-6 if rule == "gradient" else error > 0.01


def test_without_biases_pixels_times_gradient_are_the_activation():
    x = normal(1, 20, 22, 3)
    biasless = spelled(vgg(bias=False), x)
    seeded = reconstruct(biasless, None, "out", rule="gradient", seed="strongest")
    # the seed is the activation a itself: sum(x * a * gradient) = a * a
    np.testing.assert_allclose((x[:, None] * seeded.images).sum(axis=(2, 3, 4)), seeded.seed_values**2, rtol=1e-5)


def test_with_biases_their_own_gradients_make_up_the_rest():
    """Every bias is also read at its sum, through a network that is fed there."""
    twin, x = vgg(), normal(1, 14, 14, 3)
    network = spelled(twin, x)
    values = activations(network, None, "out")[0].values[0, 0, 0]
    total = (x[:, None] * backwards(network, "gradient", seed="ones")).sum(axis=(2, 3, 4))[0]
    for at, op in enumerate(twin.ops):
        if isinstance(op, Affine):
            above, entering = Chain(twin.ops[at + 1 :]), Chain(twin.ops[: at + 1]).forward(x)
            sent = backwards(spelled(above, entering), "gradient", seed="ones")[0]
            total = total + (sent.sum(axis=(1, 2)) * op.shift).sum(axis=-1)
    np.testing.assert_allclose(total, values, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rule", RULES)
def test_the_forward_pass_and_the_users_graph_stay_as_they_are(rule):
    twin, x = Chain((vgg(), Activation("prelu", normal(4)))), normal(1, 20, 22, 3)
    graph = graph_of(lambda image: spell(twin, image), x.shape[1:])
    before = graph.as_graph_def().SerializeToString(deterministic=True)
    network = load(graph, x)
    values = activations(network, None, "out")[0].values
    result = reconstruct(network, None, "out", rule=rule, seed="strongest")
    np.testing.assert_array_equal(result.seed_values, values.max(axis=(1, 2)))

    def forward(image):
        return network.runtime.build({"image:0": image}, ["out:0"], rule)[0]

    under_rule = tf.function(forward, autograph=False)(tf.constant(x)).numpy()
    np.testing.assert_array_equal(under_rule.astype(np.float32), values)
    np.testing.assert_array_equal(activations(network, None, "out")[0].values, values)
    assert graph.as_graph_def().SerializeToString(deterministic=True) == before


def test_as_many_ops_obey_as_there_are(network):
    ops = {op.kind: (op.count, op.treatment) for op in network.coverage("guided", "out").ops}
    assert ops == {"convolution": (4, "exact"), "relu": (4, "rule"), "max_pool": (1, "exact")}
    assert len(network.select("r")) == 4


def test_unpooling_keeps_the_sum_and_finds_the_switches():
    x = normal(2, 6, 8, 3)
    pooled = spelled(MaxPool(Windows((2, 2), (2, 2))), x)
    maxima = x.reshape(2, 3, 2, 4, 2, 3).max(axis=(2, 4))
    switches = np.kron(maxima, np.ones((1, 2, 2, 1))) == x
    for rule in RULES:
        for seed, expected in (("map", maxima.sum(axis=(1, 2))), ("ones", np.full((2, 3), 12))):
            unpooled = backwards(pooled, rule, seed=seed)
            np.testing.assert_allclose(unpooled.sum(axis=(2, 3, 4)), expected, rtol=1e-5)
            for channel in range(3):
                np.testing.assert_array_equal(unpooled[:, channel, ..., channel] != 0, switches[..., channel])


@pytest.mark.parametrize("rule", RULES)
def test_a_seed_of_one_times_the_activation_is_the_activations_seed(rule):
    x = normal(1, 14, 14, 3)
    network = spelled(vgg(), x)  # one unit for each channel
    ones = backwards(network, rule, seed="ones")
    strongest = reconstruct(network, None, "out", rule=rule, seed="strongest")
    expected = ones * strongest.seed_values[..., None, None, None]
    np.testing.assert_allclose(strongest.images, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())

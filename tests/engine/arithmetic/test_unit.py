"""The arithmetic of one unit against windows cut with NumPy, and its way back against reconstructions."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from cnnvis_widgets import activations, load, reconstruct
from cnnvis_widgets.engine.arithmetic.unit import unit_arithmetic
from cnnvis_widgets.engine.arithmetic.windows import window_of
from cnnvis_widgets.errors import ChannelError

RNG = np.random.default_rng(4)
IMAGE = RNG.normal(size=(1, 9, 11, 4)).astype(np.float32)


def network_of(*layers: keras.Layer, shape: tuple[int, ...] = (9, 11, 4)) -> object:
    keras.utils.set_random_seed(7)
    model = keras.Sequential([keras.Input(shape), *layers])
    for weights in model.weights:  # also of biases and normalisations, which begin at 0 and 1
        weights.assign(
            np.abs(RNG.normal(size=weights.shape)) if "variance" in weights.path else RNG.normal(size=weights.shape)
        )
    return model


def padded(image: np.ndarray, size: int, stride: int, dilation: int, filler: float) -> tuple[np.ndarray, list[int]]:
    """SAME padding as TensorFlow documents it: the odd element behind; and how much lies in front."""
    before, widths = [], []
    for length in image.shape[:2]:
        total = max((-(-length // stride) - 1) * stride + (size - 1) * dilation + 1 - length, 0)
        before.append(total // 2)
        widths.append((total // 2, total - total // 2))
    return np.pad(image, [*widths, (0, 0)], constant_values=filler), before


def cut(image: np.ndarray, unit: tuple[int, int], size: int, stride: int, dilation: int) -> np.ndarray:
    rows, columns = (slice(at * stride, at * stride + (size - 1) * dilation + 1, dilation) for at in unit)
    return image[rows, columns]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "stride", "dilation"), [(3, 1, 1), (3, 2, 1), (2, 2, 1), (3, 1, 2), (4, 3, 1)])
@pytest.mark.parametrize("kind", ["convolution", "grouped", "depthwise", "max_pool", "average_pool"])
def test_windows_weights_and_sums(kind, size, stride, dilation, padding):
    if kind not in ("convolution", "grouped", "depthwise") and dilation > 1:
        pytest.skip("pools of Keras have no dilation")
    if kind == "grouped" and dilation > 1:
        pytest.skip("its layer is the op between SpaceToBatchND and BatchToSpaceND, whose map is another")
    common = {"padding": padding, "strides": stride, "name": "op"}
    filtered = {"dilation_rate": dilation, "use_bias": False, **common}
    made = {
        "convolution": lambda: keras.layers.Conv2D(6, size, **filtered),
        "grouped": lambda: keras.layers.Conv2D(6, size, groups=2, **filtered),
        "depthwise": lambda: keras.layers.DepthwiseConv2D(size, depth_multiplier=2, **filtered),
        "max_pool": lambda: keras.layers.MaxPooling2D(size, **common),
        "average_pool": lambda: keras.layers.AveragePooling2D(size, **common),
    }
    model = network_of(made[kind]())
    network = load(model, IMAGE)
    layer = network.layers[-1] if kind == "grouped" else "op"  # a grouped one lies in a function without that name
    (maps,) = activations(network, None, layer)
    rows, columns, channels = maps.values.shape[1:]
    filler = 0.0 if "pool" not in kind else np.nan
    image, _ = padded(IMAGE[0], size, stride, dilation, filler) if padding == "same" else (IMAGE[0], [0, 0])
    kernel = np.asarray(model.weights[0]) if model.weights else None
    for unit, channel in (((0, 0), 0), ((rows - 1, columns - 1), channels - 1), ((rows // 2, columns // 3), 3)):
        (step,) = unit_arithmetic(network, None, layer, channel, unit).steps
        window = cut(image, unit, size, stride, dilation)
        if kind == "convolution":
            expected, weights = window, kernel[..., channel]
        elif kind == "grouped":
            group = channel // 3
            expected, weights = window[..., 2 * group : 2 * group + 2], kernel[..., channel]
        elif kind == "depthwise":
            expected, weights = window[..., channel // 2], kernel[..., channel // 2, channel % 2]
        else:
            expected, weights = window[..., channel], None
        np.testing.assert_array_equal(step.inputs, expected)
        first = tuple(at * stride - (image.shape[axis] - IMAGE.shape[1 + axis]) // 2 for axis, at in enumerate(unit))
        assert tuple(taken[0] for taken in step.places) == first
        assert all(taken[1] - taken[0] == dilation for taken in step.places)
        if weights is None:
            assert step.weights is None
            total = np.nanmax(expected) if kind == "max_pool" else np.nanmean(expected)
        else:
            np.testing.assert_array_equal(step.weights, weights)
            total = np.sum(expected.astype(np.float64) * weights)
        assert step.computed == pytest.approx(total, rel=1e-6)
        assert step.value == pytest.approx(maps.values[(0, *unit, channel)], rel=1e-5, abs=1e-5)
        assert step.value == pytest.approx(step.computed, rel=1e-4, abs=1e-4)
        if kind == "max_pool":
            assert expected.ravel()[step.switch] == total


def test_a_dense_layer_multiplies_and_adds():
    model = network_of(keras.layers.Flatten(), keras.layers.Dense(5, activation="relu", name="dense"))
    told = unit_arithmetic(model, IMAGE, "dense", 2)
    kernel, bias = (np.asarray(weights) for weights in model.weights)
    product, added, rectified = told.steps
    np.testing.assert_array_equal(product.inputs, IMAGE.ravel())
    np.testing.assert_array_equal(product.weights, kernel[:, 2])
    assert product.computed == pytest.approx(float(IMAGE.ravel().astype(np.float64) @ kernel[:, 2]))
    assert added.parameters["bias"] == pytest.approx(float(bias[2]))
    assert rectified.value == max(0.0, added.value)
    assert told.unit == ()


def activated_network(activation):
    """A convolution, a batch normalisation and an activation."""
    layers = keras.layers
    return load(
        network_of(
            layers.Conv2D(6, 3, name="conv"), layers.BatchNormalization(), layers.Activation(activation, name="on")
        ),
        IMAGE,
    )


@pytest.mark.parametrize("activation", ["relu", "relu6", "leaky_relu", "silu", "tanh"])
def test_every_step_gives_what_the_next_one_takes(activation):
    network = activated_network(activation)
    layer = network.layers[-1]
    for channel in range(6):
        told = unit_arithmetic(network, None, layer, channel, (2, 4))
        assert told.steps[0].kind == "convolution"
        for step, following in zip(told.steps, told.steps[1:], strict=False):
            assert float(following.inputs) == pytest.approx(step.value, abs=1e-6)
        for step in told.steps:
            assert step.computed == pytest.approx(step.value, rel=1e-4, abs=1e-4)
        (maps,) = activations(network, None, layer)
        assert told.value == pytest.approx(float(maps.values[0, 2, 4, channel]), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("activation", ["relu", "relu6", "leaky_relu", "tanh"])
@pytest.mark.parametrize("rule", ["gradient", "deconvnet", "guided"])
def test_what_goes_down_is_the_reconstruction(activation, rule):
    """Right above the image, what a window sends down is the whole projection of the unit."""
    network = activated_network(activation)
    layer = network.layers[-1]
    for channel in range(6):
        told = unit_arithmetic(network, None, layer, channel, (2, 4), rules=[rule])
        projected = reconstruct(network, None, layer, channels=[channel], rule=rule, seed=(2, 4)).images[0, 0]
        np.testing.assert_allclose(told.steps[0].sent[rule], projected[2:5, 4:7], rtol=1e-4, atol=1e-5)
        assert told.below == "image"


@pytest.mark.parametrize("pool", [keras.layers.MaxPooling2D, keras.layers.AveragePooling2D])
def test_pools_send_signals_down_as_reconstructions_do(pool):
    model = load(network_of(pool(3, strides=2, padding="same", name="pool")), IMAGE)
    before = model.runtime.structure.graph_def.SerializeToString(deterministic=True)
    for unit in ((0, 0), (2, 3)):
        told = unit_arithmetic(model, IMAGE, "pool", 1, unit)
        assert model.runtime.structure.graph_def.SerializeToString(deterministic=True) == before
        projected = reconstruct(model, IMAGE, "pool", channels=[1], rule="gradient", seed=unit).images[0, 0, ..., 1]
        (step,) = told.steps
        window = window_of(projected, step.places, 0.0)
        np.testing.assert_allclose(step.sent["gradient"], window, rtol=1e-5, atol=1e-6)


def test_branches_add_up_and_layers_below_are_named():
    inputs = keras.Input((9, 11, 4))
    first = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(inputs)
    second = keras.layers.Conv2D(4, 3, padding="same", name="second")(first)
    model = keras.Model(inputs, keras.layers.ReLU(name="end")(keras.layers.Add(name="sum")([first, second])))
    told = unit_arithmetic(model, IMAGE, "end", 3, (4, 4))
    added, rectified = told.steps
    assert (added.kind, rectified.kind) == ("addition", "relu")
    assert added.inputs.sum() == pytest.approx(added.value, rel=1e-5)
    below = unit_arithmetic(model, IMAGE, "second", 3, (4, 4))
    assert below.below == next(
        layer.name for layer in load(model).layers if "first" in layer.name and layer.kind == "relu"
    )


def test_global_pools_and_softmax():
    model = network_of(keras.layers.GlobalAveragePooling2D(name="mean"), keras.layers.Softmax(name="classes"))
    (mean,) = unit_arithmetic(model, IMAGE, "mean", 2).steps
    np.testing.assert_array_equal(mean.inputs, IMAGE[0, ..., 2])
    assert mean.value == pytest.approx(float(IMAGE[0, ..., 2].mean()), rel=1e-4)
    np.testing.assert_allclose(mean.sent["guided"], np.full((9, 11), mean.value / 99), rtol=1e-4)
    (softmax,) = unit_arithmetic(model, IMAGE, "classes", 2).steps
    means = IMAGE[0].mean(axis=(0, 1))
    assert softmax.computed == pytest.approx(float(np.exp(means[2]) / np.exp(means).sum()), rel=1e-5)


def test_signals_and_volumes():
    signal = RNG.normal(size=(1, 16, 2)).astype(np.float32)
    model = network_of(keras.layers.Conv1D(3, 5, padding="same", name="op"), shape=(16, 2))
    told = unit_arithmetic(model, signal, "op", 1, (0,))
    kernel = np.asarray(model.weights[0])
    expected = np.pad(signal[0], ((2, 2), (0, 0)))[:5]
    assert told.steps[0].computed == pytest.approx(
        float(np.sum(expected.astype(np.float64) * kernel[..., 1])), rel=1e-5
    )
    volume = RNG.normal(size=(1, 5, 6, 7, 2)).astype(np.float32)
    model = network_of(keras.layers.Conv3D(3, 3, name="op"), shape=(5, 6, 7, 2))
    told = unit_arithmetic(model, volume, "op", 1, (1, 2, 3))
    np.testing.assert_array_equal(told.steps[0].inputs, volume[0, 1:4, 2:5, 3:6])


def test_an_op_that_is_not_told_says_so():
    model = network_of(keras.layers.Conv2DTranspose(3, 3, name="op", use_bias=False))
    (step,) = unit_arithmetic(model, IMAGE, "op", 1).steps
    assert "Conv2DBackpropInput is not told" in step.note


def test_units_that_are_not_there_are_refused():
    model = network_of(keras.layers.Conv2D(3, 3, name="op"))
    with pytest.raises(ChannelError, match="place of a unit"):
        unit_arithmetic(model, IMAGE, "op", 1, (7, 0))
    with pytest.raises(ChannelError, match="from 0 to 2"):
        unit_arithmetic(model, IMAGE, "op", 3)
    with pytest.raises(ValueError, match="rule"):
        unit_arithmetic(model, IMAGE, "op", 1, rules=["upwards"])


def test_the_strongest_unit_is_told_by_default():
    model = network_of(keras.layers.Conv2D(3, 3, activation="relu", name="op"))
    (maps,) = activations(model, IMAGE, "op")
    told = unit_arithmetic(model, IMAGE, "op", 2)
    assert told.value == pytest.approx(float(maps.values[0, ..., 2].max()), rel=1e-6)
    assert told.unit == np.unravel_index(maps.values[0, ..., 2].argmax(), maps.values.shape[1:3])

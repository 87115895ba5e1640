"""Every op family against its slow twin, forwards and backwards, under all three rules."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from oracles import (
    RECTIFIED,
    Activation,
    Add,
    Affine,
    AveragePool,
    BatchNormalization,
    Chain,
    Concat,
    Convolution,
    Dense,
    Depthwise,
    GlobalAverage,
    LocalResponseNormalization,
    MaxPool,
    Multiply,
    Pad,
    Reshape,
    Resize,
    Towers,
    TransposedConvolution,
    Windows,
    project,
)
from oracles.comparison import compare, compare_spelled, normal, same
from oracles.in_tensorflow import ACTIVATIONS, graph_of, spell

from cnnvis_widgets import load, reconstruct
from cnnvis_widgets.engine.backward import pullback
from cnnvis_widgets.engine.ops import convolutions
from cnnvis_widgets.engine.ops.convolutions import has_kernels

pytestmark = pytest.mark.matrix

LAYOUTS = pytest.mark.parametrize("first", [False, True], ids=["last", "first"])
MARGINS = ((1, 0), (2, 1))
PADDINGS = pytest.mark.parametrize("padding", ["VALID", "SAME", MARGINS], ids=["valid", "same", "explicit"])
RELU = Activation("relu")
EXACT = {"dtype": np.float64, "tolerance": 1e-6}  # the engine's results are float32 whatever it computes in
SINGLE = {"dtype": np.float32, "tolerance": 1e-5}  # for ops without a double-precision kernel


def behind_relu(op, shape, first=False, dtype=np.float64, **options):
    """``op`` between a convolution and its ReLU, where the rules differ, and the layer."""
    mixed = Convolution(normal(*(1,) * (len(shape) - 1), 2, shape[-1], seed=9), Windows((1,) * (len(shape) - 1)))
    x = normal(1, *shape[:-1], 2, seed=8).astype(dtype)
    return compare_spelled(Chain((mixed, RELU, op)), x, channels_first=first, **options)


# ---- the twins themselves


def _ops():
    window = Windows((2, 3), (2, 1), "SAME")
    flat = Chain((Reshape((48,)), Dense(normal(48, 3))))
    return {
        "convolution": Convolution(normal(2, 3, 1, 4), Windows((2, 3), (1, 2), ((1, 0), (0, 2)), (2, 1)), groups=2),
        "transposed": TransposedConvolution(Convolution(normal(2, 3, 3, 2), window), (8, 6)),
        "depthwise": Depthwise(normal(2, 3, 2, 2), window),
        "average pool": AveragePool(window),
        "global average": GlobalAverage(),
        "max pool": MaxPool(Windows((3, 2), (1, 2), "SAME")),
        "normalisation": LocalResponseNormalization(1, 2.0, 0.7, 0.8),
        "batch norm": BatchNormalization(normal(2), normal(2), normal(2), normal(2) ** 2),
        "reflection": Pad(((2, 1), (0, 3)), "reflect"),
        "padding": Pad(((2, 1), (0, 3))),
        "nearest": Resize((7, 9)),
        "bilinear": Resize((7, 9), "bilinear"),
        "permuted": Reshape((16, 3), (3, 2, 1)),
        "add": Add((Chain(), Affine(normal(2), 3.0), RELU)),
        "gate": Multiply(Chain(), Chain((GlobalAverage(kept=True), Activation("sigmoid")))),
        "concat": Concat((Chain(), Activation("tanh"))),
        "towers": Towers((Activation("softplus"), Affine(2.0))),
        "dense": flat,
    } | {name: Activation(name, 0.3) for name in (*RECTIFIED, *ACTIVATIONS)}


@pytest.mark.parametrize("name", _ops())
def test_a_twins_gradient_is_the_slope_of_its_values(name):
    op = _ops()[name]
    x = normal(1, 4, 6, 2, seed=5)
    signal = normal(*op.forward(x).shape, seed=6)
    step = 1e-6
    slopes = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        nudge = np.zeros_like(x)
        nudge[at] = step
        slopes[at] = ((op.forward(x + nudge) - op.forward(x - nudge)) * signal).sum() / (2 * step)
    np.testing.assert_allclose(op.backward(signal, "gradient", x), slopes, atol=1e-7)


def test_a_twin_worked_by_hand():
    image = np.array([[1, 2, 0], [3, 1, 5], [0, 4, 1.0]])[None, ..., None]
    cross = np.array([[1, 2], [3, 4]])[..., None, None]
    convolution = Convolution(cross, Windows((2, 2)))
    np.testing.assert_array_equal(convolution.forward(image)[0, ..., 0], [[18, 25], [21, 27]])
    signal = np.array([[1.0, 0], [0, 2]])[None, ..., None]
    sent = convolution.backward(signal, "gradient", image)[0, ..., 0]
    np.testing.assert_array_equal(sent, [[1, 2, 0], [3, 6, 4], [0, 6, 8]])
    pool = MaxPool(Windows((2, 2)))
    np.testing.assert_array_equal(pool.forward(image)[0, ..., 0], [[3, 5], [4, 5]])
    unpooled = pool.backward(np.array([[1.0, 2], [3, 4]])[None, ..., None], "gradient", image)[0, ..., 0]
    np.testing.assert_array_equal(unpooled, [[0, 0, 0], [1, 0, 6], [0, 3, 0]])
    average = AveragePool(Windows((2, 2), (2, 2), "SAME"))
    np.testing.assert_array_equal(average.forward(image)[0, ..., 0], [[1.75, 2.5], [2, 1]])


# ---- convolutions


SIZES = pytest.mark.parametrize("size", [(3, 2), (2, 3)], ids=str)
STRIDES = pytest.mark.parametrize("strides", [(1, 1), (2, 2)], ids=str)
NAMED_PADDINGS = pytest.mark.parametrize("padding", ["VALID", "SAME"])


@LAYOUTS
@PADDINGS
@STRIDES
@SIZES
def test_convolution(size, strides, padding, first):
    behind_relu(Convolution(normal(*size, 2, 3), Windows(size, strides, padding)), (7, 6, 2), first)


@LAYOUTS
@NAMED_PADDINGS
@STRIDES
@SIZES
def test_dilated_convolution(size, strides, padding, first):
    windows = Windows(size, strides, padding, (2, 2))
    behind_relu(Convolution(normal(*size, 2, 3), windows), (7, 6, 2), first, **SINGLE)


@LAYOUTS
def test_convolution_with_unequal_strides_and_dilations(first):
    windows = Windows((2, 2), (1, 2), "SAME", (3, 1))
    behind_relu(Convolution(normal(2, 2, 2, 3), windows), (7, 6, 2), first, **SINGLE)


def test_convolution_larger_than_the_image():
    behind_relu(Convolution(normal(5, 5, 2, 3), Windows((5, 5), (), "SAME")), (2, 3, 2))


def test_convolution_dilated_by_way_of_the_batch():
    """As graphs of TensorFlow 1 are: the pixels of each phase become an image of their own."""
    kernel = normal(3, 3, 4, 2)

    def function(x):
        phases = tf.space_to_batch(tf.nn.relu(x), [2, 2], [[2, 2], [2, 2]])
        return tf.batch_to_space(tf.nn.conv2d(phases, kernel, 1, "VALID"), [2, 2], [[0, 0], [0, 0]])

    twin = Chain((RELU, Convolution(kernel, Windows((3, 3), (), "SAME", (2, 2)))))
    compare(graph_of(function, (6, 8, 4)), twin, normal(1, 6, 8, 4))


@LAYOUTS
@NAMED_PADDINGS
@pytest.mark.parametrize("groups", [2, 4])
def test_grouped_convolution(groups, padding, first):
    windows = Windows((3, 3), (2, 2), padding)
    behind_relu(Convolution(normal(3, 3, 4 // groups, 8), windows, groups), (6, 7, 4), first, **SINGLE)


@LAYOUTS
@pytest.mark.parametrize(("padding", "options"), [("SAME", EXACT), (MARGINS, SINGLE)], ids=["double", "explicit"])
def test_dilated_convolution_without_a_kernel_for_its_gradient(padding, options, first):
    windows = Windows((3, 3), (), padding, (2, 2))
    behind_relu(Convolution(normal(3, 3, 4, 4), windows), (6, 7, 4), first, **options)


@LAYOUTS
@pytest.mark.parametrize(("padding", "options"), [("SAME", EXACT), (MARGINS, SINGLE)], ids=["double", "explicit"])
def test_grouped_convolution_without_a_kernel_for_its_gradient(padding, options, first):
    windows = Windows((3, 3), (), padding)
    behind_relu(Convolution(normal(3, 3, 2, 4), windows, 2), (6, 7, 4), first, **options)


@pytest.mark.parametrize("way", ["many seeds", "copies"])
@pytest.mark.parametrize(
    ("groups", "strides", "dilations"), [(2, (2, 2), ()), (1, (2, 1), (2, 3)), (2, (2, 2), (2, 2))]
)
def test_on_a_cpu_without_kernels_for_it(monkeypatch, groups, strides, dilations, way):
    """As CPUs without AVX-512 are; here the same whatever CPU the tests run on."""
    monkeypatch.setattr(convolutions, "has_kernels", lambda: False)
    if way == "copies":
        monkeypatch.setattr(pullback, "OPS", {})
    windows = Windows((3, 3), strides, "SAME", dilations)
    behind_relu(Convolution(normal(3, 3, 4 // groups, 4), windows, groups), (6, 7, 4), **SINGLE)


@NAMED_PADDINGS
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2)])
def test_convolution_of_a_signal(stride, dilation, padding):
    windows = Windows((3,), (stride,), padding, (dilation,))
    behind_relu(Convolution(normal(3, 2, 4), windows), (9, 2), **(EXACT if dilation == 1 else SINGLE))


@LAYOUTS
@NAMED_PADDINGS
@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_of_a_volume(stride, padding, first):
    windows = Windows((2, 3, 2), (stride,) * 3, padding)
    behind_relu(Convolution(normal(2, 3, 2, 2, 3), windows), (4, 5, 4, 2), first)


def test_whether_there_are_kernels_is_known_without_trying():
    def tried():
        try:
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=[1, 3, 3, 2], filter=tf.ones([2, 2, 1, 2]), out_backprop=tf.ones([1, 1, 1, 2]),
                strides=[1] * 4, padding="VALID", dilations=[1, 2, 2, 1],
            )  # fmt: skip
        except tf.errors.OpError:
            return False
        return True

    assert has_kernels() == tried()


@pytest.mark.skipif(not has_kernels(), reason="TensorFlow without oneDNN cannot even run it forward")
def test_dilated_convolution_of_a_volume():
    windows = Windows((2, 3, 2), (), "SAME", (1, 2, 2))
    behind_relu(Convolution(normal(2, 3, 2, 2, 3), windows), (4, 5, 6, 2), **SINGLE)


@LAYOUTS
@PADDINGS
@STRIDES
@pytest.mark.parametrize("multiplier", [1, 3])
def test_depthwise_convolution(multiplier, strides, padding, first):
    behind_relu(Depthwise(normal(3, 2, 2, multiplier), Windows((3, 2), strides, padding)), (7, 6, 2), first)


@NAMED_PADDINGS
def test_dilated_depthwise_convolution(padding):
    behind_relu(Depthwise(normal(3, 2, 2, 2), Windows((3, 2), (), padding, (2, 2))), (7, 6, 2))


@LAYOUTS
@pytest.mark.parametrize(
    ("stride", "padding", "length"),
    [(1, "VALID", 6), (2, "VALID", 9), (2, "VALID", 10), (1, "SAME", 4), (2, "SAME", 7), (3, "SAME", 10)],
)
def test_transposed_convolution(stride, padding, length, first):
    convolution = Convolution(normal(3, 3, 2, 3), Windows((3, 3), (stride, stride), padding))
    behind_relu(TransposedConvolution(convolution, (length, length)), (4, 4, 3), first)


@pytest.mark.parametrize(("shape", "first"), [((8,), False), ((4, 6, 4), False), ((4, 6, 4), True)], ids=str)
def test_transposed_convolution_of_signals_and_volumes(shape, first):
    rank = len(shape)
    convolution = Convolution(normal(*(2,) * rank, 2, 3), Windows((2,) * rank, (2,) * rank))
    halves = tuple(length // 2 for length in shape)
    behind_relu(TransposedConvolution(convolution, shape), (*halves, 3), first)


# ---- pools


POOLS = [((2, 2), (2, 2)), ((3, 3), (2, 2)), ((3, 2), (1, 1)), ((2, 2), (3, 2))]  # apart, overlapping, with gaps


@LAYOUTS
@NAMED_PADDINGS
@pytest.mark.parametrize(("size", "strides"), POOLS, ids=str)
@pytest.mark.parametrize("pool", [MaxPool, AveragePool])
def test_pool(pool, size, strides, padding, first):
    behind_relu(pool(Windows(size, strides, padding)), (7, 6, 2), first)


@LAYOUTS
@pytest.mark.parametrize(("size", "strides"), POOLS, ids=str)
def test_max_pool_with_margins(size, strides, first):
    behind_relu(MaxPool(Windows(size, strides, ((1, 0), (1, 1)))), (7, 6, 2), first)


@NAMED_PADDINGS
@pytest.mark.parametrize(("size", "strides"), [(2, 2), (3, 2)])
@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("pool", [MaxPool, AveragePool])
def test_pool_of_signals_and_volumes(pool, rank, size, strides, padding):
    windows = Windows((size,) * rank, (strides,) * rank, padding)
    behind_relu(pool(windows), (*(5, 4, 6)[:rank], 2), **(SINGLE if rank == 3 else EXACT))


@NAMED_PADDINGS
@pytest.mark.parametrize("size", [2, 3])
def test_a_max_pool_of_equal_values_goes_to_the_first(size, padding):
    """Whole numbers from 0 to 2: nearly every window holds its largest value more than once."""
    x = np.random.default_rng(1).integers(0, 3, (1, 7, 6, 3)).astype(np.float64)
    compare_spelled(MaxPool(Windows((size, size), (2, 2), padding)), x)
    constant = np.ones((1, 4, 4, 1))
    network = compare_spelled(MaxPool(Windows((2, 2), (2, 2), padding)), constant)
    lit = reconstruct(network, None, "out", seed="ones").images[0, 0, ..., 0]
    np.testing.assert_array_equal(lit, np.tile([[1, 0], [0, 0]], (2, 2)))


WHOLE = Chain((MaxPool(Windows((5, 6))), Reshape((3,))))


def largest(image):
    return tf.reduce_max(tf.nn.relu(image), [1, 2])


def test_global_max_pool():
    compare(graph_of(largest, (5, 6, 3)), Chain((RELU, WHOLE)), normal(2, 5, 6, 3), seed="ones")


def test_global_max_pool_of_equal_values_goes_to_the_first():
    x = np.array([1.0, 2, 2, 0])[None, :, None, None]
    compare(graph_of(largest, (4, 1, 1)), Chain((MaxPool(Windows((4, 1))), Reshape((1,)))), x, seed="ones")


def test_max_pool_that_also_gives_its_switches():
    windows = Windows((3, 2), (2, 2), "SAME")
    graph = graph_of(lambda x: tf.nn.max_pool_with_argmax(tf.nn.relu(x), (3, 2), 2, "SAME")[0], (7, 6, 2))
    compare(graph, Chain((RELU, MaxPool(windows))), normal(1, 7, 6, 2))


@LAYOUTS
@pytest.mark.parametrize("kept", [False, True])
def test_global_average(kept, first):
    behind_relu(GlobalAverage(kept), (5, 6, 3), first)


# ---- normalisation


def statistics():
    gamma, beta, mean, deviation = normal(4, 3)
    return BatchNormalization(gamma, beta, mean, 0.5 + deviation**2)


def as_keras(twin):
    """After a ReLU, in a model that computes as Keras does."""
    image = keras.Input((5, 4, 3), name="image")
    norm = keras.layers.BatchNormalization(epsilon=twin.epsilon, name="norm")
    model = keras.Model(image, norm(keras.layers.ReLU()(image)))
    for variable, value in zip(norm.weights, (twin.gamma, twin.beta, twin.mean, twin.variance), strict=True):
        variable.assign(value)
    return model


@LAYOUTS
def test_batch_normalization_fused(first):
    behind_relu(statistics(), (5, 4, 3), first, **SINGLE)


def test_batch_normalization_of_keras():
    x = normal(2, 5, 4, 3).astype(np.float32)
    compare(as_keras(statistics()), Chain((RELU, statistics())), x, layer="norm", tolerance=1e-5)


def _by_parts(x, norm):
    """As ``tf.nn.batch_normalization`` does it, and Keras before the fused op."""
    factor = tf.math.rsqrt(tf.constant(norm.variance) + norm.epsilon) * norm.gamma
    return x * factor + (norm.beta - norm.mean * factor)


SPELLINGS_OF_NORM = {
    "by parts": _by_parts,
    "by hand": lambda x, norm: (x - norm.mean) / tf.sqrt(norm.variance + norm.epsilon) * norm.gamma + norm.beta,
    "by tensorflow": lambda x, norm: tf.nn.batch_normalization(
        x, norm.mean, norm.variance, norm.beta, norm.gamma, norm.epsilon
    ),
    "multiply and add": lambda x, norm: (
        x * (norm.gamma / np.sqrt(norm.variance + norm.epsilon))
        + (norm.beta - norm.mean * norm.gamma / np.sqrt(norm.variance + norm.epsilon))
    ),
}


@pytest.mark.parametrize("spelling", SPELLINGS_OF_NORM)
def test_batch_normalization_spelled_out(spelling):
    norm = statistics()
    graph = graph_of(lambda x: SPELLINGS_OF_NORM[spelling](tf.nn.relu(x), norm), (5, 4, 3))
    compare(graph, Chain((RELU, norm)), normal(1, 5, 4, 3))


def test_batch_normalization_equals_the_convolution_it_folds_into():
    norm, kernel = statistics(), normal(3, 3, 2, 3)
    factor = norm.gamma / np.sqrt(norm.variance + norm.epsilon)
    convolution = Convolution(kernel, Windows((3, 3), (), "SAME"))
    folded = Chain((Convolution(kernel * factor, convolution.windows), Affine(1.0, norm.beta - norm.mean * factor)))
    twin = Chain((RELU, folded, RELU))

    def function(x):
        return tf.nn.relu(SPELLINGS_OF_NORM["by tensorflow"](spell(Chain((RELU, convolution)), x), norm))

    compare(graph_of(function, (5, 6, 2)), twin, normal(1, 5, 6, 2))


@pytest.mark.parametrize("radius", [1, 2, 5])
@pytest.mark.parametrize(("bias", "alpha", "beta"), [(1.0, 1.0, 0.5), (2.0, 0.3, 0.75)])
def test_local_response_normalization(radius, bias, alpha, beta):
    twin = LocalResponseNormalization(radius, bias, alpha, beta)
    network = behind_relu(twin, (3, 4, 6), **SINGLE)
    treatments = [
        {op.kind: op.treatment for op in network.coverage(rule, "out").ops}["local_response_normalization"]
        for rule in ("deconvnet", "guided", "gradient")
    ]
    assert treatments == ["identity", "exact", "exact"]


# ---- shapes, branches, sizes

STRUCTURES = {
    "bias": Affine(1.0, normal(3)),
    "scale": Affine(normal(3)),
    "constant padding": Pad(((1, 2), (0, 3))),
    "reflection": Pad(((1, 2), (3, 0)), "reflect"),
    "residual": Add((Chain(), Convolution(normal(3, 3, 3, 3), Windows((3, 3), (), "SAME")))),
    "sum of three": Add((RELU, Affine(normal(3)), Activation("tanh"))),
    "concat": Concat((RELU, Convolution(normal(1, 1, 3, 2), Windows((1, 1))))),
    "towers": Towers(
        tuple(Chain((Convolution(normal(3, 3, 1, 2, seed=at), Windows((3, 3))), RELU)) for at in range(3))
    ),
    "gate": Multiply(Chain(), Chain((GlobalAverage(kept=True), Affine(normal(3)), Activation("sigmoid")))),
}


@LAYOUTS
@pytest.mark.parametrize("name", STRUCTURES)
def test_structure(name, first):
    behind_relu(STRUCTURES[name], (5, 6, 3), first)


SHAPED = {
    "matmul": Chain((Reshape((90,)), Dense(normal(90, 4)), Affine(1.0, normal(4)))),
    "channels first, then matmul": Chain((Reshape((90,), (3, 1, 2)), Dense(normal(90, 4)))),
    "reshape": Reshape((6, 5, 3)),
    "permute": Reshape((6, 5, 3), (2, 1, 3)),
    "matmul of maps": Dense(normal(3, 4)),
    "two layers": Chain((GlobalAverage(), Dense(normal(3, 5)), Affine(1.0, normal(5)), RELU, Dense(normal(5, 2)))),
}


@pytest.mark.parametrize("name", SHAPED)
def test_shape(name):
    behind_relu(SHAPED[name], (5, 6, 3))


@pytest.mark.parametrize("lengths", [(10, 12), (7, 9), (3, 4), (5, 6)], ids=str)
@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_resize(method, lengths):
    behind_relu(Resize(lengths, method), (5, 6, 2), **(SINGLE if method == "bilinear" else EXACT))


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_upsampling_of_keras(method):
    image = keras.Input((4, 5, 2), name="image")
    out = keras.layers.UpSampling2D((2, 3), interpolation=method, name="out")
    twin = Chain((RELU, Resize((8, 15), method)))
    x = normal(1, 4, 5, 2).astype(np.float32)
    compare(keras.Model(image, out(keras.layers.ReLU()(image))), twin, x, tolerance=1e-5)


# ---- seeds

SEEDED = Chain((RELU, Convolution(normal(3, 3, 2, 3), Windows((3, 3), (2, 1), "SAME")), RELU, MaxPool(Windows((2, 2)))))


@pytest.mark.parametrize("seed", ["strongest", "map", "ones", (1, 3)], ids=str)
def test_seed(seed):
    compare_spelled(SEEDED, normal(3, 7, 6, 2), seed=seed)


def test_strongest_is_the_first_of_the_largest():
    x = normal(2, 7, 6, 2)
    network = load(graph_of(lambda image: spell(SEEDED, image), x.shape[1:]), x)
    result = reconstruct(network, None, "out")
    values = SEEDED.forward(x)
    for image, channel in np.ndindex(2, 3):
        place = np.unravel_index(np.argmax(values[image, ..., channel]), values.shape[1:3])
        assert tuple(result.units[image, channel]) == place
    same(result.images, project(SEEDED, x, "deconvnet", "strongest"))

"""Attribution: the published numbers, the invariants, the layouts and the errors."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import keras_cnn, photo, v1
from oracles.in_tensorflow import graph_of

from cnnvis_widgets import (
    activations,
    grad_cam,
    grad_cam_plus_plus,
    gradient_times_input,
    hires_cam,
    integrated_gradients,
    layer_cam,
    load,
    occlusion,
    occlusion_steps,
    score_cam,
    sensitivity,
    smooth_grad,
)
from cnnvis_widgets.errors import ChannelError, FeedError, GradientError, LayerError, NumericalError

METHODS = {
    "grad_cam": grad_cam,
    "guided_grad_cam": lambda *args, **options: grad_cam(*args, guided=True, **options),
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "hires_cam": hires_cam,
    "layer_cam": layer_cam,
    "score_cam": score_cam,
    "gradient_times_input": gradient_times_input,
    "integrated_gradients": lambda *args, **options: integrated_gradients(*args, steps=4, **options),
    "smooth_grad": lambda *args, **options: smooth_grad(*args, samples=4, **options),
    "occlusion": lambda *args, **options: occlusion(*args, **options).attribution,
}


CAMS = ("grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam", "score_cam")
NOT_PROPORTIONAL = ("grad_cam_plus_plus", "score_cam")
"""Their pictures are no multiple of the score, if all scores are multiplied."""


def one_conv(shift=0.0):
    """The network of captum's tests: one convolution, two maps, weights worked out by hand."""

    def body(image):
        conv = tf.nn.bias_add(tf.nn.conv2d(image + shift, tf.ones((3, 3, 1, 2)), 1, "VALID"), [-50.0, -75.0])
        rectified = tf.nn.relu(conv, name="relu1")
        tf.identity(conv, name="conv1")
        flat = tf.reshape(tf.transpose(rectified, [0, 3, 1, 2]), [-1, 8])  # channels first, as in PyTorch
        weights = tf.constant(np.repeat(np.float32([1, -1]), [5, 3])[:, None] * np.ones((1, 4), np.float32))
        return tf.nn.relu(tf.matmul(flat, weights, name="dense"), name="relu2")

    return load(graph_of(body, (4, 4, 1), tf.float32), np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1))


def same(array, expected, tolerance=1e-5):
    assert array.dtype == np.float32
    assert array.shape == np.shape(expected)
    np.testing.assert_allclose(array, expected, atol=tolerance, rtol=tolerance)


# ---- published numbers


def test_grad_cam_of_the_network_worked_by_hand():
    """conv1 is put between the convolution and its ReLU, where the activations have both signs."""
    network = one_conv()
    result = grad_cam(network, None, 0, scores="dense", layer="BiasAdd")
    same(result.images, [[[[11.25, 13.5], [20.25, 22.5]]]])
    result = grad_cam(network, None, 0, scores="dense")
    assert result.maps.name == "relu1"
    same(result.images, [[[[0, 4], [28, 32.5]]]])
    same(result.scores, [[54]])


def test_guided_grad_cam_of_the_network_worked_by_hand():
    network = one_conv()
    smooth = grad_cam(network, None, 0, scores="dense", upsampled=True).images
    result = grad_cam(network, None, 0, scores="dense", guided=True)
    assert result.method == "guided_grad_cam"
    assert [(op.kind, op.treatment) for op in result.coverage.ops if op.kind == "relu"] == [("relu", "rule")]
    guided = np.array([[0, 1, 1, 1], [1, 3, 3, 2], [1, 3, 3, 2], [1, 2, 2, 1]])
    same(result.images, smooth[..., None] * guided[:, :, None])
    nearest = grad_cam(network, None, 0, scores="dense").images.repeat(2, 2).repeat(2, 3)
    published = [[0, 0, 4, 4], [0, 0, 12, 8], [28, 84, 97.5, 65], [28, 56, 65, 32.5]]
    same((guided * nearest).astype(np.float32), [[published]])


def test_the_map_of_a_line_detector():
    """A vertical line in a 5 x 5 image, the detector a column of ones with ones in its middle row too."""

    def body(image):
        maps = tf.nn.relu(tf.nn.conv2d(image, LINE, 1, "SAME"), name="maps")
        return tf.matmul(tf.reshape(maps, [-1, 25]), tf.ones((25, 1)), name="scores")

    image = np.zeros((1, 5, 5, 1), np.float32)
    image[:, 1] = image[:, 3] = 1
    result = grad_cam(graph_of(body, (5, 5, 1), tf.float32), image, 0, upsampled=True)
    rows = result.images[0, 0] / result.images.max()
    np.testing.assert_allclose(rows[[1, 3]], [[2 / 3, 1, 1, 1, 2 / 3]] * 2, atol=1e-6)
    np.testing.assert_allclose(rows[[0, 2, 4]], 0)


LINE = np.zeros((3, 3, 1, 1), np.float32)
LINE[1] = 1


def test_a_map_of_half_precision_is_summed_in_single():
    def body(image):
        maps = tf.nn.conv2d(tf.cast(image, tf.float16), 100 * tf.ones((1, 1, 1, 2), tf.float16), 1, "SAME", name="maps")
        return tf.matmul(tf.reduce_mean(tf.cast(maps, tf.float32), [1, 2]), tf.eye(2), name="scores")

    image = np.ones((1, 40, 40, 1), np.float32)
    result = occlusion(graph_of(body, (40, 40, 1), tf.float32), image, 0, size=20, stride=20, fill=0, layer="maps")
    same(result.map_totals, np.full((1, 2, 2), 120_000))


def test_occlusion_of_a_sum_counts_what_each_square_hides():
    def body(image):
        return tf.matmul(tf.reshape(image, [-1, 25]), 3 * tf.ones((25, 1)), name="scores")

    image = np.zeros((1, 5, 5, 1), np.float32)
    image[0, 1, 1] = image[0, 3, 3] = 1
    result = occlusion(graph_of(body, (5, 5, 1), tf.float32), image, 0, size=3, stride=1, fill=0)
    assert result.maps is None
    assert result.probabilities is None
    assert result.map_channels.shape == (0,)
    covering = np.outer([1, 2, 3, 2, 1], [1, 2, 3, 2, 1])
    published = [[3, 6, 6, 3, 0], [6, 15, 18, 12, 3], [6, 18, 24, 18, 6], [3, 12, 18, 15, 6], [0, 3, 6, 6, 3]]
    same(result.attribution.images * np.float32(covering), [[published]])
    assert result.corners[0].tolist() == result.corners[1].tolist() == [0, 1, 2]


def test_a_square_as_large_as_the_image():
    result = occlusion(one_conv(shift=1.0), None, 0, scores="dense", size=4, fill=-1)
    same(result.attribution.images, np.full((1, 1, 4, 4), 67))
    same(result.scores, [[[[0]]]])


def test_integrated_gradients_of_a_function_of_three_variables():
    """5x + y² + sin z, whose integrals are known variable by variable."""

    def body(values):
        x, y, z = tf.split(values, 3, axis=1)
        return tf.matmul(tf.concat([5 * x, y * y, tf.sin(z)], axis=1), tf.ones((3, 1), tf.float64), name="scores")

    start, end = [0.5, 1, 1], np.array([[1, 2, 3]], np.float32)
    result = integrated_gradients(graph_of(body, (3,)), end, 0, baseline=start, steps=1000)
    same(result.images, [[[2.5, 3, np.sin(3) - np.sin(1)]]], 1e-5)
    assert abs(result.completeness_error[0, 0]) < 1e-5


# ---- invariants


def test_grad_cam_is_the_class_activation_map_where_a_dense_layer_follows_the_global_mean():
    keras.utils.set_random_seed(2)
    image = keras.Input((16, 12, 3))
    maps = keras.layers.Conv2D(6, 3, activation="relu", name="maps")(image)
    model = keras.Model(image, keras.layers.Dense(4, name="d")(keras.layers.GlobalAveragePooling2D()(maps)))
    fed = np.random.default_rng(0).normal(size=(2, 16, 12, 3)).astype(np.float32)
    result = grad_cam(model, fed, [2, 0])
    values = activations(model, fed, "maps")[0].values
    kernel = model.get_layer("d").get_weights()[0]
    expected = np.maximum(np.einsum("nijk,kc->ncij", values, kernel[:, [2, 0]]), 0)
    assert not result.activation_removed
    assert expected.max() > 0.1
    same(result.images * 14 * 10, expected)


def gradients(model, fed, channel):
    """TensorFlow's own gradient of a logit of ``keras_cnn``."""
    below = keras.Model(model.input, model.get_layer("globally").output)
    kernel, bias = model.get_layer("scores").get_weights()
    with tf.GradientTape() as tape:
        image = tf.constant(fed)
        tape.watch(image)
        score = (below(image) @ kernel + bias)[:, channel]
    return tape.gradient(score, image).numpy(), score.numpy()


def test_without_noise_smooth_grad_is_the_gradient_of_the_logit():
    model, fed = keras_cnn(), photo(images=2)
    result = smooth_grad(model, fed, [1, 3], noise=0, samples=3)
    assert result.activation_removed
    for index, channel in enumerate((1, 3)):
        gradient, score = gradients(model, fed, channel)
        same(result.images[:, index], gradient)
        same(result.scores[:, index], score)


def linear(weights):
    def body(image):
        product = tf.matmul(tf.reshape(image, [-1, weights.size]), weights.reshape(-1, 1))
        return tf.nn.bias_add(product, [0.5], name="scores")

    return load(graph_of(body, weights.shape, tf.float32))


WEIGHTS = np.random.default_rng(4).normal(size=(6, 9, 2)).astype(np.float32)
HUGE = np.full((6, 9, 2), 3e38, np.float32)


def test_a_linear_model_has_the_same_gradient_everywhere():
    fed = photo(9, 2)[:, :6]
    same(smooth_grad(linear(WEIGHTS), fed, 0, noise=0.5, samples=20).images, WEIGHTS[None, None])
    result = integrated_gradients(linear(WEIGHTS), fed, 0, baseline=[0.25, 0.5], steps=1)
    same(result.images, WEIGHTS * (fed[:, None] - [0.25, 0.5]))
    assert abs(result.completeness_error[0, 0]) < 1e-5


def test_occlusion_of_a_linear_model_is_the_weighted_difference_under_each_square():
    fed = photo(9, 2, images=2)[:, :6]
    result = occlusion(linear(WEIGHTS), fed, 0, size=(2, 4), stride=(3, 2), fill=[0.2, 0.7])
    falls = result.attribution.scores[..., None, None] - result.scores
    assert [each.tolist() for each in result.corners] == [[0, 3, 4], [0, 2, 4, 5]]
    loss = WEIGHTS * (fed - np.float32([0.2, 0.7]))
    for row, top in enumerate((0, 3, 4)):
        for column, left in enumerate((0, 2, 4, 5)):
            same(falls[:, 0, row, column], loss[:, top : top + 2, left : left + 4].sum(axis=(1, 2, 3)))


def test_integrated_gradients_sum_to_the_difference_of_the_scores(network):
    errors = [
        np.abs(
            integrated_gradients(network, None, network.class_names, baseline=0, steps=steps).completeness_error
        ).max()
        for steps in (2, 8, 64)
    ]
    result = integrated_gradients(network, None, network.class_names, baseline=0, steps=64)
    start = activations(network, np.zeros((1, 20, 20, 3), np.float32), "scores/BiasAdd")[0].values
    total = result.images.sum(axis=(2, 3, 4))
    np.testing.assert_allclose(result.scores - start - total, result.completeness_error, atol=1e-5)
    assert errors[2] < errors[1] / 2 < errors[0] / 4
    assert errors[2] < 0.01 * np.abs(total).max()


def test_the_default_baseline_is_black():
    fed = photo()
    default = integrated_gradients(keras_cnn(), fed * 2 - 1, 0, steps=3)
    same(default.images, integrated_gradients(keras_cnn(), fed * 2 - 1, 0, steps=3, baseline=-1).images)


def test_noise_is_a_fraction_of_the_range_and_comes_from_the_seed():
    """The gradient of x² is 2x, so that the result tells the mean of the noise."""
    side = 40

    def body(image):
        flat = tf.reshape(tf.square(image), [-1, side * side])
        return tf.matmul(flat, tf.ones((side * side, 1)), name="scores")

    graph = graph_of(body, (side, side, 1), tf.float32)
    fed = photo(side, 1, images=2) * np.float32([10, 3]).reshape(2, 1, 1, 1)
    first, again, other = (smooth_grad(graph, fed, 0, noise=0.2, samples=4, seed=seed).images for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert np.abs(first - other).max() > 0.1
    for image, picture in zip(first[:, 0], fed, strict=True):
        deviation = (image / 2 - picture).std() * np.sqrt(4)
        assert deviation == pytest.approx(0.2 * np.ptp(picture), rel=0.1)


# ---- images, targets, layouts


@pytest.mark.parametrize("method", METHODS)
def test_shapes_and_names(network, method):
    result = METHODS[method](network, None, ["Cat", 0])
    channels = () if method in (*CAMS, "occlusion") else (3,)
    size = (6, 6) if method in CAMS else (20, 20)
    assert result.method == method
    assert result.images.shape == (3, 2, *size, *channels)
    assert result.images.dtype == result.scores.dtype == np.float32
    assert np.isfinite(result.images).all()
    assert result.images.any()
    assert (result.targets, result.names) == ((2, 0), ("cat", "ant"))
    assert result.layer == network.logits
    assert result.activation_removed
    assert (result.maps is not None) == ("cam" in method)


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_does_not_depend_on_its_company(network, method):
    together = METHODS[method](network, None, [1, 3])
    alone = METHODS[method](network, photo(images=3)[2:], 3)
    same(alone.images[0, 0], together.images[2, 1])
    asked = METHODS[method](network, None, 3, scores="scores/Softmax")
    assert asked.layer == network.logits
    same(asked.images[:, 0], together.images[:, 1])


def spelled(first=False, batch=None, flat=False, dtype=tf.float32):
    """One network in several layouts."""
    rng = np.random.default_rng(1)
    kernel, dense = (rng.normal(size=shape).astype(dtype.as_numpy_dtype) for shape in ((3, 3, 2, 5), (5, 3)))
    graph = tf.Graph()
    with graph.as_default():
        shape = (batch, 2, 8, 10) if first else (batch, 160) if flat else (batch, 8, 10, 2)
        image = v1.placeholder(dtype, shape, name="image")
        x = tf.reshape(image, [-1, 8, 10, 2]) if flat else image
        maps = tf.nn.conv2d(x, kernel, 1, "SAME", "NCHW" if first else "NHWC")
        pooled = tf.reduce_mean(tf.nn.relu(maps), [2, 3] if first else [1, 2])
        tf.nn.softmax(tf.matmul(pooled, dense))
    return load(graph)


@pytest.mark.parametrize("method", [*METHODS, "sensitivity"])
@pytest.mark.parametrize("layout", [{"first": True}, {"batch": 2}, {"flat": True}, {"dtype": tf.float64}], ids=str)
def test_every_layout_gives_the_same_pictures(method, layout):
    fed = np.random.default_rng(2).normal(size=(3, 8, 10, 2)).astype(np.float32)
    given = {"image": np.moveaxis(fed, -1, 1)} if "first" in layout else fed
    if method == "sensitivity":
        expected, result = sensitivity(spelled(), fed), sensitivity(spelled(**layout), given)
        same(result.rival, expected.rival)
        same(result.randomised, expected.randomised)
    else:
        expected, result = METHODS[method](spelled(), fed, [0, 2]), METHODS[method](spelled(**layout), given, [0, 2])
        same(result.images, expected.images, 1e-4)
        same(result.scores, expected.scores)


@pytest.mark.parametrize("sides", [(12,), (6, 5, 4)], ids=["signal", "volume"])
def test_signals_and_volumes(sides):
    kind, pool = (
        (keras.layers.Conv1D, keras.layers.GlobalAveragePooling1D)
        if len(sides) == 1
        else (keras.layers.Conv3D, keras.layers.GlobalAveragePooling3D)
    )
    ends = [pool(), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((*sides, 2)), kind(4, 3, activation="relu"), *ends])
    fed = np.random.default_rng(0).normal(size=(2, *sides, 2)).astype(np.float32)
    for method in CAMS:
        assert METHODS[method](model, fed, [0, 2]).images.shape == (2, 2, *(side - 2 for side in sides))
    assert gradient_times_input(model, fed, [0, 2]).images.shape == (2, 2, *sides, 2)
    assert grad_cam(model, fed, [0, 2], guided=True).images.shape == (2, 2, *sides, 2)
    swept = occlusion(model, fed, [0, 2], size=2, stride=2)
    assert swept.attribution.images.shape == (2, 2, *sides)
    assert swept.best.shape == (2, *(-(-side // 2) for side in sides))
    assert np.isfinite(swept.attribution.images).all()


def test_other_inputs_are_fed_along():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, (None, 6, 6, 1), name="image")
        gain = v1.placeholder(tf.float32, (None, 1), name="gain")
        power = v1.placeholder(tf.float32, (), name="power")
        maps = tf.nn.relu(tf.nn.conv2d(image, tf.ones((3, 3, 1, 2)), 1, "SAME"))
        tf.multiply(tf.matmul(tf.reduce_mean(maps, [1, 2]), tf.ones((2, 2)), name="dense") * gain, power, name="out")
    fed = {"image": photo(6, 1, images=2), "gain": np.float32([[1], [3]]), "power": np.float32(2)}
    methods = [method for method in METHODS if method not in NOT_PROPORTIONAL]
    scaled = {method: METHODS[method](graph, fed, 1, scores="out").images for method in methods}
    plain = {method: METHODS[method](graph, fed, 1, scores="dense").images for method in methods}
    for method in methods:
        factor = np.float32([2, 6]).reshape(2, *(1,) * (plain[method].ndim - 1))
        times = factor**2 if method == "guided_grad_cam" else factor  # a product of two pictures
        same(scaled[method], times * plain[method], 1e-4)


def test_any_channel_of_any_layer_can_be_explained(network):
    result = integrated_gradients(network, None, [4], scores="inner", steps=30)
    values = activations(network, None, "inner")[0].values
    same(result.scores, values.mean(axis=(1, 2))[:, [4]])
    assert np.abs(result.completeness_error).max() < 0.1 * np.abs(result.images.sum(axis=(2, 3, 4))).min()
    assert result.names == ("value 4",)
    assert result.images.shape == (3, 1, 20, 20, 3)
    assert not result.activation_removed
    hidden = grad_cam(network, None, 2, scores="globally")
    assert hidden.layer.name.startswith("globally")


def test_maps_are_enlarged_as_tensorflow_enlarges_them(network):
    small = grad_cam(network, None, 2).images
    large = grad_cam(network, None, 2, upsampled=True).images
    same(large[:, 0], tf.image.resize(small[:, 0, ..., None], (20, 20)).numpy()[..., 0])


def test_the_default_layer_is_the_last_with_places(network):
    """Not the pool behind it, not a gate of one place, and nothing on another way."""
    assert grad_cam(network, None, 0).maps.kind == "relu"
    assert grad_cam(network, None, 0).maps.spatial_shape == (6, 6)
    image = keras.Input((12, 12, 3))
    maps = keras.layers.Conv2D(4, 3, activation="relu", name="maps")(image)
    gate = keras.layers.GlobalAveragePooling2D(keepdims=True)(maps)
    gate = keras.layers.Conv2D(4, 1, activation="sigmoid", name="gate")(gate)
    pooled = keras.layers.GlobalMaxPooling2D()(maps * gate)
    other = keras.layers.Conv2D(2, 5, activation="relu", name="other")(maps)
    model = keras.Model(image, [keras.layers.Dense(3, activation="softmax")(pooled), other])
    assert grad_cam(model, photo(12), 0).maps.keras_name == "maps"


# ---- occlusion


def test_the_default_layer_depends_on_the_image():
    image = keras.Input((8, 8, 1), name="tower_image")
    maps = keras.layers.Conv2D(2, 3, name="maps")(image)
    tower = keras.Model(image, keras.layers.GlobalAveragePooling2D()(maps), name="tower")
    left, right = keras.Input((8, 8, 1), name="left"), keras.Input((8, 8, 1), name="right")
    model = keras.Model([left, right], keras.layers.Dense(2)(tower(left) - tower(right)))
    feed = {"left": photo(8, 1), "right": photo(8, 1, seed=1)}
    places = [grad_cam(load(model, feed, image_input=name), None, 0).maps.name for name in feed]
    assert len(set(places)) == 2
    sweep = occlusion(load(model, feed, image_input="left"), None, 0, size=4)
    assert sweep.maps.name == places[0]


def tokens_of_patches():
    image = keras.Input((8, 8, 3), name="image")
    tokens = keras.layers.Permute((2, 1), name="tokens")(keras.layers.Reshape((12, 16))(image))  # of no one place
    mixed = keras.layers.Dense(4, activation="relu", name="mixed")(tokens)
    return keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(mixed)))


def test_tokens_have_no_height_and_width_to_enlarge():
    network = load(tokens_of_patches(), photo(8))
    assert grad_cam(network, None, 0).images.shape == (1, 1, 16)
    for options in ({"upsampled": True}, {"guided": True}):
        with pytest.raises(LayerError, match=r"Received: an image with 2 axes, and layer 'mixed/Relu'"):
            grad_cam(network, None, 0, **options)


def test_tokens_lie_on_the_grid_of_the_maps_that_they_come_from():
    image = keras.Input((8, 8, 3), name="image")
    maps = keras.layers.Conv2D(4, 2, 2, name="maps")(image)
    tokens = keras.layers.Dense(4, activation="relu", name="tokens")(keras.layers.Reshape((16, 4))(maps))
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(tokens)))
    result = grad_cam(load(model, photo(8)), None, 0, upsampled=True)
    assert (result.maps.keras_name, result.maps.shape) == ("tokens", (None, 4, 4, 4))
    assert result.images.shape == (1, 1, 8, 8)


def test_the_panels_of_a_sweep(network):
    result = occlusion(network, None, ["cat", 1], layer="inner")
    assert (result.size, result.index, result.total) == ((3, 3), result.total - 1, result.total)
    assert result.corners[0].tolist() == list(range(18))
    black = photo(images=3)
    black[:, 5:8, 9:12] = 0.5
    values, softmax, maps = activations(network, black, ["scores/BiasAdd", "scores/Softmax", "inner"])
    same(result.scores[:, :, 5, 9], values.values[:, [2, 1]])
    same(result.probabilities[:, :, 5, 9], softmax.values[:, [2, 1]])
    assert result.best[:, 5, 9].tolist() == values.values.argmax(axis=1).tolist()
    strongest = activations(network, None, "inner")[0].strengths.argmax(axis=1)
    assert result.map_channels.tolist() == strongest.tolist()
    totals = maps.values.sum(axis=(1, 2))[range(3), strongest]
    same(result.map_totals[:, 5, 9], totals)


def test_steps_know_more_and_more_and_stay_as_they_were(network):
    steps = list(occlusion_steps(network, None, [0], size=5, stride=5))
    whole = occlusion(network, None, [0], size=5, stride=5)
    known = [int(np.isfinite(step.scores).sum()) for step in steps]
    assert known == [16, 32, 48]
    assert [(step.index, step.total) for step in steps] == [(0, 3), (1, 3), (2, 3)]
    assert np.isnan(steps[0].attribution.images[1:]).all()
    assert np.isnan(steps[0].map_totals[1:]).all()
    assert (steps[0].best[1:] == -1).all()
    same(steps[-1].attribution.images, whole.attribution.images)
    same(steps[0].attribution.images[0], whole.attribution.images[0])


# ---- errors, and what is left alone


def test_grad_cam_of_maps_that_overflow_is_an_error():
    many, one = (keras.initializers.Constant(value) for value in (3e38, 1.0))
    layers = [keras.layers.Conv2D(2, 3, activation="relu", kernel_initializer=many)]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, kernel_initializer=one)]
    network = load(keras.Sequential([keras.Input((6, 6, 3)), *layers]), np.ones((1, 6, 6, 3), np.float32))
    with pytest.raises(NumericalError, match="NaN or infinity in layer"):
        grad_cam(network, None, 0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda n: grad_cam(n, None, "catt"), ChannelError, "Received: 'catt'. Nearest names: 'cat'"),
        (lambda n: grad_cam(n, None, 4), ChannelError, "Expected a class from 0 to 3 of head .* Received: 4"),
        (lambda n: smooth_grad(n, None, -1), ChannelError, "Received: -1"),
        (lambda n: grad_cam(n, None, []), ChannelError, "at least one"),
        (lambda n: grad_cam(n, None, 0, layer="nowhere"), LayerError, "Received: layer='nowhere'"),
        (lambda n: grad_cam(n, None, 0, layer="globally"), LayerError, "feature maps of several places"),
        (lambda n: grad_cam(n, None, 0, layer="inner", scores="fused"), GradientError, "differentiable path"),
        (lambda n: integrated_gradients(n, None, 0, steps=0), ValueError, "Received: steps=0"),
        (lambda n: integrated_gradients(n, None, 0, baseline=[1, 2]), FeedError, "Received: shape \\(2,\\)"),
        (lambda n: smooth_grad(n, None, 0, noise=-1), ValueError, "Received: noise=-1"),
        (lambda n: smooth_grad(n, None, 0, samples=0), ValueError, "Received: samples=0"),
        (lambda n: occlusion_steps(n, None, 0, size=21), ValueError, "1 to 20 x 20 pixels.*Received: size=21"),
        (lambda n: occlusion_steps(n, None, 0, stride=(1, 2, 3)), ValueError, "Received: stride=\\(1, 2, 3\\)"),
        (lambda n: occlusion_steps(n, None, 0, stride=0), ValueError, "Received: stride=0"),
        (lambda n: occlusion_steps(n, None, 0, fill=[1, 2]), FeedError, "3 channels. Received: shape \\(2,\\)"),
        (lambda n: sensitivity(n, rule="lrp"), ValueError, "Received: rule='lrp'"),
        (lambda n: grad_cam(n, photo() * np.nan, 0), NumericalError, "finite images"),
        (lambda _: integrated_gradients(linear(HUGE), photo(9, 2)[:, :6], 0), NumericalError, "NaN or infinity in"),
    ],
)
def test_errors_say_what_was_expected(network, call, error, message):
    with pytest.raises(error, match=message):
        call(network)


def test_networks_that_lack_what_is_needed():
    def dense(image):
        return tf.matmul(image, tf.ones((4, 1)), name="scores")

    with pytest.raises(LayerError, match="Expected a network with class scores"):
        grad_cam(graph_of(lambda image: tf.cast(tf.nn.relu(image), tf.int32), (8, 8, 1), tf.float32), photo(8, 1), 0)
    flat = load(graph_of(dense, (4,), tf.float32), np.ones((2, 4), np.float32))
    with pytest.raises(LayerError, match="Received: a network without one"):
        grad_cam(flat, None, 0)
    with pytest.raises(FeedError, match="height and width"):
        occlusion(flat, None, 0)
    with pytest.raises(ChannelError, match="at least two classes"):
        sensitivity(flat)
    same(integrated_gradients(flat, None, 0, baseline=0).images, np.ones((2, 1, 4)))

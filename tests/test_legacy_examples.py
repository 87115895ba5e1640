"""Scripts such as tf_cnnvis published, on tiny graphs, with only the import changed: AlexNet, MNIST, Inception."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from oracles.tf_cnnvis import older_reconstructions
from PIL import Image

from cnnvis_widgets import (
    activation_visualization,
    activations,
    deconv_visualization,
    deepdream_visualization,
    errors,
    image_normalization,
    load,
    reconstruct,
)

v1 = tf.compat.v1
RNG = np.random.default_rng(1)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Scripts write to ./Log and ./Output."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def default_graph():
    """A new default graph for each script."""
    with tf.Graph().as_default() as graph:
        yield graph


def normal(*shape):
    return RNG.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape).astype(np.float32)


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.png"))


def pixels(path):
    return np.asarray(Image.open(path))


def folders(*names, method="activations/grid_activation"):
    return sorted(f"{name}/{method}.png" for name in names)


def drawn(values):
    """The pixels of a grid of maps (1, height, width, channels) that are not negative."""
    _, height, width, channels = values.shape
    columns = int(np.ceil(np.sqrt(channels)))
    grid = np.zeros((columns * (height + 1) - 1, columns * (width + 1) - 1), np.uint8)
    for channel in range(channels):
        y, x = channel // columns * (height + 1), channel % columns * (width + 1)
        grid[y : y + height, x : x + width] = np.rint(values[0, ..., channel] / values.max() * 255)
    return grid


# ---- AlexNet: variables with pretrained values, two towers, LRN, dropout, no session


def norm(x):
    return tf.nn.local_response_normalization(x, depth_radius=5, alpha=1e-4, beta=0.75, bias=2.0)


def pool(x):
    return tf.nn.max_pool2d(x, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="VALID")


def tower(x, kernel, name):
    y = v1.nn.conv2d(x, filter=v1.Variable(kernel), strides=[1, 1, 1, 1], padding="SAME") + v1.Variable(
        np.zeros(kernel.shape[-1], np.float32)
    )
    return tf.nn.relu(y, name=name)


def alexnet():
    x = v1.placeholder(tf.float32, shape=[None, 24, 24, 3])
    v1.placeholder(tf.float32, shape=[None, 7])
    h_pool_1 = pool(norm(tower(x, normal(5, 5, 3, 6), "conv1")))
    halves = tf.split(axis=3, value=h_pool_1, num_or_size_splits=2)
    second = [pool(norm(tower(half, normal(3, 3, 3, 4), f"conv2_{n}"))) for n, half in enumerate(halves, 1)]
    flat = tf.reshape(tf.concat(second, 3), [-1, 5 * 5 * 8])
    fc6 = tf.nn.relu(tf.add(tf.matmul(flat, v1.Variable(normal(200, 1030))), v1.Variable(np.ones(1030, "f"))), "fc6")
    dropped = v1.nn.dropout(fc6, rate=0.5)
    tf.add(tf.matmul(dropped, v1.Variable(normal(1030, 7))), v1.Variable(np.ones(7, "f")), name="fc8")
    return x


def test_alexnet(default_graph, capsys):
    x = alexnet()
    photo = RNG.integers(0, 256, (24, 24, 3), np.uint8)
    im = np.expand_dims(image_normalization(photo) / 255.0, axis=0)
    with pytest.warns(UserWarning, match="constant initial values"):
        ok = activation_visualization(
            graph_or_path=v1.get_default_graph(), value_feed_dict={x: im}, layers=["r", "p"], path_outdir="./Output/Act"
        )
    assert ok is True
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" layer.")[0] for line in lines if line.startswith("Reconstruction")] == [
        f"Reconstruction Completed for {name}"
        for name in ("conv1", "conv2_1", "conv2_2", "MaxPool2d", "MaxPool2d_1", "MaxPool2d_2")
    ]
    assert lines.count("Skipping. Too many featuremaps. May cause memory errors.") == 1
    names = ["conv1", "conv2_1", "conv2_2", "maxpool2d", "maxpool2d_1", "maxpool2d_2"]
    assert files("Output/Act") == folders(*names)
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        values = session.run({name: f"{name}:0" for name in ("conv1", "conv2_2")}, {x: im})
        assert deconv_visualization(session, {x: im}, layers=["fc8", "conv2_1"]) is True
    for name, value in values.items():
        np.testing.assert_allclose(pixels(f"Output/Act/{name}/activations/grid_activation.png"), drawn(value), atol=1)
    expected = [
        *folders(*(f"Act/{name}" for name in names)),
        *folders("conv2_1", "fc8", method="deconvolution/grid_image"),
    ]
    assert files("Output") == expected


# ---- MNIST: a training graph, its session, a flat placeholder, a reshape of it as input_tensor


def deepnn(x, keep_prob, weight):
    x_image = tf.reshape(x, [-1, 12, 12, 1])
    h_conv1 = tf.nn.relu(v1.nn.conv2d(x_image, weight(3, 3, 1, 4), strides=[1] * 4, padding="SAME") + weight(4))
    h_pool1 = tf.nn.max_pool2d(h_conv1, 2, 2, "SAME")
    h_conv2 = tf.nn.relu(v1.nn.conv2d(h_pool1, weight(3, 3, 4, 5), strides=[1] * 4, padding="SAME") + weight(5))
    h_pool2 = tf.nn.max_pool2d(h_conv2, 2, 2, "SAME")
    h_fc1 = tf.nn.relu(tf.matmul(tf.reshape(h_pool2, [-1, 45]), weight(45, 8)) + weight(8))
    dropped = v1.nn.dropout(h_fc1, rate=1 - keep_prob)
    return x_image, tf.matmul(dropped, weight(8, 10)) + weight(10)


def mnist(session_type):
    """A trained network: session, placeholders, the reshaped input, and the weights in order."""
    x, y_ = v1.placeholder(tf.float32, [None, 144]), v1.placeholder(tf.float32, [None, 10])
    keep_prob = v1.placeholder(tf.float32)
    rng = np.random.default_rng(3)

    def weight(*shape):
        value = rng.normal(0, 0.3, shape) if len(shape) > 1 else np.full(shape, 0.3)
        return v1.Variable(initial_value=lambda: v1.random.normal(shape, stddev=0.0) + value.astype(np.float32))

    x_image, y_conv = deepnn(x, keep_prob, weight)
    loss = tf.reduce_mean(v1.nn.softmax_cross_entropy_with_logits_v2(logits=y_conv, labels=y_))
    train_step = v1.train.AdamOptimizer(1e-2).minimize(loss)
    session = session_type()
    session.run(v1.global_variables_initializer())
    labels = np.eye(10, dtype=np.float32)
    for _ in range(3):
        session.run(train_step, {x: rng.random((10, 144)), y_: labels, keep_prob: 1.0})
    feed = {x: rng.random((1, 144)).astype(np.float32), y_: labels[:1], keep_prob: 1.0}
    return session, feed, x_image, session.run(v1.trainable_variables())


@pytest.mark.parametrize("session_type", [v1.Session, v1.InteractiveSession])
def test_mnist(session_type):
    session, feed, x_image, weights = mnist(session_type)
    try:
        deconv = {"rule": "guided", "seed": "ones"}
        ok = deconv_visualization(
            sess_graph_path=session,
            value_feed_dict=feed,
            input_tensor=x_image,
            layers=["r", "p", "c"],
            path_logdir="Log/MNISTExample",
            path_outdir="Output/MNISTExample",
        )
        assert ok is True
        names = ["relu", "relu_1", "relu_2", "maxpool2d", "maxpool2d_1", "conv2d", "conv2d_1"]
        assert files("Output/MNISTExample") == folders(*names, method="deconvolution/grid_image")
        assert sorted(path.name for path in Path("Log/MNISTExample").iterdir()) == sorted(names)
        assert pixels("Output/MNISTExample/relu_1/deconvolution/grid_image.png").shape == (3 * 12 + 2, 3 * 12 + 2)
        activation_visualization(session, feed, x_image, "r", None, "Output/Act")
        expected = session.run("Relu_1:0", feed)
        np.testing.assert_allclose(pixels("Output/Act/relu_1/activations/grid_activation.png"), drawn(expected), atol=1)
        network = load(session, feed, image_input=x_image)
        np.testing.assert_allclose(activations(network, None, "Relu_1")[0].values, expected, rtol=1e-5, atol=1e-6)
        ours = reconstruct(network, None, "Relu_1", **deconv).images[0]
    finally:
        session.close()
    with tf.Graph().as_default() as constant:
        left = iter(weights)
        x = v1.placeholder(tf.float32, [None, 144], "x")
        deepnn(x, tf.constant(1.0), lambda *_: tf.constant(next(left)))
    older = older_reconstructions(constant, {"x:0": next(iter(feed.values()))}, "Relu_1:0", "Reshape:0")[:, 0]
    assert ours.shape == older.shape == (5, 12, 12, 1)
    assert np.abs(ours - older).max() < 1e-5 * np.abs(older).max()


def test_mnist_dreams_of_what_input_tensor_takes():
    session, feed, x_image, _ = mnist(v1.Session)
    with session:
        assert deepdream_visualization(session, feed, "add_3", [3], x_image, "Log", "Output") is True
    assert pixels("Output/deepdream_add_3/image_3.png").shape == (22, 22)


def test_mnist_after_its_session_is_closed_names_the_variables_instead_of_inventing_them(default_graph):
    session, feed, x_image, _ = mnist(v1.Session)
    session.close()
    with pytest.raises(errors.VariableError, match=r"without its session, and 8 of 8 variables start at random.*Pass"):
        deconv_visualization(default_graph, feed, x_image)
    assert not Path("Output").exists()


# ---- Inception: a frozen graph imported behind a placeholder without a shape, minus a mean


def inception():
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, name="input")
        x = v1.nn.conv2d(x, normal(5, 5, 3, 6), strides=2, padding="SAME", name="conv2d0_pre_relu/conv")
        x = tf.nn.max_pool2d(norm(tf.nn.relu(x, name="conv2d0")), 3, 2, "SAME", name="maxpool0")
        x = tf.reduce_mean(x, [1, 2])
        scores = tf.add(tf.matmul(x, normal(6, 9)), np.ones(9, np.float32), name="softmax2_pre_activation")
        tf.nn.softmax(scores, name="softmax2")
    t_input = v1.placeholder(np.float32, name="input")
    t_preprocessed = t_input - 117.0
    tf.graph_util.import_graph_def(graph.as_graph_def(), {"input": t_preprocessed})
    return t_input, t_preprocessed


def test_inception():
    t_input, t_preprocessed = inception()
    im = RNG.integers(0, 256, (1, 20, 24, 3), np.uint8)
    ok = deepdream_visualization(
        graph_or_path=v1.get_default_graph(),
        value_feed_dict={t_input: im},
        layer="import/softmax2_pre_activation",
        classes=[1, 2, 5],
        path_logdir="./Log/Inception5",
        path_outdir="./Output/Inception5",
    )
    assert ok is True
    folder = "deepdream_import_softmax2_pre_activation"
    assert files("Output/Inception5") == [f"{folder}/image_{number}.png" for number in (1, 2, 5)]
    assert pixels(f"Output/Inception5/{folder}/image_5.png").shape == (39, 46, 3)
    graph = v1.get_default_graph()
    assert activation_visualization(graph, {t_input: im}, None, ["r", "p", "c"], None, "Output/a") is True
    names = ["import_conv2d0", "import_maxpool0", "import_mean", "import_conv2d0_pre_relu_conv"]
    assert files("Output/a") == folders(*names)
    assert activation_visualization(graph, {t_input: im}, t_preprocessed, ["r", "p", "c"], None, "Output/b") is True
    for name in files("Output/a"):
        np.testing.assert_array_equal(pixels(f"Output/a/{name}"), pixels(f"Output/b/{name}"))


@pytest.mark.parametrize("layer", ["import/conv2d0", "import/maxpool0"])
def test_inception_is_projected_to_what_is_left_of_the_image_without_its_mean(layer):
    t_input, t_preprocessed = inception()
    graph, im = v1.get_default_graph(), RNG.uniform(0, 255, (1, 20, 24, 3)).astype(np.float32)
    network = load(graph, {t_input: im}, image_input=t_preprocessed)
    np.testing.assert_array_equal(network.images(), im - np.float32(117))
    ours = reconstruct(network, None, layer, rule="tf_cnnvis", seed="ones").images[0]
    older = older_reconstructions(graph, {"input:0": im}, f"{layer}:0", t_preprocessed.name)[:, 0]
    assert np.abs(ours - older).max() < 1e-5 * np.abs(older).max()
    assert deconv_visualization(graph, {t_input: im}, t_preprocessed, layer, rule="guided", seed="ones") is True


# ---- CIFAR: a mode that is fed


def test_cifar_is_run_in_the_mode_that_is_fed():
    x = v1.placeholder(tf.float32, [None, 8, 8, 3], "images")
    is_training = v1.placeholder(tf.bool, [], "is_training")
    h = v1.nn.conv2d(x, v1.Variable(normal(3, 3, 3, 4)), strides=1, padding="SAME")
    mean = tf.cond(is_training, lambda: tf.reduce_mean(h, [0, 1, 2]), lambda: tf.constant([0.1, 0.2, 0.0, 0.3]))
    tf.nn.relu(h - mean, name="relu")
    im = RNG.random((1, 8, 8, 3)).astype(np.float32)
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        for mode in (False, True):
            feed = {is_training: mode, x: im}
            assert activation_visualization(session, feed, path_logdir=None, path_outdir=f"Output/{mode}") is True
            expected = session.run("relu:0", feed)
            grid = pixels(f"Output/{mode}/relu/activations/grid_activation.png")
            np.testing.assert_allclose(grid, drawn(expected), atol=1)
        with pytest.raises(errors.FeedError, match=r"none for 'is_training' \(bool"):
            deconv_visualization(session, {x: im})


# ---- feeds of inner tensors


def test_the_only_fed_tensor_takes_the_images_though_a_placeholder_lies_before_it():
    x = v1.placeholder(tf.float32, [None, 48], "x")
    x_image = tf.reshape(x, [-1, 4, 4, 3], name="x_image")
    tf.nn.relu(x_image - 0.5, name="relu")
    graph, im = v1.get_default_graph(), RNG.random((1, 4, 4, 3)).astype(np.float32)
    for call in (activation_visualization, deconv_visualization):
        assert call(graph, {x_image: im}) is True
    expected = drawn(np.maximum(im - np.float32(0.5), 0))
    np.testing.assert_allclose(pixels("Output/relu/activations/grid_activation.png"), expected, atol=1)
    assert pixels("Output/relu/deconvolution/grid_image.png").shape == (9, 9, 3)


def test_a_graph_without_placeholders_takes_what_is_fed():
    queue = tf.identity(v1.random.uniform([5, 4, 4, 3]), name="queue")
    tf.nn.relu(queue - 0.5, name="relu")
    with pytest.raises(errors.ModelError, match=r"Received: a graph without placeholders.*Name the tensor"):
        activation_visualization(v1.get_default_graph(), {"no such tensor": np.ones((1, 4, 4, 3))})
    assert activation_visualization(v1.get_default_graph(), {"queue:0": RNG.random((5, 4, 4, 3))}) is True
    assert files("Output") == [f"relu/activations/grid_activation_{n}.png" for n in range(5)]


def test_inner_values_beside_the_image_are_taken_as_fed():
    x = v1.placeholder(tf.float32, [None, 4, 4, 3], "x")
    mean = tf.identity(v1.Variable(np.float32([0.1, 0.2, 0.3])), name="mean")
    tf.nn.relu(x - mean, name="relu")
    im = RNG.random((1, 4, 4, 3)).astype(np.float32)
    fed = np.float32([0.5, 0.0, 0.9])
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        for feed in ({x: im, mean: fed}, {mean: fed, x: im}):
            assert activation_visualization(session, feed) is True
            expected = drawn(session.run("relu:0", feed))
            np.testing.assert_allclose(pixels("Output/relu/activations/grid_activation.png"), expected, atol=1)


def test_a_batch_is_cut_and_projected_like_its_single_images():
    x = v1.placeholder(tf.float32, [None, 48], "x")
    x_image = tf.reshape(x, [-1, 4, 4, 3], name="x_image")
    tf.nn.relu(v1.nn.conv2d(x_image, normal(3, 3, 3, 2), strides=1, padding="SAME"), name="relu")
    graph, flat = v1.get_default_graph(), RNG.random((20, 48)).astype(np.float32)
    network = load(graph, {x: flat}, image_input=x_image)
    np.testing.assert_array_equal(network.images(), flat.reshape(20, 4, 4, 3))
    single = load(graph, {x: flat[17:18]}, image_input=x_image)
    whole, alone = (reconstruct(each, None, "relu", seed="map").images for each in (network, single))
    np.testing.assert_allclose(whole[17:18], alone, rtol=1e-5, atol=1e-6)


def test_what_input_tensor_needs_is_asked_for():
    x, scale = v1.placeholder(tf.float32, [None, 48], "x"), v1.placeholder(tf.float32, [], "scale")
    x_image = tf.reshape(x * scale, [-1, 4, 4, 3], name="x_image")
    tf.nn.relu(x_image, name="relu")
    graph = v1.get_default_graph()
    with pytest.raises(errors.FeedError, match="none for 'scale'"):
        deconv_visualization(graph, {x: np.ones((1, 48))}, x_image)
    with pytest.raises(errors.FeedError, match="Expected the images under 'x_image'"):
        deconv_visualization(graph, {scale: 1.0}, x_image)
    assert not Path("Output").exists()


# ---- the rest of the table in docs/migration.md


def test_an_input_tensor_beside_the_layer_is_named():
    x, other = (v1.placeholder(tf.float32, [None, 4, 4, 3], name) for name in ("x", "other"))
    tf.nn.relu(x, name="relu")
    tf.nn.relu(other, name="apart")
    image = np.ones((1, 4, 4, 3), np.float32)
    with pytest.raises(errors.GradientError, match=r"depends on the image input 'other:0'\. Received: 'relu'"):
        deconv_visualization(v1.get_default_graph(), {x: image, other: image}, other, ["apart", "relu"])
    assert not Path("Output").exists()


def test_flat_images_are_drawn_as_pictures():
    session, feed, *_ = mnist(v1.Session)
    with session:
        deconv_visualization(session, feed, None, "Relu")
        deepdream_visualization(session, feed, "add_3", [3])
    assert pixels("Output/relu/deconvolution/grid_image.png").shape == (25, 25)
    assert pixels("Output/deepdream_add_3/image_3.png").shape == (22, 22)


def test_letters_mean_whole_families():
    x = v1.placeholder(tf.float32, [None, 8, 8, 3], "x")
    x = v1.nn.depthwise_conv2d(x, normal(3, 3, 3, 2), [1] * 4, "SAME", name="depthwise")
    for name in ("relu6", "leaky_relu", "elu"):
        x = getattr(tf.nn, name)(x, name=name)
    tf.nn.avg_pool2d(x, 2, 2, "SAME", name="average")
    feed = {"x": RNG.random((1, 8, 8, 3))}
    for letter, names in {"r": ["relu6", "leaky_relu", "elu"], "p": ["average"], "c": ["depthwise"]}.items():
        activation_visualization(v1.get_default_graph(), feed, None, letter, None, f"Output/{letter}")
        assert files(f"Output/{letter}") == folders(*names)


def test_a_tuple_is_a_list_and_each_layer_is_drawn_once(capsys):
    tf.nn.relu(v1.placeholder(tf.float32, [None, 4, 4, 1], "x"), name="relu")
    feed = {"x": np.ones((1, 4, 4, 1))}
    assert activation_visualization(v1.get_default_graph(), feed, layers=("relu", "r", "relu:0")) is True
    assert capsys.readouterr().out.count("Completed for relu layer") == 1


@pytest.mark.parametrize("relative", ["relu6", "leaky_relu"])
def test_relatives_of_relu_obey_the_rule(relative, monkeypatch):
    from cnnvis_widgets import legacy

    def kept(result, **options):
        results.append(result)
        return drawn_by(result, **options)

    results, drawn_by = [], legacy.of_layer
    monkeypatch.setattr(legacy, "of_layer", kept)
    x = v1.placeholder(tf.float32, [None, 5, 5, 1], "x")
    kernel = normal(3, 3, 1, 2)
    for activation in (relative, "relu"):
        with tf.name_scope(activation):
            y = getattr(tf.nn, activation)(v1.nn.conv2d(x, kernel, strides=1, padding="SAME"), name="on")
            tf.add(
                v1.nn.conv2d(y, kernel[:, :, :1] * np.ones((1, 1, 2, 1), "f"), strides=1, padding="SAME"), 0.0, "end"
            )
    image = RNG.normal(size=(1, 5, 5, 1)).astype(np.float32)  # too faint for the clip of ReLU6
    for activation in (relative, "relu"):
        deconv_visualization(v1.get_default_graph(), {x: image}, None, f"{activation}/end", rule="guided", seed="ones")
    np.testing.assert_allclose(results[0].images, results[1].images, rtol=1e-5, atol=1e-6)
    assert results[0].images.any()
    older = older_reconstructions(v1.get_default_graph(), {"x:0": image}, f"{relative}/end:0", "x:0")[:, 0]
    assert np.abs(older - results[0].images[0]).max() > 0.01


def test_a_softmax_is_projected_from_its_logits():
    x = v1.placeholder(tf.float32, [None, 4, 4, 1], "x")
    logits = tf.matmul(tf.reshape(x, [-1, 16]), tf.constant(normal(16, 3)), name="logits")
    tf.nn.softmax(logits, name="probabilities")
    image = RNG.random((1, 4, 4, 1)).astype(np.float32)
    deconv_visualization(v1.get_default_graph(), {x: image}, None, ["logits", "probabilities"])
    one, other = (pixels(f"Output/{name}/deconvolution/grid_image.png") for name in ("logits", "probabilities"))
    assert one.std() > 0
    np.testing.assert_array_equal(one, other)


def test_a_dream_is_drawn_in_the_range_of_the_images():
    x = v1.placeholder(tf.float32, [None, 12, 12, 1], "x")
    tf.nn.relu(v1.nn.conv2d(x, np.abs(normal(3, 3, 1, 1)), strides=1, padding="VALID"), name="bright")
    for name, image in {"unit": RNG.random((1, 12, 12, 1)), "bytes": RNG.random((1, 12, 12, 1)) * 255}.items():
        assert deepdream_visualization(v1.get_default_graph(), {x: image}, "bright", [0], None, None, f"Output/{name}")
    bright = pixels("Output/unit/deepdream_bright/image_0.png")
    assert bright.mean() > 200  # nearly white: it is not stretched, or its mean would be grey
    assert pixels("Output/bytes/deepdream_bright/image_0.png").shape == bright.shape == (22, 22)


def test_every_difference_has_a_test_or_a_reason():
    root = Path(__file__).parents[1]
    rows = [
        line.split(" | ")
        for line in (root / "docs/migration.md").read_text("utf-8").splitlines()
        if line.count(" | ") == 2
    ]
    named = [row[2].removesuffix(" |") for row in rows if row[2] != "test |"]
    assert len(named) > 40
    for test in named:
        if test.startswith("none: "):
            continue
        path, name = test.strip("`").split("::")
        assert f"\ndef {name}(" in (root / "tests" / path).read_text("utf-8"), test


@pytest.mark.parametrize("shape", [None, [20, 24, 3], [None, None, 3]])
def test_a_graph_that_takes_one_image_and_makes_a_batch_of_it(shape):
    """As the notebook on deep dreams of TensorFlow does, on which tf_cnnvis' example is built."""
    t_input = v1.placeholder(np.float32, shape, name="input")
    batch = tf.expand_dims(t_input - 117.0, 0, name="batch")
    x = tf.nn.conv2d(batch, normal(5, 5, 3, 6), strides=2, padding="SAME", name="conv")
    x = tf.reduce_mean(tf.nn.relu(x, name="relu"), [1, 2])
    tf.add(tf.matmul(x, normal(6, 9)), np.ones(9, np.float32), name="scores")
    im = RNG.integers(0, 256, (20, 24, 3)).astype(np.float32)
    graph = v1.get_default_graph()
    with v1.Session(graph=graph) as session:
        wanted = session.run("relu:0", {t_input: im})
    network = load(graph, {t_input: im})
    np.testing.assert_array_equal(network.images(), im[None] - 117)
    np.testing.assert_allclose(activations(network, None, "relu")[0].values, wanted, atol=1e-3)
    np.testing.assert_array_equal(load(graph, im).images(), im[None] - 117)
    assert deconv_visualization(graph, {t_input: im}, layers=["c", "r"]) is True
    assert deepdream_visualization(graph, {t_input: im}, layer="scores", classes=[2]) is True
    assert pixels("Output/relu/deconvolution/grid_image.png").any()

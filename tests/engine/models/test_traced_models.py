"""Models that have no graph until they see an input, and SavedModels of several functions."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import export

from cnnvis_widgets import activations, load
from cnnvis_widgets.errors import FeedError, ModelError

layers = keras.layers
IMAGES = np.random.default_rng(0).random((2, 6, 6, 3), np.float32)
VECTORS = np.random.default_rng(1).random((2, 5), np.float32)


def outputs_of(network):
    return network.runtime.run(network.feeds(), list(network.runtime.frozen.outputs.values()))


class TwoInputs(keras.Model):
    def __init__(self):
        super().__init__()
        self.look = keras.Sequential([layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D()])
        self.read = layers.Dense(4)

    def call(self, inputs, training=False):
        image, vector = (inputs["image"], inputs["vector"]) if isinstance(inputs, dict) else inputs
        return {"sum": self.look(image) + self.read(vector), "image": self.look(image)}


@pytest.mark.parametrize("feed", [{"vector": VECTORS, "image": IMAGES}, [IMAGES, VECTORS]], ids=["dict", "list"])
def test_a_subclassed_model_with_two_inputs_and_named_outputs(feed):
    model = TwoInputs()
    wanted = model(feed)
    network = load(model, feed)
    assert list(network.runtime.frozen.outputs) == ["image", "sum"]
    if isinstance(feed, dict):
        assert {info.name: info.shape[1:] for info in network.inputs} == {"image": (6, 6, 3), "vector": (5,)}
    for found, name in zip(outputs_of(network), ("image", "sum"), strict=True):
        np.testing.assert_allclose(found, wanted[name], atol=1e-6)


def test_a_functional_model_with_dicts():
    image, vector = keras.Input((6, 6, 3), name="image"), keras.Input((5,), name="vector")
    looked = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(image))
    outputs = {"z": looked, "a": layers.Dense(2, name="dense")(vector)}
    model = keras.Model({"vector": vector, "image": image}, outputs)
    feed = {"image": IMAGES, "vector": VECTORS}
    network = load(model, feed)
    assert list(network.runtime.frozen.outputs) == ["a", "z"]
    for found, name in zip(outputs_of(network), ("a", "z"), strict=True):
        np.testing.assert_allclose(found, model(feed)[name], atol=1e-6)


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(4, 3, activation="relu")

    def call(self, image):
        return self.conv(image)


@pytest.mark.parametrize("make", [Block, lambda: layers.Conv2D(4, 3, activation="relu")])
def test_a_layer_by_itself(make):
    layer = make()
    wanted = layer(IMAGES)
    (found,) = activations(layer, IMAGES, "r")
    np.testing.assert_allclose(found.values, wanted, atol=1e-6)


def test_an_exported_model_as_a_layer(tmp_path):
    model = keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(4, 3, activation="relu")])
    export(model, tmp_path / "exported")
    layer = layers.TFSMLayer(tmp_path / "exported", call_endpoint="serve")
    for form in (layer, keras.Sequential([keras.Input((6, 6, 3)), layer])):
        (found,) = activations(form, IMAGES, "r")
        np.testing.assert_allclose(found.values, model(IMAGES), atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            layers.Conv2D(4, 3, activation="relu", dtype=policy),
            layers.GlobalAveragePooling2D(dtype=policy),
            layers.Dense(2, dtype="float32"),
        ]
    )
    (found,) = outputs_of(load(model, IMAGES))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, model(IMAGES), atol=1e-2)


class Module(tf.Module):
    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(np.random.default_rng(2).standard_normal((3, 3, 3, 4)).astype(np.float32))

    def __call__(self, image):
        return tf.nn.relu(tf.nn.conv2d(image, self.kernel, 1, "SAME"))


class Functions(tf.Module):
    def __init__(self):
        super().__init__()
        self.module = Module()

    @tf.function(input_signature=[tf.TensorSpec([None, 6, 6, 3])])
    def once(self, image):
        return self.module(image)

    @tf.function(input_signature=[tf.TensorSpec([None, 6, 6, 3])])
    def twice(self, image):
        return 2.0 * self.module(image)


def test_modules():
    module, functions = Module(), Functions()
    (found,) = activations(module, IMAGES, "r")
    np.testing.assert_allclose(found.values, module(IMAGES), atol=1e-6)
    (found,) = outputs_of(load(functions.twice, IMAGES))
    np.testing.assert_allclose(found, 2 * module_values(functions), atol=1e-6)


def module_values(functions):
    return functions.module(IMAGES).numpy()


def test_saved_models_of_several_functions(tmp_path):
    functions = Functions()
    tf.saved_model.save(functions, str(tmp_path / "unsigned"))
    with pytest.raises(
        ModelError, match=r"with functions: once \(1 traces\), twice \(1 traces\)\. .*concrete_functions"
    ):
        load(tmp_path / "unsigned")
    loaded = tf.saved_model.load(str(tmp_path / "unsigned"))
    (found,) = outputs_of(load(loaded.twice.concrete_functions[0], IMAGES))
    np.testing.assert_allclose(found, 2 * module_values(functions), atol=1e-6)
    tf.saved_model.save(functions, str(tmp_path / "signed"), signatures={"a": functions.once, "b": functions.twice})
    (found,) = outputs_of(load(tf.saved_model.load(str(tmp_path / "signed")).signatures["b"], IMAGES))
    np.testing.assert_allclose(found, 2 * module_values(functions), atol=1e-6)


def test_a_saved_module_that_can_be_called(tmp_path):
    class Called(tf.Module):
        def __init__(self):
            super().__init__()
            self.functions = Functions()

        @tf.function(input_signature=[tf.TensorSpec([None, 6, 6, 3])])
        def __call__(self, image):
            return self.functions.twice(image)

    module = Called()
    tf.saved_model.save(module, str(tmp_path / "called"))
    (found,) = outputs_of(load(tmp_path / "called", IMAGES))
    np.testing.assert_allclose(found, module(IMAGES), atol=1e-6)


def test_quantisation_that_training_left():
    kernel = tf.Variable(np.random.default_rng(2).standard_normal((3, 3, 3, 4)).astype(np.float32))

    @tf.function
    def quantised(image):
        rounded = tf.quantization.fake_quant_with_min_max_vars_per_channel(kernel, -tf.ones(4), tf.ones(4))
        convolved = tf.nn.conv2d(image, rounded, 1, "SAME")
        return tf.nn.relu(tf.quantization.fake_quant_with_min_max_vars(convolved, -6.0, 6.0))

    (found,) = activations(quantised, IMAGES, "r")
    np.testing.assert_allclose(found.values, quantised(IMAGES), atol=1e-6)


def test_integers_of_a_function_stay_integers():
    table = tf.constant(np.arange(12, dtype=np.float32).reshape(6, 2))
    function = tf.function(lambda tokens: tf.nn.relu(tf.gather(table, tokens)))
    (found,) = activations(function, {"tokens": np.int32([[1, 2, 5]])}, "r")
    np.testing.assert_array_equal(found.values, table.numpy()[[[1, 2, 5]]])


def test_what_does_not_run_says_why():
    with pytest.raises(
        ModelError, match=r"runs on what is fed, of shape \(2, 6, 6, 3\)\. Received: the tf\.function, which"
    ):
        load(tf.function(lambda image: tf.matmul(image, tf.ones([7, 7]))), IMAGES)


def test_text_takes_no_images_and_the_error_names_what_does():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serve(files):
        images = tf.map_fn(lambda file: tf.io.decode_png(file, 3), files, fn_output_signature=tf.uint8)
        images = tf.image.convert_image_dtype(tf.ensure_shape(images, [None, 6, 6, 3]), tf.float32, name="images")
        return tf.nn.relu(tf.nn.conv2d(images, tf.ones([3, 3, 3, 2]), 1, "SAME"))

    with pytest.raises(
        FeedError, match=r"inputs 'files' \(string\), and 2 layers\. .*load\(model, image_input='\S+:0'\)"
    ) as caught:
        load(serve)
    named = str(caught.value).rpartition("image_input=")[2].split("'")[1]
    (found,) = activations(load(serve, IMAGES, image_input=named), None, "r")
    assert found.values.shape == (2, 6, 6, 2)


def test_a_graph_as_text(tmp_path):
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, [None, 6, 6, 3], "image")
        tf.nn.relu(tf.nn.conv2d(image, np.ones((3, 3, 3, 2), np.float32), 1, "VALID"), name="on")
    (tmp_path / "graph.pbtxt").write_text(str(graph.as_graph_def()))
    meta = tf.compat.v1.MetaGraphDef(graph_def=graph.as_graph_def())
    (tmp_path / "meta.pbtxt").write_text(str(meta))
    for name in ("graph.pbtxt", "meta.pbtxt"):
        (found,) = activations(tmp_path / name, {"image:0": IMAGES}, "on")
        np.testing.assert_allclose(found.values[:, 0, 0, 0], IMAGES[:, :3, :3].sum((1, 2, 3)), rtol=1e-5)


def test_a_checkpoint_with_an_empty_prefix(tmp_path):
    graph, kernel = tf.Graph(), np.random.default_rng(3).standard_normal((3, 3, 3, 2)).astype(np.float32)
    v1 = tf.compat.v1
    with graph.as_default(), v1.Session() as session:
        image = v1.placeholder(tf.float32, [None, 6, 6, 3], "image")
        variable = v1.get_variable("kernel", initializer=kernel, use_resource=False)
        on = tf.nn.relu(tf.nn.conv2d(image, variable, 1, "SAME"), name="on")
        session.run(variable.initializer)
        v1.train.Saver().save(session, f"{tmp_path}/")
        wanted = session.run(on, {image: IMAGES})
    assert (tmp_path / ".meta").is_file()
    for path in (tmp_path, f"{tmp_path}/", tmp_path / ".meta"):
        (found,) = activations(path, {"image:0": IMAGES}, "on")
        np.testing.assert_allclose(found.values, wanted, atol=1e-6)


def enlarging_model():
    image = keras.Input((None, None, 3), name="image")
    maps = keras.layers.Conv2D(2, 3, padding="same", name="maps")(image)
    return keras.Model(image, keras.layers.UpSampling2D(interpolation="bilinear", name="large")(maps))


@pytest.mark.parametrize("named", [False, True])
def test_a_model_that_needs_a_size_takes_that_of_the_feed(named):
    model = enlarging_model()
    network = load(model, {"image": IMAGES} if named else IMAGES)
    (maps,) = activations(network, None, "large")
    assert maps.values.shape == (2, 12, 12, 2)
    np.testing.assert_allclose(maps.values, model(IMAGES), atol=1e-6)


def test_a_model_that_needs_a_size_says_so():
    with pytest.raises(ModelError, match="so that its size is known") as raised:
        load(enlarging_model())
    assert "\x1b" not in str(raised.value)

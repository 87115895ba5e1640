"""Every form of model gives the same network, and none of them is changed."""

import os
import stat
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import classic_keras, classic_ops, export, frozen_graph, keras_cnn, photo, v1, variable_graph, weights_of

from cnnvis_widgets import activations, load, reconstruct
from cnnvis_widgets.engine.models import readers
from cnnvis_widgets.engine.models.tracing import Request
from cnnvis_widgets.errors import FeedError, ModelError, VariableError


@pytest.fixture(scope="module")
def expected():
    network = load(frozen_graph())
    maps = activations(network, photo(), ["conv1/Relu", "conv2/Relu"])
    back = reconstruct(network, photo(), "conv2/Relu")
    return [each.values for each in maps], back.images


def assert_same(model, expected, feed=None):
    feed = {"image": photo()} if feed is None else feed
    network = load(model, feed)
    maps = activations(network, None, ["conv1/Relu", "conv2/Relu"])
    back = reconstruct(network, None, "conv2/Relu")
    for found, wanted in zip(maps, expected[0], strict=True):
        assert found.values.shape == wanted.shape
        assert found.values.dtype == np.float32
        np.testing.assert_allclose(found.values, wanted, atol=1e-5)
    assert back.images.shape == expected[1].shape
    np.testing.assert_allclose(back.images, expected[1], atol=1e-5)


def initialised_session(graph):
    session = v1.Session(graph=graph)
    with graph.as_default():
        assigned = [op for op in graph.get_operations() if op.type in ("Assign", "AssignVariableOp")]
    session.run([op for op in assigned if "train" not in op.name])
    return session


def test_graph_outside_and_inside_its_scope(expected):
    graph = frozen_graph()
    before = graph.as_graph_def().SerializeToString(deterministic=True)
    assert_same(graph, expected)
    with graph.as_default():
        assert_same(graph, expected)
        assert_same(None, expected)
    assert graph.as_graph_def().SerializeToString(deterministic=True) == before


def test_graph_def_with_prefix():
    graph = tf.Graph()
    with graph.as_default():
        tf.graph_util.import_graph_def(frozen_graph().as_graph_def(), name="import")
    network = load(graph, {"import/image:0": photo()})
    assert [layer.name for layer in network.select("r")] == ["import/conv1/Relu", "import/conv2/Relu"]


def test_graph_def_and_meta_graph_def(expected):
    graph_def = frozen_graph().as_graph_def()
    assert_same(graph_def, expected)
    assert_same(v1.MetaGraphDef(graph_def=graph_def), expected)


@pytest.mark.parametrize("resource", [True, False])
def test_sessions_are_read_and_not_changed(expected, resource):
    graph = variable_graph(resource=resource)
    with initialised_session(graph) as session:
        before = graph.as_graph_def().SerializeToString(deterministic=True)
        weight = "w1/Read/ReadVariableOp:0" if resource else "w1:0"
        held = session.run(weight)
        assert_same(session, expected)
        with session.as_default():
            assert_same(None, expected)
            assert_same(graph, expected)
        np.testing.assert_array_equal(session.run(weight), held)
        assert graph.as_graph_def().SerializeToString(deterministic=True) == before


def test_session_values_win_over_initial_values():
    graph = variable_graph()
    with initialised_session(graph) as session:
        doubled = weights_of()["b1"] + 5
        assign = graph.get_operation_by_name("b1/Assign")
        session.run(assign, {assign.inputs[1]: doubled})
        maps = activations(session, {"image": photo()}, "conv1/Relu")[0]
    wanted = activations(frozen_graph(weights_of() | {"b1": doubled}), {"image": photo()}, "conv1/Relu")[0]
    np.testing.assert_allclose(maps.values, wanted.values, atol=1e-5)


def test_session_of_a_frozen_graph_twice(expected):
    with v1.Session(graph=frozen_graph()) as session:
        assert_same(session, expected)
        assert_same(session, expected)


def test_interactive_session_and_anything_alike(expected):
    class Monitored:
        def __init__(self, session):
            self.graph, self.run = session.graph, session.run

    with initialised_session(variable_graph()) as session:
        assert_same(Monitored(session), expected)


@pytest.mark.parametrize("waits", [False, True])
def test_a_variable_that_nothing_reads_or_only_behind_a_training_step(waits):
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 4, 4, 1], name="image")
        kernel = v1.raw_ops.VariableV2(shape=(3, 3, 1, 2), dtype=tf.float32, name="kernel")
        tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME"), name="relu")
        if waits:
            with tf.control_dependencies([v1.assign_add(kernel, kernel)]):
                tf.identity(kernel, name="late")
        session = v1.Session(graph=graph)
        session.run(v1.assign(kernel, np.ones((3, 3, 1, 2), np.float32)))
    ops = graph.get_operations()
    assert activations(session, np.ones((1, 4, 4, 1), np.float32), "relu")[0].values.max() == 9
    assert session.run(kernel).max() == 1, "no training step ran"
    assert graph.get_operations() == ops


@pytest.mark.parametrize("sharded", [False, True])
def test_the_saver_of_a_graph_is_no_part_of_the_network(sharded):
    graph = variable_graph()
    with initialised_session(graph) as session, graph.as_default():
        before = load(session)
        v1.train.Saver(sharded=sharded)
        assert any(op.type == "SaveV2" for op in graph.get_operations())
        network = load(session)
    assert [(each.name, each.shape) for each in network.inputs] == [(each.name, each.shape) for each in before.inputs]
    assert [each.name for each in network.outputs] == [each.name for each in before.outputs]
    assert {node.name for node in network.runtime.frozen.graph_def.node if node.name.startswith("save")} == set()


def test_strings_that_something_is_computed_of_are_an_input():
    graph = tf.Graph()
    with graph.as_default():
        numbers = tf.io.decode_raw(v1.placeholder(tf.string, [], "text"), tf.uint8, name="bytes")
        image = v1.placeholder(tf.float32, [None, 4, 4, 1], name="image")
        tf.nn.relu(image + tf.cast(numbers[0], tf.float32))
    assert [each.name for each in load(graph).inputs] == ["text", "image"]


def test_uninitialised_session_is_refused():
    with v1.Session(graph=variable_graph()) as session, pytest.raises(VariableError, match="Run the initializer"):
        load(session)


def test_graph_with_constant_initial_values_warns(expected):
    with pytest.warns(UserWarning, match="6 variables are shown with their constant initial values"):
        assert_same(variable_graph(), expected)


def test_eager_style_variables_in_a_graph(expected):
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 20, 20, 3], name="image")
        classic_ops(image, {name: tf.Variable(value) for name, value in weights_of().items()})
    with pytest.warns(UserWarning, match="constant initial"):
        assert_same(graph, expected)


def test_graph_with_random_initial_values_is_refused_by_name():
    with pytest.raises(VariableError, match=r"start at random or nowhere: .*w1.*Pass the session"):
        load(variable_graph(constant=False))


def test_device_strings_are_ignored(expected):
    graph_def = frozen_graph().as_graph_def()
    for node in graph_def.node:
        node.device = "/device:GPU:3"
    assert_same(graph_def, expected)


def test_wrong_output_shapes_are_ignored(expected):
    graph_def = frozen_graph().as_graph_def()
    for node in graph_def.node:
        node.attr["_output_shapes"].list.shape.add().dim.add(size=99)
    assert_same(graph_def, expected)


def test_unknown_gradient_types_are_ignored(expected):
    graph_def = frozen_graph().as_graph_def()
    for node in graph_def.node:
        node.attr["_gradient_op_type"].s = b"CustomGradient-123"
    assert_same(graph_def, expected)


@pytest.fixture
def saved(tmp_path):
    """A checkpoint in a folder of its own."""
    graph = variable_graph()
    with initialised_session(graph) as session, graph.as_default():
        v1.train.Saver().save(session, str(tmp_path / "check" / "m"), global_step=1)
        saver = v1.train.Saver({f"renamed/{variable.op.name}": variable for variable in v1.global_variables()})
        saver.save(session, str(tmp_path / "other" / "m"), latest_filename="latest")
    return tmp_path


def test_checkpoints(expected, saved):
    folder = saved / "check"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in (folder / "m-1.meta", str(folder / "m-1"), folder / "m-1.index", folder):
        assert_same(path, expected)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_checkpoint_with_names_of_its_own(expected, saved):
    assert_same(saved / "other" / "m.meta", expected)


def test_checkpoint_folder_that_moved(expected, saved):
    moved = saved / "moved"
    (saved / "check").rename(moved)
    assert_same(moved, expected)


def test_the_named_checkpoint_is_restored_not_the_latest(saved):
    graph = variable_graph()
    values = weights_of(1)
    with initialised_session(graph) as session, graph.as_default():
        for op in graph.get_operations():
            if op.type == "AssignVariableOp" and op.inputs[0].op.name in values:
                session.run(op, {op.inputs[1]: values[op.inputs[0].op.name]})
        v1.train.Saver().save(session, str(saved / "check" / "m"), global_step=2)
    feed = {"image": photo()}
    first, second = (activations(saved / "check" / name, feed, "conv1/Relu")[0] for name in ("m-1.meta", "m-2.meta"))
    np.testing.assert_allclose(first.values, activations(frozen_graph(), feed, "conv1/Relu")[0].values, atol=1e-5)
    np.testing.assert_allclose(
        second.values, activations(frozen_graph(values), feed, "conv1/Relu")[0].values, atol=1e-5
    )


def test_missing_checkpoint_files_are_named(saved):
    (saved / "check" / "m-1.index").unlink()
    with pytest.raises(VariableError, match=r"Looked for .*m-1\.index"):
        load(saved / "check" / "m-1.meta")
    with pytest.raises(ModelError, match=r"Looked for .*nowhere.*nowhere\.meta"):
        load(saved / "nowhere")


def test_frozen_pb_whatever_its_name(expected, tmp_path):
    for name in ("frozen.pb", "graph.bin", "saved_model.pb"):
        path = tmp_path / name
        path.write_bytes(frozen_graph().as_graph_def().SerializeToString())
        assert_same(path, expected)
        assert_same(str(path), expected)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "noise.pb").write_bytes(b"\xff" * 100)
    for name in ("noise.pb", "empty"):
        with pytest.raises(ModelError, match="Expected"):
            load(tmp_path / name)
    with pytest.raises(ModelError, match=r"Received: model=3 of type int"):
        load(3)


def test_saved_models_of_both_ages(expected, tmp_path):
    graph = variable_graph()
    with initialised_session(graph) as session, graph.as_default():
        builder = v1.saved_model.builder.SavedModelBuilder(str(tmp_path / "old"))
        tensors = [graph.get_tensor_by_name(name) for name in ("image:0", "probabilities:0")]
        signature = v1.saved_model.signature_def_utils.predict_signature_def({"x": tensors[0]}, {"y": tensors[1]})
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = {name: tf.Variable(value) for name, value in weights_of().items()}

        @tf.function(input_signature=[tf.TensorSpec([None, 20, 20, 3], name="image")])
        def __call__(self, image):
            return inner(image, self.w)

    inner = tf.function(classic_ops)  # a call within a call: nothing is left at top level
    module = Module()
    tf.saved_model.save(module, str(tmp_path / "new"), signatures=module.__call__)
    for path in (tmp_path / "old", tmp_path / "old" / "saved_model.pb"):
        assert_same(path, expected)
    for model in (tmp_path / "new", tmp_path / "new" / "saved_model.pb", tf.saved_model.load(str(tmp_path / "new"))):
        network = load(model, photo())
        maps = activations(network, None, ["*conv1/Relu", "*conv2/Relu"])
        for found, wanted in zip(maps, expected[0], strict=True):
            np.testing.assert_allclose(found.values, wanted, atol=1e-5)
        np.testing.assert_allclose(reconstruct(network, None, network.select("r")[1]).images, expected[1], atol=1e-5)


def test_the_same_network_in_keras(expected, tmp_path):
    model = classic_keras()
    model.save(tmp_path / "m.keras")
    export(model, tmp_path / "exported")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says that .h5 is an old format
        model.save(tmp_path / "m.h5")
    forms = [model, *(tmp_path / name for name in ("m.keras", "m.h5", "exported"))]
    for form in [*forms, tf.function(model).get_concrete_function(tf.TensorSpec([None, 20, 20, 3], tf.float32))]:
        network = load(form, photo())
        for maps, wanted in zip(activations(network), expected[0], strict=True):
            assert maps.values.shape == wanted.shape
            np.testing.assert_allclose(maps.values, wanted, atol=1e-5)
        images = reconstruct(network, None, network.select("r")[1]).images
        assert images.shape == expected[1].shape
        np.testing.assert_allclose(images, expected[1], atol=1e-5)


def test_functions(expected):
    variables = {name: tf.Variable(value) for name, value in weights_of().items()}

    @tf.function
    def plain(image):
        return classic_ops(image, variables)

    signed = tf.function(plain.python_function, input_signature=[tf.TensorSpec([None, 20, 20, 3], name="image")])
    concrete = plain.get_concrete_function(tf.TensorSpec([None, 20, 20, 3], name="image"))
    for function in (plain, signed, concrete):
        assert_same(function, expected, photo())
    with pytest.raises(FeedError, match="no graph until it sees an input"):
        load(plain)


# ---- Keras


@pytest.fixture(scope="module")
def model():
    return keras_cnn()


@pytest.fixture(scope="module")
def keras_expected(model):
    inner = model.get_layer("nested").get_layer("inner")
    parts = keras.Model(model.input, [model.get_layer(name).output for name in ("fused", "layer", "scores")])
    fused, layer, scores = (each.numpy() for each in parts(photo()))
    return fused, layer, scores, np.maximum(inner(layer).numpy(), 0)


def assert_keras_network(network, keras_expected):
    names = ["*fused*/Relu", "*layer*/Relu", "*scores*/Softmax", "*inner*/Relu"]
    for name, wanted in zip(names, keras_expected, strict=True):
        found = activations(network, None, network.select(name)[-1])[0]
        assert found.values.shape == wanted.shape
        np.testing.assert_allclose(found.values, wanted, atol=1e-5)


@pytest.mark.parametrize("functional", [True, False])
def test_keras_object_files_and_exports(functional, keras_expected, tmp_path):
    model = keras_cnn(functional)
    before = [variable.numpy() for variable in model.weights]
    model.save(tmp_path / "m.keras")
    export(model, tmp_path / "exported")
    (tmp_path / "zipped").write_bytes((tmp_path / "m.keras").read_bytes())
    forms = [model, tmp_path / "m.keras", tmp_path / "exported", tmp_path / "zipped"]
    if not functional:  # Keras cannot load its own functions from .h5
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that .h5 is an old format
            model.save(tmp_path / "m.h5")
        (tmp_path / "hdf.other").write_bytes((tmp_path / "m.h5").read_bytes())
        forms += [tmp_path / "m.h5", tmp_path / "hdf.other"]
    images = []
    for form in forms:
        network = load(form, photo())
        assert_keras_network(network, keras_expected)
        images.append(reconstruct(network, None, network.select("r")[2]).images)
    for found in images[1:]:
        np.testing.assert_allclose(found, images[0], atol=1e-5)
    for variable, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_weights_only_file_needs_its_architecture(model, tmp_path):
    model.save_weights(tmp_path / "only.weights.h5")
    with pytest.raises(ModelError, match="holds weights only"):
        load(tmp_path / "only.weights.h5")


def test_sequential_and_subclassed(keras_expected):
    sequential = keras.Sequential([keras.Input((20, 20, 3)), keras.layers.Conv2D(4, 3, activation="relu", name="one")])
    assert activations(sequential, photo(), "one")[0].values.shape == (1, 18, 18, 4)

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.one = keras.layers.Conv2D(4, 3, activation="relu", name="one")

        def call(self, image, training=False):
            return self.one(image)

    assert activations(Subclassed(), photo(), "one")[0].values.shape == (1, 18, 18, 4)
    with pytest.raises(FeedError, match="no graph until it sees an input"):
        load(Subclassed())


def test_names_are_those_of_the_layers(model):
    names = [layer.name for layer in load(model).layers]
    assert {"fused/convolution", "fused/Relu", "pool/MaxPool2d", "nested/inner/Relu", "scores/Softmax"} <= set(names)


def test_automatic_keras_names_are_told_apart():
    conv = keras.layers.Conv2D
    names = ("conv2d", "conv2d_1", "conv2d_2")
    network = load(keras.Sequential([keras.Input((20, 20, 3)), *(conv(2 + i, 3, name=names[i]) for i in range(3))]))
    assert [network.layer(name).channels for name in names] == [2, 3, 4]


def test_inference_mode_is_the_default():
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Dropout(0.9), keras.layers.ReLU(name="r")])
    np.testing.assert_allclose(activations(model, photo(8), "r")[0].values, photo(8))


def test_read_only_working_directory(expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert_same(frozen_graph(), expected)
        assert not os.listdir(tmp_path)
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_global_state_of_tensorflow_is_untouched():
    graph = v1.get_default_graph()
    count = len(graph.get_operations())
    load(frozen_graph(), photo())
    assert v1.get_default_graph() is graph
    assert len(graph.get_operations()) == count
    assert tf.executing_eagerly()


def test_queue_input_by_name():
    graph = tf.Graph()
    with graph.as_default():
        queued = tf.identity(tf.random.uniform([2, 20, 20, 3]), name="read")
        classic_ops(queued, {name: tf.constant(value) for name, value in weights_of().items()})
    with pytest.raises(ModelError, match="image_input="):
        load(graph)
    maps = activations(load(graph, {"read:0": photo(images=2)}, image_input="read:0"), None, "conv1/Relu")[0]
    wanted = activations(frozen_graph(), photo(images=2), "conv1/Relu")[0]
    np.testing.assert_allclose(maps.values, wanted.values, atol=1e-5)


def test_fused_ops_are_taken_apart(expected):
    graph_def = frozen_graph().as_graph_def()
    nodes = {node.name: node for node in graph_def.node}
    bias = next(node for node in graph_def.node if node.op == "BiasAdd" and node.input[0] == "conv1/Conv2D")
    fused = nodes["conv1/Relu"]
    fused.op = "_FusedConv2D"
    fused.ClearField("input")
    fused.input.extend([*nodes["conv1/Conv2D"].input, bias.input[1]])
    for key in ("strides", "padding", "data_format", "dilations"):
        fused.attr[key].CopyFrom(nodes["conv1/Conv2D"].attr[key])
    fused.attr["num_args"].i = 1
    fused.attr["fused_ops"].list.s.extend([b"BiasAdd", b"Relu"])
    kept = [node for node in graph_def.node if node.name not in ("conv1/Conv2D", bias.name)]
    del graph_def.node[:]
    graph_def.node.extend(kept)
    assert_same(graph_def, expected)


def test_two_forms_of_a_graph_with_a_branch(tmp_path):
    """Functions of the same name differ between a session and a file, by shapes that only one of them notes."""
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, [None, 4, 4, 1], "x")
        training = tf.compat.v1.placeholder_with_default(False, [], "training")
        kernel = tf.compat.v1.get_variable("kernel", initializer=np.ones((2, 2, 1, 3), np.float32))
        branched = tf.cond(training, lambda: x * 0.0, lambda: x + 1.0)
        tf.nn.relu(tf.nn.conv2d(branched, kernel, 1, "VALID"), name="seen")
        saver = tf.compat.v1.train.Saver()
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    with tf.compat.v1.Session(graph=graph) as session:
        session.run(kernel.initializer)
        prefix = saver.save(session, str(tmp_path / "m"))
        (first,) = activations(session, {"x:0": image}, "seen")
    (second,) = activations(prefix, {"x:0": image}, "seen")
    np.testing.assert_array_equal(first.values, second.values)
    assert first.values[0, 0, 0, 0] == 0 + 1 + 4 + 5 + 4


def test_every_reader_leaves_other_forms_alone(tmp_path):
    def unused():
        raise AssertionError("only a model that is traced needs the arrays")

    (tmp_path / "text.pb").write_text("this is not a model")
    (tmp_path / "empty").touch()
    paths = [tmp_path, tmp_path / "text.pb", tmp_path / "empty", tmp_path / "nowhere"]
    assert [form.name for path in paths for form in readers.FILES if form.read(path, Request(unused)) is not None] == []
    assert [form.name for form in readers.OBJECTS if form.read("a string", Request(unused)) is not None] == []


def test_exactly_one_reader_takes_each_object():
    graph = frozen_graph()
    concrete = tf.function(lambda x: tf.nn.relu(x)).get_concrete_function(tf.TensorSpec([None, 4]))
    signed = tf.function(lambda x: tf.nn.relu(x), input_signature=[tf.TensorSpec([None, 4])])
    for model, name in [
        (keras_cnn(), "a Keras model"),
        (graph, "a tf.Graph"),
        (graph.as_graph_def(), "a GraphDef or MetaGraphDef"),
        (v1.MetaGraphDef(graph_def=graph.as_graph_def()), "a GraphDef or MetaGraphDef"),
        (v1.Session(graph=graph), "a session"),
        (concrete, "a ConcreteFunction"),
        (signed, "a tf.function"),
    ]:
        assert [form.name for form in readers.OBJECTS if form.read(model, Request(dict)) is not None] == [name]

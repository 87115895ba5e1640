"""Models that would write a marker file if anything of them ran: none is there, whatever is asked of the network."""

import json
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import v1

from cnnvis_widgets import ModelExplorer, Network, activation_visualization, activations, load, reconstruct
from cnnvis_widgets.engine.graph.freezing import FrozenGraph
from cnnvis_widgets.engine.models.admission import admitted
from cnnvis_widgets.errors import CnnvisError, ModelError, TrustError, TrustWarning

layers = keras.layers
FEED = {"image:0": np.ones((2, 6, 6, 3), np.float32)}


@pytest.fixture
def marker(tmp_path):
    """What a hostile model writes; nothing has when the test is over."""
    path = tmp_path / "marker"
    yield str(path)
    assert not path.exists()


def conv(image, kernel=None):
    kernel = np.ones((3, 3, 3, 4), np.float32) if kernel is None else kernel
    return tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "VALID"), name="seen")


def through_a_loop(seen, marker):
    def body(step, value):
        with tf.control_dependencies([tf.io.write_file(marker, "loop")]):
            return step + 1, tf.identity(value)

    return tf.while_loop(lambda step, value: step < 2, body, [0, seen])[1]


def by_python(seen, marker):
    def write(value):
        with open(marker, "w") as file:
            file.write("python")
        return value

    return tf.ensure_shape(v1.py_func(write, [seen], tf.float32), seen.shape)


def in_a_branch(seen, marker):
    read = lambda: tf.io.decode_raw(tf.io.read_file(marker), tf.float32)[0] * seen  # noqa: E731
    return tf.cond(v1.placeholder_with_default(True, []), read, lambda: seen)


WAYS = {
    "waits for a file": (lambda seen, marker: after(seen, tf.io.write_file(marker, "waits")), ""),
    "writes beside": (lambda seen, marker: beside(seen, tf.io.write_file(marker, tf.io.serialize_tensor(seen))), ""),
    "writes in a loop": (through_a_loop, ""),
    "reports to a file": (
        lambda seen, marker: tf.raw_ops.DebugIdentity(input=seen, debug_urls=[f"file://{marker}"]),
        "",
    ),
    "prints": (lambda seen, marker: v1.Print(seen, [seen]), ""),
    "reads a file": (lambda seen, marker: seen * tf.io.decode_raw(tf.io.read_file(marker), tf.float32)[0], "ReadFile"),
    "reads in a branch": (in_a_branch, "ReadFile"),
    "looks for files": (
        lambda seen, marker: seen * tf.cast(tf.size(tf.io.matching_files(marker + "*")), tf.float32),
        "MatchingFiles",
    ),
    "calls Python": (by_python, "PyFunc"),
    "maps memory": (
        lambda seen, marker: (
            seen * tf.raw_ops.ImmutableConst(dtype=tf.float32, shape=[1], memory_region_name="/etc/passwd")
        ),
        "ImmutableConst",
    ),
}
"""What a layer does, by name, with the op that a refusal names; '' where the network works without it."""


def after(seen, op):
    with tf.control_dependencies([op]):
        return tf.identity(seen)


def beside(seen, op):
    return seen


def hostile_graph(way, marker):
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 6, 6, 3], "image")
        tf.nn.relu(WAYS[way][0](conv(image), marker), name="last")
    return graph


def use(network):
    """Compute everything that a network gives."""
    for layer in network.select("r"):
        activations(network, FEED, layer)
        activations(network, FEED, layer)  # compiled the second time
        reconstruct(network, FEED, layer)


def in_form(form, graph, folder):
    graph_def = graph.as_graph_def()
    if form == ".pb":
        (folder / "m.pb").write_bytes(graph_def.SerializeToString())
        return folder / "m.pb"
    if form == ".pbtxt":
        tf.io.write_graph(graph_def, str(folder), "m.pbtxt")
        return folder / "m.pbtxt"
    return {
        "graph": lambda: graph,
        "GraphDef": lambda: graph_def,
        "MetaGraphDef": lambda: v1.MetaGraphDef(graph_def=graph_def),
        "session": lambda: v1.Session(graph=graph),
    }[form]()


@pytest.mark.filterwarnings("ignore:.*py_func:UserWarning")
@pytest.mark.parametrize("way", WAYS)
def test_a_graph_runs_nothing_but_computations(tmp_path, marker, way):
    graph, refused = hostile_graph(way, marker), WAYS[way][1]
    for form in ("GraphDef", "graph", "session", "MetaGraphDef", ".pb", ".pbtxt"):
        model = in_form(form, graph, tmp_path)
        if refused:
            with pytest.raises(TrustError, match=rf"runs {refused} \('.*'last' depends\..*pass trusted=True"):
                load(model, FEED)
        else:
            network = load(model, FEED)
            if form in ("GraphDef", ".pb"):
                use(network)
                assert activations(network, FEED, "last")[0].values[0, 0, 0, 0] == 27


@pytest.mark.filterwarnings("ignore:.*py_func:UserWarning")
@pytest.mark.parametrize("way", [way for way, (_, refused) in WAYS.items() if refused])
def test_a_graph_that_is_trusted_says_what_it_does(tmp_path, way):
    graph = hostile_graph(way, str(tmp_path / "marker"))
    with pytest.warns(TrustWarning, match=rf"This model runs .*{WAYS[way][1]}.*because you passed trusted=True"):
        network = load(graph.as_graph_def(), FEED, trusted=True)
    with pytest.raises(TrustError, match=WAYS[way][1]):
        Network.from_bytes(network.to_bytes(), FEED)


def test_python_runs_where_it_is_trusted(tmp_path):
    graph = hostile_graph("calls Python", str(tmp_path / "marker"))
    with pytest.warns(TrustWarning, match="PyFunc"):
        network = load(graph, FEED, trusted=True)
    assert activations(network, FEED, "last")[0].values[0, 0, 0, 0] == 27
    assert (tmp_path / "marker").read_text() == "python"


def test_all_calls_that_take_a_model_take_trust(tmp_path, marker):
    graph_def = hostile_graph("reads a file", marker).as_graph_def()
    for call in (load, ModelExplorer, activation_visualization):
        with pytest.raises(TrustError, match="ReadFile"):
            call(graph_def, FEED)
    with pytest.warns(TrustWarning, match="ReadFile"):
        explorer = ModelExplorer(graph_def, FEED, trusted=True)
    explorer.close()
    with pytest.warns(TrustWarning, match="ReadFile"):
        activation_visualization(graph_def, FEED, layers="seen", path_logdir=None, path_outdir=tmp_path, trusted=True)


# ---- variables


INITIAL = {
    "ReadFile": lambda marker: tf.ensure_shape(
        tf.reshape(tf.io.decode_raw(tf.io.read_file("/etc/passwd"), tf.float32)[:108], [3, 3, 3, 4]), [3, 3, 3, 4]
    ),
    "WriteFile": lambda marker: after(tf.ones([3, 3, 3, 4]), tf.io.write_file(marker, "initial")),
    "PyFunc": lambda marker: tf.ensure_shape(v1.py_func(Path(marker).touch, [], tf.float32), [3, 3, 3, 4]),
}


@pytest.mark.filterwarnings("ignore:.*py_func:UserWarning")
@pytest.mark.parametrize("op", INITIAL)
def test_no_initial_value_is_computed_by_other_ops(tmp_path, marker, op):
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 6, 6, 3], "image")
        conv(image, tf.Variable(lambda: INITIAL[op](marker), name="kernel"))
    for form in ("GraphDef", ".pb", "graph"):
        with pytest.raises(TrustError, match=rf"Received: .*{op} \(.*trusted=True"):
            load(in_form(form, graph, tmp_path), FEED)


def test_an_initial_value_may_do_more_where_it_is_trusted(tmp_path):
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 6, 6, 3], "image")
        conv(image, tf.Variable(lambda: INITIAL["WriteFile"](str(tmp_path / "marker")), name="kernel"))
    with pytest.warns(UserWarning, match="constant initial"), pytest.warns(TrustWarning, match="runs WriteFile"):
        load(graph.as_graph_def(), FEED, trusted=True)
    assert (tmp_path / "marker").read_text() == "initial"


def test_an_endless_initial_value_is_not_computed():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 6, 6, 3], "image")
        kernel = lambda: tf.while_loop(lambda value: True, lambda value: [value], [tf.ones([3, 3, 3, 4])])[0]  # noqa: E731
        conv(image, tf.Variable(kernel, name="kernel"))
    with pytest.raises(ModelError, match="start at random or nowhere"):
        load(graph.as_graph_def(), FEED)


def test_a_checkpoint_runs_nothing(tmp_path, marker):
    graph = tf.Graph()
    with graph.as_default(), v1.Session(graph=graph) as session:
        image = v1.placeholder(tf.float32, [None, 6, 6, 3], "image")
        seen = conv(image, v1.get_variable("kernel", initializer=np.ones((3, 3, 3, 4), np.float32)))
        tf.identity(seen * tf.io.decode_raw(tf.io.read_file(marker), tf.float32)[0], name="last")
        session.run(v1.global_variables_initializer())
        prefix = v1.train.Saver().save(session, str(tmp_path / "m"))
    for path in (prefix, f"{prefix}.meta", tmp_path):
        with pytest.raises(TrustError, match=r"ReadFile.*'last' depends"):
            load(path, FEED)
    with pytest.warns(TrustWarning, match="ReadFile"):
        load(prefix, FEED, trusted=True)


# ---- SavedModels


def test_a_saved_model_of_tensorflow_1_runs_no_initializer(tmp_path, marker):
    graph = tf.Graph()
    with graph.as_default(), v1.Session(graph=graph) as session:
        image = v1.placeholder(tf.float32, [None, 6, 6, 3], "image")
        seen = conv(image, v1.get_variable("kernel", initializer=np.ones((3, 3, 3, 4), np.float32)))
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.signature_def_utils.predict_signature_def({"x": image}, {"y": seen})
        builder = v1.saved_model.builder.SavedModelBuilder(str(tmp_path / "old"))
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, main_op=tf.io.write_file(marker, "main op")
        )
        builder.save()
    use(load(tmp_path / "old", FEED))


class Resource(tf.saved_model.experimental.TrackableResource):
    def __init__(self, marker):
        super().__init__()
        self._marker = marker

    def _create_resource(self):
        return tf.raw_ops.HashTableV2(key_dtype=tf.int64, value_dtype=tf.int64, shared_name="t", name="table")

    def _initialize(self):
        tf.io.write_file(self._marker, "initializer")


def saved_module(folder, marker, layer=None):
    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.kernel = tf.Variable(np.ones((3, 3, 3, 4), np.float32))
            self.resource = Resource(marker) if layer is None else None

        @tf.function(input_signature=[tf.TensorSpec([None, 6, 6, 3], name="image")])
        def __call__(self, image):
            seen = conv(image, self.kernel)
            if layer is not None:
                return layer(seen)
            size = tf.raw_ops.LookupTableSizeV2(table_handle=self.resource.resource_handle)
            return seen + 0 * tf.cast(size, tf.float32)

    module = Module()
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    return folder


def test_a_saved_model_runs_no_initializer(tmp_path, marker):
    folder = saved_module(tmp_path / "saved", marker)
    for path in (folder, folder / "saved_model.pb"):
        with pytest.raises(TrustError, match=r"has WriteFile \(.* run\. .*trusted=True"):
            load(path, FEED["image:0"])


def test_a_saved_model_that_is_trusted_says_what_it_runs(tmp_path):
    folder = saved_module(tmp_path / "saved", str(tmp_path / "marker"))
    with pytest.warns(TrustWarning, match="has WriteFile .* run while it is read"), suppress(CnnvisError):
        load(folder, FEED["image:0"], trusted=True)
    assert (tmp_path / "marker").read_text() == "initializer"


def test_a_table_that_is_filled_from_constants_is_no_code(tmp_path):
    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            keys = tf.lookup.KeyValueTensorInitializer(np.arange(3), np.arange(3) * 2)
            self.table = tf.lookup.StaticHashTable(keys, -1)

        @tf.function(input_signature=[tf.TensorSpec([None, 6, 6, 3], name="image")])
        def __call__(self, image):
            return conv(image)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
        def names(self, numbers):
            return self.table.lookup(numbers)

    module = Module()
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=module.__call__)
    assert activations(load(tmp_path / "saved", FEED["image:0"]), None, "*seen")[0].values[0, 0, 0, 0] == 27


def test_the_layers_of_a_saved_model_run_nothing(tmp_path, marker):
    writing = saved_module(tmp_path / "a", marker, lambda seen: after(seen, tf.io.write_file(marker, "layer")))
    network = load(writing, FEED["image:0"])
    for layer in network.layers:
        activations(network, None, layer)
    reading = saved_module(tmp_path / "b", marker, lambda seen: seen * tf.strings.to_number(tf.io.read_file(marker)))
    with pytest.raises(TrustError, match="ReadFile"):
        load(reading, FEED["image:0"])
    with pytest.raises(TrustError, match="ReadFile"):
        load(tf.saved_model.load(str(reading)), FEED["image:0"])


# ---- marks of our own


def test_a_file_cannot_bring_gradients_of_its_own(marker):
    graph_def = hostile_graph("prints", marker).as_graph_def()
    evil = tf.Graph()
    with evil.as_default():
        signal = v1.placeholder(tf.float32, [None, 4, 4, 4], "signal_0")
        tf.identity(after(signal, tf.io.write_file(marker, "gradient")), name="sent")
    node = next(node for node in graph_def.node if node.op == "Relu")
    node.op = "IdentityN"
    node.attr["T"].list.type.append(tf.float32.as_datatype_enum)
    node.attr["_cnnvis_gradient"].s = evil.as_graph_def().SerializeToString()
    node.attr["_cnnvis_sent"].list.s.append(b"sent:0")
    use(load(graph_def, FEED))
    with pytest.raises(TrustError, match="WriteFile"):
        admitted(FrozenGraph(graph_def, {}, {}, {}, {}), trusted=False)


# ---- files of Keras


def small_model():
    return keras.Sequential([keras.Input((6, 6, 3), name="image"), layers.Conv2D(2, 3, name="conv")])


def edited_archive(path, edit):
    """A .keras file with an edited architecture."""
    small_model().save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"].append(edit)
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def edited_hdf5(path, edit, version="3"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says that .h5 is an old format
        small_model().save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"].append(edit)
        file.attrs["model_config"] = json.dumps(config)
        if version != "3":
            file.attrs["keras_version"] = version
    return path


def stored_lambda(marker):
    """A Lambda layer as .h5 files and .keras files hold it: the bytecode of a function."""
    code = compile(f"lambda x: (__import__('pathlib').Path({marker!r}).write_text('lambda'), x)[1]", "hostile", "eval")
    layer = layers.Lambda(eval(code), name="evil", output_shape=(4, 4, 2))
    return layer.get_config(), keras.saving.serialize_keras_object(layer)


ENTRIES = {
    "a function of a module": (
        {"class_name": "function", "module": "os", "config": "system", "registered_name": "system"},
        "function 'system' of 'os'",
    ),
    "a builtin": (
        {"class_name": "function", "module": "builtins", "config": "exec", "registered_name": "exec"},
        "function 'exec'",
    ),
    "a class of a module": (
        {"class_name": "Popen", "module": "subprocess", "config": {"args": "touch MARKER"}, "registered_name": "Popen"},
        "Popen of the module 'subprocess'",
    ),
    "a function of Keras": (
        {
            "class_name": "function",
            "module": "keras.utils",
            "config": "get_file",
            "registered_name": "get_file",
        },
        "function 'get_file'",
    ),
    "a hidden lambda": (
        {
            "class_name": "Activation",
            "module": "keras.layers",
            "config": {
                "name": "a",
                "activation": {"class_name": "__lambda__", "config": {"value": ["4w==", None, None]}},
            },
        },
        "__lambda__",
    ),
    "a SavedModel": ({"class_name": "TFSMLayer", "module": "keras.layers", "config": {"filepath": "/x"}}, "TFSMLayer"),
    "a file": (
        {"class_name": "StringLookup", "module": "keras.layers", "config": {"vocabulary": "/etc/passwd"}},
        "reads the file '/etc/passwd'",
    ),
    "an op": (
        {"class_name": "TFOpLambda", "config": {"name": "w", "function": "io.write_file"}},
        r"tf\.io\.write_file",
    ),
}


@pytest.mark.parametrize("what", ENTRIES)
def test_an_architecture_names_no_code(tmp_path, marker, what):
    entry, words = ENTRIES[what]
    entry = json.loads(json.dumps(entry).replace("MARKER", marker))
    for path in (
        edited_archive(tmp_path / "m.keras", entry),
        edited_hdf5(tmp_path / "m.h5", entry),
        edited_hdf5(tmp_path / "old.h5", entry, "2.11.0"),
    ):
        with pytest.raises(TrustError, match=rf"{words}.*trusted=True"):
            load(path, FEED["image:0"])


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "old.h5"])
def test_a_lambda_layer_runs_only_where_it_is_trusted(tmp_path, name):
    marker = tmp_path / "marker"
    config, entry = stored_lambda(str(marker))
    if name == "m.keras":
        path = edited_archive(tmp_path / name, entry)
    else:
        version = "2.11.0" if name == "old.h5" else "3"
        path = edited_hdf5(tmp_path / name, {"class_name": "Lambda", "config": config}, version)
    with pytest.raises(TrustError, match=r"Lambda \('evil'\), which is code.*trusted=True"):
        load(path, FEED["image:0"])
    assert not marker.exists()
    with pytest.warns(TrustWarning, match=r"runs Lambda \('evil'\)"), suppress(ModelError):
        load(path, FEED["image:0"], trusted=True)
    reads_it = tuple(map(int, keras.__version__.split(".")[:2])) >= (3, 5)  # Keras 3.3 refuses its own file
    if name == "m.keras" and reads_it:
        assert marker.read_text() == "lambda"


def test_a_layer_of_the_user_loads_where_it_is_registered(tmp_path):
    @keras.saving.register_keras_serializable("tests")
    class Doubled(layers.Layer):
        def call(self, values):
            return 2 * values

    model = keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(2, 3), Doubled(name="doubled")])
    model.save(tmp_path / "m.keras")
    assert load(tmp_path / "m.keras", FEED["image:0"]).layers


def test_an_archive_or_a_file_leads_nowhere_else(tmp_path, marker):
    small_model().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras", "a") as archive:
        archive.writestr("../marker", "x")
    with pytest.raises(ModelError, match="names in an archive"):
        load(tmp_path / "m.keras")
    path = edited_hdf5(tmp_path / "m.h5", {"class_name": "Flatten", "config": {"name": "flat"}})
    with h5py.File(path, "r+") as file:
        file["link"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(ModelError, match="no links in a file"):
        load(path)

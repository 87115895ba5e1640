"""Files of Keras 2 are loaded with the weights that they hold, or refused with the way that works."""

import copy
import json
import sys
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest

from cnnvis_widgets import activations, load, predict
from cnnvis_widgets.engine.models import keras_files
from cnnvis_widgets.engine.models.keras2_configs import mended
from cnnvis_widgets.engine.models.keras_models import require_backend
from cnnvis_widgets.errors import ModelError

layers = keras.layers


def images(shape=(8, 8, 3)):
    return np.random.default_rng(0).random((2, *shape), np.float32)


def picture_model():
    keras.utils.set_random_seed(2)
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(image)
    x = layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = layers.LeakyReLU(0.1, name="leaky")(layers.BatchNormalization(name="norm")(x))
    x = layers.SpatialDropout2D(0.5, name="dropout")(layers.Conv2DTranspose(3, 3, name="transposed")(x))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(2, activation="softmax", name="scores")(x), name="old")


def saved_as_keras_2(model, path, edit):
    """Save an .h5 file, then edit the config of each layer, by class, as Keras 2 would have written it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says that .h5 is an old format
        model.save(path.with_suffix(".h5"))
    with h5py.File(path.with_suffix(".h5"), "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            edit(layer["class_name"], layer["config"])
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.11.0"
    return path.with_suffix(".h5").rename(path)


def as_keras_2(class_name, config):
    for value in config.values():  # initializers
        if isinstance(value, dict) and value.get("class_name", "").endswith(("Uniform", "Zeros", "Ones")):
            value["config"]["dtype"] = "float32"
    if class_name in ("DepthwiseConv2D", "Conv2DTranspose"):
        config["groups"] = 1
    if class_name == "DepthwiseConv2D":
        config |= {"kernel_initializer": "glorot_uniform", "kernel_regularizer": None, "kernel_constraint": None}
    if class_name == "BatchNormalization":
        config |= {"axis": [3], "fused": True, "virtual_batch_size": None}
    if class_name == "LeakyReLU":
        config["alpha"] = config.pop("negative_slope")
    if class_name == "SpatialDropout2D":
        config |= {"noise_shape": None, "trainable": True}
    if class_name == "LSTM":
        config |= {"time_major": False, "implementation": 2}
    config["dtype"] = "float32"


@pytest.mark.parametrize("name", ["m.h5", "m.hdf5", "no_suffix"])
def test_a_file_of_keras_2_loads_with_its_weights(tmp_path, name):
    model = picture_model()
    path = saved_as_keras_2(model, tmp_path / name, as_keras_2)
    before = path.read_bytes()
    network = load(path, images())
    np.testing.assert_allclose(predict(network).probabilities, model(images()), atol=1e-6)
    np.testing.assert_allclose(
        activations(network, None, "leaky")[0].values,
        keras.Model(model.input, model.get_layer("leaky").output)(images()),
        atol=1e-6,
    )
    assert path.read_bytes() == before


def test_a_file_of_another_suffix_loads_where_links_are_not_allowed(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise OSError(1314, "A required privilege is not held by the client")  # Windows without developer mode

    monkeypatch.setattr(keras_files.Path, "symlink_to", refused)
    model = picture_model()
    path = tmp_path / "m.hdf5"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says that .h5 is an old format
        model.save(tmp_path / "m.h5")
    (tmp_path / "m.h5").rename(path)
    before = path.read_bytes()
    np.testing.assert_allclose(predict(load(path), images()).values, model(images()), atol=1e-6)
    assert path.read_bytes() == before


def test_a_recurrent_file_of_keras_2(tmp_path):
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((5, 2)), layers.LSTM(3), layers.Dense(2, activation="softmax")])
    network = load(saved_as_keras_2(model, tmp_path / "m.h5", as_keras_2), images((5, 2)))
    np.testing.assert_allclose(predict(network).probabilities, model(images((5, 2))), atol=1e-6)


def test_an_option_that_says_something_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf_keras", None)
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((5, 2)), layers.LSTM(3)])

    def edit(class_name, config):
        if class_name == "LSTM":
            config["time_major"] = True

    with pytest.raises(
        ModelError, match=r"(?s)'time_major': True.*tf_keras.*SavedModel.*tf\.function\(lambda x: model\(x\)\)"
    ):
        load(saved_as_keras_2(model, tmp_path / "m.h5", edit), images((5, 2)))


CONFIG = {
    "class_name": "Functional",
    "config": {
        "layers": [
            {"class_name": "InputLayer", "config": {"name": "in"}, "inbound_nodes": []},
            {"class_name": "Sequential", "config": {"name": "a/inner"}, "inbound_nodes": [[["in", 0, 0, {}]]]},
            {"class_name": "ReLU", "config": {"name": "r", "groups": 1}, "inbound_nodes": [[["a/inner", 1, 0, {}]]]},
            {"class_name": "ReLU", "config": {"name": "s", "groups": 2}, "inbound_nodes": [[["a/inner", 2, 0, {}]]]},
        ],
        "output_layers": [["a/inner", 2, 0], ["r", 0, 0]],
    },
}


def test_names_and_calls_of_old_architectures():
    before = copy.deepcopy(CONFIG)
    config = mended(CONFIG)["config"]
    assert before == CONFIG
    assert [layer["config"]["name"] for layer in config["layers"]] == ["in", "a_inner", "r", "s"]
    assert [layer["inbound_nodes"] for layer in config["layers"][2:]] == [
        [[["a_inner", 0, 0, {}]]],
        [[["a_inner", 1, 0, {}]]],
    ]
    assert config["output_layers"] == [["a_inner", 1, 0], ["r", 0, 0]]
    assert [layer["config"].get("groups") for layer in config["layers"][2:]] == [None, 2]


def test_the_input_of_an_old_sequential_is_stated():
    first = {"class_name": "Conv2D", "config": {"name": "c", "batch_input_shape": [None, 8, 8, 3], "dtype": "float32"}}
    config = mended({"class_name": "Sequential", "config": {"name": "s", "layers": [first]}})["config"]
    assert config["layers"][0] == {
        "class_name": "InputLayer",
        "config": {"batch_shape": [None, 8, 8, 3], "dtype": "float32", "name": "c_input"},
    }
    assert config["layers"][1]["config"] == {"name": "c", "dtype": "float32"}


def test_functions_in_an_h5_file_of_keras_3_are_refused_in_words(tmp_path):
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, keras.ops.relu(layers.Conv2D(4, 3)(image)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "m.h5")
    with pytest.raises(
        ModelError, match=r"Unknown layer: 'Relu'.*keras\.ops, which \.h5 files cannot hold, save it as \.keras"
    ):
        load(tmp_path / "m.h5", images())


def test_another_backend_is_refused_with_the_way_here(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ModelError, match=r"Received: backend 'jax'\. Save the model .* KERAS_BACKEND=tensorflow"):
        require_backend()
    with pytest.raises(ModelError, match="backend 'jax'"):
        load(picture_model())


# ---- tf_keras, where it is installed


@pytest.fixture
def tf_keras():
    return pytest.importorskip("tf_keras")


def legacy_model(tf_keras):
    old = tf_keras.layers
    tf_keras.utils.set_random_seed(2)
    inner = tf_keras.Sequential([old.Input((8, 8, 3)), old.Conv2D(4, 3, activation="relu", name="conv")], name="inner")
    image = old.Input((8, 8, 3), name="image")
    x = old.BatchNormalization(name="norm")(inner(image))
    return tf_keras.Model(image, old.Dense(2, activation="softmax", name="scores")(old.Flatten()(x)))


@pytest.mark.filterwarnings("ignore:non-integer arguments to randrange:DeprecationWarning")  # tf_keras on Python 3.10
@pytest.mark.parametrize("form", ["object", "m.keras", "m.h5"])
def test_models_of_tf_keras(tf_keras, tmp_path, form):
    model = legacy_model(tf_keras)
    if form != "object":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.save(tmp_path / form)
    network = load(model if form == "object" else tmp_path / form, images())
    assert network.layers[0].name == "inner/conv/" + network.layers[0].name.rpartition("/")[2]
    np.testing.assert_allclose(predict(network).probabilities, model(images()), atol=1e-6)


def test_a_keras_2_archive_without_tf_keras_names_it(tmp_path, monkeypatch):
    picture_model().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["metadata.json"] = json.dumps({"keras_version": "2.15.0"}).encode()
    with zipfile.ZipFile(tmp_path / "old.keras", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    monkeypatch.setitem(sys.modules, "tf_keras", None)
    with pytest.raises(ModelError, match=r"Received: .*old\.keras' of Keras 2\.15\.0\. Install the package tf_keras"):
        load(tmp_path / "old.keras", images())


# ---- what Keras 3 no longer has, as Keras 2 wrote it


def stated(name, class_name, call, **config):
    """A layer of an architecture of Keras 2."""
    return {"class_name": class_name, "config": {"name": name, **config}, "name": name, "inbound_nodes": [call]}


def of_function(name, function, call):
    kind = "SlicingOpLambda" if function.endswith("getitem") else "TFOpLambda"
    return stated(name, kind, call, function=function, trainable=True, dtype="float32")


def old_file(path, layers_stated, output, weights=None):
    """An .h5 file of Keras 2: an architecture, and the weights of layers by their names."""
    shown = {"batch_input_shape": [None, 6, 6, 3], "dtype": "float32", "name": "image", "sparse": False}
    first = {"class_name": "InputLayer", "config": shown, "name": "image", "inbound_nodes": []}
    inner = {"name": "old", "layers": [first, *layers_stated], "input_layers": [["image", 0, 0]]}
    config = {"class_name": "Functional", "config": inner | {"output_layers": [[output, 0, 0]]}}
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.11.0", "tensorflow"
        file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["keras_version"], group.attrs["backend"] = "2.11.0", "tensorflow"
        names = ["image", *(layer["name"] for layer in layers_stated)]
        group.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            own, arrays = group.create_group(name), (weights or {}).get(name, [])
            own.attrs["weight_names"] = [f"{name}/w{index}:0".encode() for index in range(len(arrays))]
            for index, array in enumerate(arrays):
                own[f"{name}/w{index}:0"] = array
    return path


@pytest.fixture
def without_tf_keras(monkeypatch):
    monkeypatch.setitem(sys.modules, "tf_keras", None)


SLICES = [
    {"class_name": "__ellipsis__"},
    {"start": 1, "stop": -1, "step": 2},
    {"start": None, "stop": None, "step": None},
]


def test_functions_of_tensorflow_in_an_old_file(tmp_path, without_tf_keras):
    calls = [
        of_function("twice", "math.multiply", ["image", 0, 0, {"y": 2.0, "name": None}]),
        of_function("from_one", "math.subtract", ["_CONSTANT_VALUE", -1, 1.0, {"y": ["twice", 0, 0], "name": None}]),
        of_function("cut", "__operators__.getitem", ["from_one", 0, 0, {"slice_spec": SLICES}]),
        of_function("both", "concat", [["cut", 0, 0, {"axis": -1}], ["cut", 0, 0, {"axis": -1}]]),
        of_function("relu", "nn.relu", ["both", 0, 0, {"name": None}]),
        of_function("mean", "math.reduce_mean", ["relu", 0, 0, {"axis": [1, 2], "keepdims": False, "name": None}]),
    ]
    network = load(old_file(tmp_path / "old.h5", calls, "mean"), images((6, 6, 3)))
    cut = (1 - 2 * images((6, 6, 3)))[:, :, 1:-1:2]
    wanted = np.maximum(np.concatenate([cut, cut], -1), 0).mean((1, 2))
    np.testing.assert_allclose(predict(network).values, wanted, atol=1e-6)
    assert [layer.kind for layer in network.select("r")] == ["relu"]


def test_attention_in_an_old_file(tmp_path, without_tf_keras):
    rng = np.random.default_rng(3)
    sizes = [(3, 2, 4), (2, 4)] * 3 + [(2, 4, 3), (3,)]  # query, key, value, output: kernel and bias
    weights = [rng.standard_normal(size).astype(np.float32) for size in sizes]
    shape = [None, 36, 3]
    config = {"num_heads": 2, "key_dim": 4, "query_shape": shape, "key_shape": shape, "value_shape": shape}
    calls = [
        stated("tokens", "Reshape", [["image", 0, 0, {}]], target_shape=[36, 3], dtype="float32"),
        stated("look", "MultiHeadAttention", [["tokens", 0, 0, {"value": ["tokens", 0, 0]}]], **config),
    ]
    network = load(old_file(tmp_path / "old.h5", calls, "look", {"look": weights}), images((6, 6, 3)))
    tokens = images((6, 6, 3)).reshape(2, 36, 3)
    query, key, value = (np.einsum("btc,chd->bthd", tokens, weights[2 * at]) + weights[2 * at + 1] for at in range(3))
    scores = np.einsum("bthd,bshd->bhts", query, key) / 2
    shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    seen = np.einsum("bhts,bshd->bthd", shares, value)
    wanted = np.einsum("bthd,hdc->btc", seen, weights[6]) + weights[7]
    np.testing.assert_allclose(predict(network).values, wanted, atol=1e-5)


def test_a_thresholded_relu_and_stretching_in_an_old_file(tmp_path, without_tf_keras):
    calls = [
        stated("stretched", "RandomHeight", [["image", 0, 0, {}]], factor=0.2, interpolation="bilinear", seed=None),
        stated("thresholded", "ThresholdedReLU", [["stretched", 0, 0, {}]], theta=0.4, dtype="float32"),
    ]
    network = load(old_file(tmp_path / "old.h5", calls, "thresholded"), images((6, 6, 3)))
    shown = images((6, 6, 3))
    np.testing.assert_allclose(predict(network).values, np.where(shown > 0.4, shown, 0), atol=1e-7)


def test_what_cannot_be_translated_is_refused_with_the_ways_that_work(tmp_path, without_tf_keras):
    call = stated("last", "LocallyConnected2D", [["image", 0, 0, {}]])
    with pytest.raises(ModelError, match=r"(?s)LocallyConnected2D.*pip install tf_keras.*SavedModel.*tf\.function"):
        load(old_file(tmp_path / "old.h5", [call], "last"), images((6, 6, 3)))

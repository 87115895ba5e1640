"""The readers that are fed odd inputs: for each kind, whole inputs, how they become odd, and what reads them."""

from __future__ import annotations

import io
import json
import random
import shutil
import struct
import warnings
import zipfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from PIL import Image, PngImagePlugin
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

import cnnvis_widgets as cv
from cnnvis_widgets.engine.network.network import Network
from cnnvis_widgets.engine.network.serialized import MAGIC
from cnnvis_widgets.imaging.reading import read_image
from cnnvis_widgets.outputs.pictures import CHUNK
from cnnvis_widgets.outputs.png_files import write_dream
from cnnvis_widgets.widgets.state import saved

from .calls import new_catalogue, random_odd
from .mutations import of_bytes, of_graph, of_json

v1 = tf.compat.v1
IMAGES = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes:
        make: writes whole inputs to a folder, once.
        change: makes a copy of them odd, in place.
        read: reads the copy, and uses what was read.
    """

    make: Callable[[Path], None]
    change: Callable[[Path, random.Random], None]
    read: Callable[[Path], None]


# ---- whole inputs


def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(3, 3, activation="relu", name="maps")(image)
    x = keras.layers.BatchNormalization(name="norm")(keras.layers.MaxPooling2D(name="pool")(x))
    x = keras.layers.Dense(4, activation="softmax", name="scores")(keras.layers.Flatten(name="flat")(x))
    return keras.Model(image, x, name="small")


def graph() -> tf.Graph:
    result = tf.Graph()
    with result.as_default():
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], "image")
        kernel = v1.get_variable("kernel", initializer=np.ones((3, 3, 3, 4), np.float32) / 9)
        x = tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME"), name="maps")
        x = tf.while_loop(lambda step, _: step < 2, lambda step, value: (step + 1, value * 0.5), [0, x])[1]
        x = tf.cond(v1.placeholder_with_default(False, [], "training"), lambda: x + 1, lambda: tf.nn.relu(x))
        weights = tf.constant(np.random.default_rng(1).random((256, 4), np.float32))
        tf.nn.softmax(tf.matmul(tf.reshape(x, [-1, 256]), weights), name="scores")
    return result


def _pb(folder: Path) -> None:
    (folder / "m.pb").write_bytes(graph().as_graph_def().SerializeToString())


def _pbtxt(folder: Path) -> None:
    (folder / "m.pbtxt").write_text(text_format.MessageToString(graph().as_graph_def()))


def _checkpoint(folder: Path) -> None:
    built = graph()
    with built.as_default(), v1.Session() as session:
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(folder / "m"))


def _saved_model(folder: Path) -> None:
    with redirect_stdout(io.StringIO()):
        model().export(str(folder / "saved"))


def _keras(folder: Path) -> None:
    model().save(folder / "m.keras")


def _hdf5(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model().save(folder / "m.h5")


def _network(folder: Path) -> None:
    (folder / "network").write_bytes(cv.load(model(), IMAGES).to_bytes())


def _images(folder: Path) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8))
    for suffix in ("png", "jpeg", "gif", "bmp", "webp", "tiff", "ppm", "tga", "ico"):
        picture.save(folder / f"p.{suffix}")


def _recipe(folder: Path) -> None:
    network = cv.load(model(), IMAGES)
    *_, last = cv.dream(network, None, "maps", [0, 1], octaves=1, steps=2, value_range=(0, 1))
    for path in write_dream(last, folder, layers=network.layers)[1:]:
        path.unlink()


def _state(folder: Path) -> None:
    saved.save(_explorer().state, folder / "state.json")


def _survey(folder: Path) -> None:
    cv.survey(cv.load(model(), IMAGES), IMAGES, "maps", out=folder / "survey", progress=False)


# ---- odd inputs


def _one_file(folder: Path, rng: random.Random) -> Path:
    return rng.choice(sorted(path for path in folder.rglob("*") if path.is_file()))


def _any_bytes(folder: Path, rng: random.Random) -> None:
    path = _one_file(folder, rng)
    if rng.random() < 0.1:
        path.unlink()
    else:
        path.write_bytes(of_bytes(path.read_bytes(), rng))


def _graph_file(folder: Path, rng: random.Random) -> None:
    if rng.random() < 0.25:
        return _any_bytes(folder, rng)
    for path in folder.glob("m.pb"):
        path.write_bytes(of_graph(GraphDef.FromString(path.read_bytes()), rng).SerializeToString())
    for path in folder.glob("m.pbtxt"):
        path.write_text(text_format.MessageToString(of_graph(text_format.Parse(path.read_text(), GraphDef()), rng)))
    for path in folder.glob("*.meta"):
        meta = MetaGraphDef.FromString(path.read_bytes())
        meta.graph_def.CopyFrom(of_graph(meta.graph_def, rng))
        path.write_bytes(meta.SerializeToString())
    return None


def _saved_model_file(folder: Path, rng: random.Random) -> None:
    if rng.random() < 0.3:
        return _any_bytes(folder, rng)
    path = folder / "saved" / "saved_model.pb"
    whole = SavedModel.FromString(path.read_bytes())
    meta = whole.meta_graphs[0]
    if rng.random() < 0.6:
        meta.graph_def.CopyFrom(of_graph(meta.graph_def, rng))
    else:
        node = rng.choice(meta.object_graph_def.nodes)
        if node.children and rng.random() < 0.5:
            rng.choice(node.children).node_id = rng.choice((-1, 0, 1, 5, 10**6))
        elif node.WhichOneof("kind") == "variable":
            node.variable.shape.dim.add(size=rng.choice((-1, 0, 2, 2**40)))
        else:
            node.CopyFrom(rng.choice(meta.object_graph_def.nodes))
    path.write_bytes(whole.SerializeToString())
    return None


def _archive(folder: Path, rng: random.Random) -> None:
    path = folder / "m.keras"
    if rng.random() < 0.2:
        return _any_bytes(folder, rng)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(("config.json", "config.json", "config.json", "metadata.json", "model.weights.h5"))
    if name.endswith(".json"):
        parts[name] = json.dumps(of_json(json.loads(parts[name]), rng)).encode()
    else:
        parts[name] = of_bytes(parts[name], rng)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return None


def _hdf5_file(folder: Path, rng: random.Random) -> None:
    if rng.random() < 0.4:
        return _any_bytes(folder, rng)
    with h5py.File(folder / "m.h5", "r+") as file:
        config = of_json(json.loads(file.attrs["model_config"]), rng)
        file.attrs["model_config"] = json.dumps(config)[:60_000]
        file.attrs["keras_version"] = rng.choice(("3.5.0", "2.11.0", "", "nonsense"))
    return None


def _network_bytes(folder: Path, rng: random.Random) -> None:
    path = folder / "network"
    data = path.read_bytes()
    if rng.random() < 0.3:
        return _any_bytes(folder, rng)
    begin = len(MAGIC) + 8
    (length,) = struct.unpack_from("<Q", data, len(MAGIC))
    header, body = json.loads(data[begin : begin + length]), data[begin + length :]
    if rng.random() < 0.5:
        header = of_json(header, rng)
    else:
        changed = of_graph(GraphDef.FromString(body[: header["graph"]]), rng).SerializeToString()
        shift = len(changed) - header["graph"]
        for place in header["weights"].values():
            place["start"] += shift
        header, body = header | {"graph": len(changed)}, changed + body[header["graph"] :]
    text = json.dumps(header).encode()
    path.write_bytes(MAGIC + struct.pack("<Q", len(text)) + text + body)
    return None


def _recipe_file(folder: Path, rng: random.Random) -> None:
    (path,) = folder.glob("**/*.png")
    if rng.random() < 0.2:
        return _any_bytes(folder, rng)
    with Image.open(path) as image:
        recipe, pixels = json.loads(image.text[CHUNK]), np.asarray(image)
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text(CHUNK, json.dumps(of_json(recipe, rng)) if rng.random() < 0.9 else "[" * 5000)
    Image.fromarray(pixels).save(path, pnginfo=chunks)
    return None


def _json_file(folder: Path, rng: random.Random) -> None:
    files = sorted(folder.rglob("*.json"))
    if not files or rng.random() < 0.4:
        return _any_bytes(folder, rng)
    files[0].write_text(json.dumps(of_json(json.loads(files[0].read_text()), rng)))
    return None


# ---- readers


def _use(network: Network) -> None:
    for layer in network.layers[:3]:
        cv.activations(network, None, layer)
    cv.predict(network) if network.heads else None


def _load(name: str) -> Callable[[Path], None]:
    return lambda folder: _use(cv.load(folder / name, IMAGES))


def _read_network(folder: Path) -> None:
    _use(Network.from_bytes((folder / "network").read_bytes() if (folder / "network").exists() else b"", IMAGES))


def _read_images(folder: Path) -> None:
    refused: list[Exception] = []
    for path in sorted(folder.iterdir()):
        try:
            read_image(path)
        except cv.errors.CnnvisError as error:
            refused.append(error)
    if refused:
        raise refused[0]


def _read_recipe(folder: Path) -> None:
    (path,) = [*folder.glob("**/*.png")] or [folder / "gone.png"]
    cv.recreate(path, _kept("network", lambda: cv.load(model(), IMAGES)))


def _read_state(folder: Path) -> None:
    saved.load(_explorer().state, folder / "state.json")


def _read_survey(folder: Path) -> None:
    found = cv.Survey.open(folder / "survey", _kept("network", lambda: cv.load(model(), IMAGES)), IMAGES)
    layer = found.layers[0]
    found.dead(layer)
    repr(found[layer, 0])


def _one_call(folder: Path) -> None:
    (folder / "choice").write_text("whole")


def _odd_call(folder: Path, rng: random.Random) -> None:
    (folder / "choice").write_text(str(rng.getrandbits(64)))


def _make_call(folder: Path) -> None:
    choice = (folder / "choice").read_text()
    rng, known = random.Random(choice), _kept("catalogue", new_catalogue).calls
    call = known[rng.choice(sorted(known))]
    call.run({} if choice == "whole" else random_odd(call, rng))


_KEPT: dict[str, Any] = {}


def _kept(name: str, make: Callable[[], Any]) -> Any:
    return _KEPT.setdefault(name, None) or _KEPT.update({name: make()}) or _KEPT[name]


def _explorer() -> Any:
    return _kept("explorer", lambda: cv.ModelExplorer(model(), IMAGES, logdir=None))


KINDS = {
    ".pb": Kind(_pb, _graph_file, _load("m.pb")),
    ".pbtxt": Kind(_pbtxt, _graph_file, _load("m.pbtxt")),
    "checkpoint": Kind(_checkpoint, _graph_file, _load("m")),
    "SavedModel": Kind(_saved_model, _saved_model_file, _load("saved")),
    ".keras": Kind(_keras, _archive, _load("m.keras")),
    ".h5": Kind(_hdf5, _hdf5_file, _load("m.h5")),
    "network bytes": Kind(_network, _network_bytes, _read_network),
    "images": Kind(_images, _any_bytes, _read_images),
    "recipes": Kind(_recipe, _recipe_file, _read_recipe),
    "states": Kind(_state, _json_file, _read_state),
    "surveys": Kind(_survey, _json_file, _read_survey),
    "arguments": Kind(_one_call, _odd_call, _make_call),
}


def outcome(kind: str, number: int, whole: Path, odd: Path) -> tuple[str, str]:
    """Make an odd input and read it.

    Args:
        kind: a key of ``KINDS``.
        number: of the input; the same number gives the same input.
        whole: the folder of the whole inputs.
        odd: a folder that is made anew.

    Returns:
        'accepted', 'ours' or 'other', and the error.
    """
    shutil.rmtree(odd, ignore_errors=True)
    shutil.copytree(whole, odd)
    KINDS[kind].change(odd, random.Random(f"{kind} {number}"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            KINDS[kind].read(odd)
    except cv.errors.CnnvisError as error:
        return "ours", f"{type(error).__name__}: {error}"
    except Exception as error:
        return "other", f"{type(error).__name__}: {error}"
    return "accepted", ""

"""Whole calls with their PNG and event files, against plain computation; ``python -m benchmarks.engine`` runs it.

What a user waits for is the call with its files. The yardstick is the computation alone, which anyone can run: for
activations one warm run of all the layers, for reconstructions the same maps by 8 gradient copies with a full forward
pass each. The value tells how many of these the whole call takes.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from benchmarks.engine.reconstruction import COPIES, run_of_copies, unseen
from benchmarks.measurements import Measurement, spread
from benchmarks.networks import alexnet, application, image_for, mnist_session
from cnnvis_widgets import activation_visualization, activations, deconv_visualization, load, reconstruct
from cnnvis_widgets.engine.network.network import Network
from cnnvis_widgets.outputs.legacy_files import LegacyFiles
from cnnvis_widgets.outputs.pictures import of_layer

FAMILIES = ["r", "p", "c"]


def plain_run(network: Network, layers: list[str]) -> Callable[[], object]:
    """One forward pass of the frozen graph as TensorFlow imports it, with all the layers fetched."""
    frozen, image = network.runtime.frozen, network.runtime.image_tensor
    tensors = [layer.tensor for layer in network.select(layers)]
    value = tf.constant(network.feeds()[image])

    def body(fed: tf.Tensor) -> list[tf.Tensor]:
        weights = {f"{name}:0": tf.convert_to_tensor(weight) for name, weight in frozen.weights.items()}
        found: list[tf.Tensor] = tf.graph_util.import_graph_def(
            frozen.graph_def, {image: fed, **weights}, return_elements=tensors, name=""
        )
        return found

    function = tf.compat.v1.wrap_function(body, [tf.TensorSpec(value.shape, value.dtype)])
    return lambda: function(value)


def in_folder(call: Callable[[Path], object]) -> float:
    """Seconds of a call that writes files into a new folder."""
    folder = Path(tempfile.mkdtemp())
    begun = time.perf_counter()
    with redirect_stdout(StringIO()):
        call(folder)
    took = time.perf_counter() - begun
    shutil.rmtree(folder)
    return took


def compared(
    work: str, most: float | None, rounds: int, ours: Callable[[Path], object], plain: Callable[[], object]
) -> Measurement:
    """How many times as long as the plain computation the whole call takes; the two take turns."""
    in_folder(ours)
    plain()
    own, base = [], []
    for _ in range(rounds):
        own.append(in_folder(ours))
        base.append(in_folder(lambda _: plain()))
    value = round(min(own) / min(base), 1)
    target, met = ("", None) if most is None else (f"<= {most:g} plain runs", value <= most)
    figures = {"seconds": spread(own, digits=3), "plain": spread(base, digits=4)}
    return Measurement(work, target, value, met, figures=figures)


def _alexnet() -> Network:
    return load(alexnet(), image_for((227, 227, 3)))


def _vgg() -> Network:
    return load(application("VGG16"), image_for((224, 224, 3)))


def maps_of_alexnet(rounds: int) -> list[Measurement]:
    return [_maps("AlexNet conv5", _alexnet(), "conv5/Relu", rounds)]


def maps_of_vgg(rounds: int) -> list[Measurement]:
    return [_maps("VGG16 block3_pool", _vgg(), "block3_pool", rounds)]


def activations_of_alexnet(rounds: int) -> list[Measurement]:
    return [_activations("AlexNet", _alexnet(), 18, rounds)]


def activations_of_vgg(rounds: int) -> list[Measurement]:
    return [_activations("VGG16", _vgg(), 10, rounds)]


def activations_of_mobilenet(rounds: int) -> list[Measurement]:
    return [_activations("MobileNetV2", load(application("MobileNetV2"), image_for((224, 224, 3))), 68, rounds)]


def activations_of_small(rounds: int) -> list[Measurement]:
    """The legacy call on a session with a network for MNIST, against one run of the session, and where its time goes.

    The parts are milliseconds of processor time: the least of ten.
    """
    session = mnist_session()
    tensors = [f"{name}:0" for name in ("conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "relu3")]
    feed = {"image:0": np.random.default_rng(0).random((1, 784), np.float32)}

    def ours(folder: Path) -> None:
        activation_visualization(session, feed, layers=FAMILIES, path_logdir=folder / "Log", path_outdir=folder / "Out")

    work = (
        "network for MNIST in a session, activations of all r, p, c layers with files, against one run of the session"
    )
    row = compared(work, 3, 4 * rounds, ours, lambda: session.run(tensors, feed))
    network = load(session, feed)
    maps = list(activations(network, None, FAMILIES))
    drawn = [list(of_layer(each, plain=True)) for each in maps]
    loaded = iter([load(session, feed) for _ in range(10)])
    with tempfile.TemporaryDirectory() as folder:
        files = LegacyFiles(Path(folder, "Log"), Path(folder, "Out"), network.layers)
        parts: dict[str, Callable[[], object]] = {
            "run, ms": lambda: session.run(tensors, feed),
            "load, ms": lambda: load(session, feed),
            "compute, ms": lambda: activations(next(loaded), None, FAMILIES),
            "draw, ms": lambda: [list(of_layer(each, plain=True)) for each in maps],
            "encode and write, ms": lambda: [
                files.write_layer(each.layer, own) for each, own in zip(maps, drawn, strict=True)
            ],
        }
        least = {name: _least_processor_ms(part) for name, part in parts.items()}
    return [dataclasses.replace(row, figures={**row.figures, **least})]


def _least_processor_ms(call: Callable[[], object], times: int = 10) -> float:
    took = []
    for _ in range(times):
        begun = time.process_time()
        call()
        took.append(time.process_time() - begun)
    return round(1000 * min(took), 1)


def _maps(title: str, network: Network, name: str, rounds: int) -> Measurement:
    def ours(folder: Path) -> None:
        deconv_visualization(network, unseen(network), layers=name, path_logdir=str(folder), path_outdir=str(folder))

    reconstruct(network, None, name, channels=[0], seed="map")  # a loaded network has been looked at before
    copies, channels = run_of_copies(network, name), network.layer(name).channels or 0

    def plain() -> None:
        for _ in range(0, channels, COPIES):
            copies()

    work = f"{title}, all maps with PNG and event file, against the maps alone by gradient copies"
    return compared(work, None, rounds, ours, plain)


def _activations(title: str, network: Network, most: float, rounds: int) -> Measurement:
    def ours(folder: Path) -> None:
        places = {"path_logdir": str(folder), "path_outdir": str(folder)}
        activation_visualization(network, None, layers=FAMILIES, **places)

    work = f"{title}, activations of all r, p, c layers with files, against one plain run of them"
    return compared(work, most, rounds, ours, plain_run(network, FAMILIES))

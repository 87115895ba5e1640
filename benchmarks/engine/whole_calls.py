"""Whole calls with their PNG and event files, against the older way; ``python -m benchmarks.engine`` runs it.

The older way, written here anew: save the graph with its weights and read it again, build 8 gradient copies with a
forward pass of their own (or one run for each layer), and write every map into an event file with a grid beside it.
Ours is ``deconv_visualization`` and ``activation_visualization`` on a loaded network. They take turns; ratios are of
the shortest times.
"""

from __future__ import annotations

import cProfile
import dataclasses
import os
import pickle
import pstats
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
from PIL import Image

from benchmarks.engine.reconstruction import COPIES, against, older_gradients, unseen
from benchmarks.measurements import Measurement, spread
from benchmarks.networks import alexnet, application, image_for
from cnnvis_widgets import (
    activation_visualization,
    activations,
    convert_into_grid,
    deconv_visualization,
    load,
    reconstruct,
)
from cnnvis_widgets.engine.network.network import Network
from cnnvis_widgets.engine.network.runtime import Runtime


def saved_and_read(network: Network, folder: Path) -> Network:
    """The network after its way over the disk, as new."""
    frozen = network.runtime.frozen
    (folder / "graph").write_bytes(pickle.dumps((frozen.graph_def.SerializeToString(), dict(frozen.weights))))
    pickle.loads((folder / "graph").read_bytes())
    return Network(Runtime(frozen, network.runtime.image_tensor), network.feed)


def written(folder: Path, maps: np.ndarray) -> None:
    """Every map (maps, height, width, channels) into an event file, and all into a grid."""
    spread = (maps - maps.min()) / max(float(np.ptp(maps)), 1e-7)
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for index, each in enumerate(spread):
            tf.summary.image(f"One_By_One/{index}", each[None], step=0)
        grid = convert_into_grid(spread)
        tf.summary.image("All_At_Once", grid[None] / 255.0, step=0)
    writer.close()
    pixels = np.squeeze(grid).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "grid.png")


def older_deconv(network: Network, name: str, folder: Path) -> None:
    again = saved_and_read(network, folder)
    layer, feeds = again.layer(name), again.feeds()
    image = feeds[again.runtime.image_tensor]
    maps = []
    run = older_gradients(again, name)
    for _ in range(0, layer.channels or 0, COPIES):  # the maps differ in their seed alone; the work is the same
        maps += [each[0] for each in run(*[image] * COPIES)]
    written(folder, np.stack(maps))


def older_activations(network: Network, folder: Path) -> None:
    for layer in network.select(["r", "p", "c"]):
        again = saved_and_read(network, folder)
        (found,) = activations(again, None, layer.name)
        values = found.values[0]
        written(folder, np.moveaxis(values, -1, 0)[..., None] if values.ndim == 3 else values[None, None, :, None])


def timed(call: Callable[[Path], object]) -> float:
    folder = Path(tempfile.mkdtemp())
    begun = time.perf_counter()
    call(folder)
    took = time.perf_counter() - begun
    shutil.rmtree(folder)
    return took


def compared(
    work: str, target: str, rounds: int, ours: Callable[[Path], object], older: Callable[[Path], object]
) -> Measurement:
    own, other, profile = [], [], cProfile.Profile()
    for _ in range(rounds):
        profile.enable()  # some thousand calls of Python in seconds: it does not count
        own.append(timed(ours))
        profile.disable()
        other.append(timed(older))
    measured = against(work, target, min(other) / min(own), seconds=spread(own), older_way=spread(other))
    return dataclasses.replace(measured, profile=_longest(profile, rounds))


def _longest(profile: cProfile.Profile, rounds: int) -> tuple[str, ...]:
    """The functions in which most of the time was spent, of the calling thread, in seconds for one call."""
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    longest = sorted(stats.items(), key=lambda each: -each[1][2])[:6]
    return tuple(f"{values[2] / rounds:.2f} s {Path(file).name}:{name}" for (file, _, name), values in longest)


def plain_activations(network: Network, folder: Path) -> None:
    """The forward pass with all layers fetched, without any file."""
    activations(network, None, ["r", "p", "c"])


def _alexnet() -> Network:
    return load(alexnet(), image_for((227, 227, 3)))


def _vgg() -> Network:
    return load(application("VGG16"), image_for((224, 224, 3)))


def maps_of_alexnet(rounds: int) -> list[Measurement]:
    return [_maps("AlexNet conv5", _alexnet(), "conv5/Relu", ">= 4", rounds)]


def maps_of_vgg(rounds: int) -> list[Measurement]:
    return [_maps("VGG16 block3_pool", _vgg(), "block3_pool", ">= 1.8", rounds)]


def activations_of_alexnet(rounds: int) -> list[Measurement]:
    return [_activations("AlexNet", _alexnet(), rounds)]


def activations_of_vgg(rounds: int) -> list[Measurement]:
    return [_activations("VGG16", _vgg(), rounds)]


def _maps(title: str, network: Network, name: str, target: str, rounds: int) -> Measurement:
    def ours(folder: Path) -> None:
        deconv_visualization(network, unseen(network), layers=name, path_logdir=str(folder), path_outdir=str(folder))

    reconstruct(network, None, name, channels=[0], seed="map")  # a loaded network has been looked at before
    older_gradients(network, name)
    work = f"{title}, all maps with PNG and event file"
    with redirect_stdout(StringIO()):
        return compared(work, target, rounds, ours, lambda folder: older_deconv(network, name, folder))


def _activations(title: str, network: Network, rounds: int) -> Measurement:
    def ours(folder: Path) -> None:
        places = {"path_logdir": str(folder), "path_outdir": str(folder)}
        activation_visualization(network, None, layers=["r", "p", "c"], **places)

    plain_activations(network, Path())
    work = f"{title}, activations of all r, p, c layers with files"
    with redirect_stdout(StringIO()):
        measured = compared(work, ">= 10", rounds, ours, lambda folder: older_activations(network, folder))
    alone = [timed(lambda _: plain_activations(network, Path())) for _ in range(2)]
    figures = dict(measured.figures) | {"forward pass alone, s": round(min(alone), 2)}
    return dataclasses.replace(measured, figures=figures)

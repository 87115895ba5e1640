"""Whole calls with their PNG and event files, against the older way: ``python benchmarks/whole_calls.py``.

The older way, written here anew: save the graph with its weights and read it again, build 8 gradient copies with a
forward pass of their own (or one run for each layer), and write every map into an event file with a grid beside it.
Ours is ``deconv_visualization`` and ``activation_visualization`` on a loaded network. They take turns; ratios are of
the shortest times. Results go to ``benchmarks/results/whole_calls.json``.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pickle
import pstats
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from PIL import Image
from random_networks import alexnet, application, image_for
from reconstruction import COPIES, Row, machine, older_way

from cnnvis_widgets import activation_visualization, activations, convert_into_grid, deconv_visualization, load
from cnnvis_widgets.engine.network import Network

RESULTS = Path(__file__).parent / "results" / "whole_calls.json"


def saved_and_read(network: Network, folder: Path) -> Network:
    """The network after its way over the disk, as new."""
    frozen = network._frozen
    (folder / "graph").write_bytes(pickle.dumps((frozen.graph_def.SerializeToString(), dict(frozen.weights))))
    pickle.loads((folder / "graph").read_bytes())
    again = Network(frozen, image_input=network.image_tensor)
    again.feed = network.feed
    return again


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
    image = feeds[again.image_tensor]
    maps = []
    run = older_gradients(again, name)
    for _ in range(0, layer.channels or 0, COPIES):  # the maps differ in their seed alone; the work is the same
        maps += [each[0] for each in run(*[image] * COPIES)]
    written(folder, np.stack(maps))


def older_gradients(network: Network, name: str) -> Callable[..., list[np.ndarray]]:
    older_way(network, name)
    return network._compiled["older way", name]


def older_activations(network: Network, folder: Path) -> None:
    for layer in network.select(["r", "p", "c"]):
        again = saved_and_read(network, folder)
        (found,) = activations(again, None, layer.name)
        written(folder, np.moveaxis(found.values[0], -1, 0)[..., None])


def timed(call: Callable[[Path], object]) -> float:
    folder = Path(tempfile.mkdtemp())
    begun = time.perf_counter()
    call(folder)
    took = time.perf_counter() - begun
    shutil.rmtree(folder)
    return took


def row(work: str, target: str, rounds: int, ours: Callable[[Path], object], older: Callable[[Path], object]) -> Row:
    timed(ours)  # tracing; a loaded network has been looked at before
    own, other = [], []
    for _ in range(rounds):
        own.append(timed(ours))
        other.append(timed(older))
    profile = cProfile.Profile()
    profile.runcall(timed, ours)
    return {
        "work": work,
        "seconds": [round(float(f(own)), 2) for f in (np.min, np.median, np.max)],
        "older way": [round(float(f(other)), 2) for f in (np.min, np.median, np.max)],
        "ratio": round(min(other) / min(own), 2),
        "target": target,
        "where the time goes": _longest(profile),
    }


def _longest(profile: cProfile.Profile) -> list[str]:
    """The functions in which most of the time was spent, of the calling thread."""
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    longest = sorted(stats.items(), key=lambda each: -each[1][2])[:6]
    return [f"{values[2]:.2f} s {Path(file).name}:{name}" for (file, _, name), values in longest]


def plain_activations(network: Network, folder: Path) -> None:
    """The forward pass with all layers fetched, without any file."""
    activations(network, None, ["r", "p", "c"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    alex = load(alexnet(), image_for((227, 227, 3)))
    vgg = load(application("VGG16"), image_for((224, 224, 3)))
    rows: list[Row] = []
    for title, network, name, target in (
        ("AlexNet conv5", alex, "conv5/Relu", ">= 4"), ("VGG16 block3_pool", vgg, "block3_pool", ">= 1.8"),
    ):
        def ours(folder: Path, network: Network = network, name: str = name) -> None:
            deconv_visualization(network, None, layers=name, path_logdir=str(folder), path_outdir=str(folder))

        def older(folder: Path, network: Network = network, name: str = name) -> None:
            older_deconv(network, name, folder)

        rows.append(row(f"{title}, all maps with PNG and event file", target, options.rounds, ours, older))
        print(rows[-1], file=sys.stderr)
    for title, network in (("AlexNet", alex), ("VGG16", vgg)):
        def shown(folder: Path, network: Network = network) -> None:
            places = {"path_logdir": str(folder), "path_outdir": str(folder)}
            activation_visualization(network, None, layers=["r", "p", "c"], **places)

        def before(folder: Path, network: Network = network) -> None:
            older_activations(network, folder)

        found = row(f"{title}, activations of all r, p, c layers with files", ">= 10", options.rounds, shown, before)
        alone = [timed(lambda folder, network=network: plain_activations(network, folder)) for _ in range(2)]
        found["forward pass alone, s"] = round(min(alone), 2)
        rows.append(found)
        print(rows[-1], file=sys.stderr)
    about = machine()
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    for each in rows:
        print(f"{each['work']:62} x {each['ratio']:<7} target {each['target']:8} "
              f"ours {each['seconds']} s, older way {each['older way']} s")
        for line in each["where the time goes"]:  # type: ignore[attr-defined]
            print(f"    {line}")
    RESULTS.write_text(json.dumps({"machine": about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()

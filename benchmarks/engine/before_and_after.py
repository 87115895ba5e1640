"""Whole calls, and parts of them, beside tf_cnnvis and beside an earlier commit of this package.

Each figure is of a new process that holds a session of TensorFlow 1 with the network, as people have who call these
functions. The tools take turns, and all get the same weights, image and layers. tf_cnnvis is written anew in
`benchmarks/older_library.py`. A plain run is one warm `session.run` of all the layers. Each row is kept as soon as it
is measured, and docs/benchmarks_calls.md is written from all that are kept.

    python -m benchmarks.engine.before_and_after COMMIT [--rounds 3] [--only WORK ...] [--networks NAME ...]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from benchmarks import older_library
from benchmarks.measurements import RESULTS, ROOT, keep, load_of_machine, machine, memory, spread
from benchmarks.networks import alexnet, application, mnist_session

if TYPE_CHECKING:
    from benchmarks.dreaming.whole_dreams import Model

v1 = tf.compat.v1

FILE, PAGE = RESULTS / "before_and_after.json", ROOT / "docs" / "benchmarks_calls.md"
TOOLS = ("tf_cnnvis", "before", "now")
NETWORKS = ("AlexNet", "VGG16", "MobileNetV2", "MNIST")
PARTS: dict[tuple[str, str], list[str]] = {
    ("deconvolution", "AlexNet"): ["network/conv5/Relu"],
    ("deconvolution", "MNIST"): ["conv1", "pool1", "conv2", "pool2"],
    ("first maps", "VGG16"): ["network/block3_pool/MaxPool2d"],
    ("maps alone", "VGG16"): ["network/block3_pool/MaxPool2d"],
}


@dataclass(frozen=True)
class Given:
    """What a person holds: a session with a network, the name of its input and an image for it."""

    session: v1.Session
    image: str
    pixels: str
    value: np.ndarray
    layers: list[str]

    @classmethod
    def read(cls, folder: Path, work: str, network: str) -> Given:
        """Open what `write_networks` wrote, with the layers that a work is about."""
        about = json.loads((folder / f"{network}.json").read_text())
        with tf.Graph().as_default() as graph:
            session = v1.Session(graph=graph)
            v1.train.import_meta_graph(str(folder / f"{network}.meta")).restore(session, str(folder / network))
        value = np.random.default_rng(0).uniform(0, about["largest"], (1, *about["shape"])).astype(np.float32)
        return cls(session, about["image"], about["pixels"], value, PARTS.get((work, network), about["layers"]))


def write_networks(folder: Path, names: list[str]) -> None:
    """Write networks as checkpoints, and beside each what its input and its layers are."""
    from benchmarks.dreaming.whole_dreams import Model
    from cnnvis_widgets import load

    for name in names:
        if name == "MNIST":
            session, image, shape, largest = mnist_session(), "image:0", [784], 1
        else:
            model: Model = Model.of(load(alexnet() if name == "AlexNet" else application(name)))
            session, image, shape, largest = model.session, "input:0", [model.side, model.side, 3], 255
        with session.graph.as_default():
            v1.train.Saver().save(session, str(folder / name))
        layers = load(session, np.zeros((1, *shape), np.float32)).select(["r", "p", "c"])
        few = [layer.tensor.removesuffix(":0") for layer in layers if (layer.channels or 0) <= 1024]
        pixels = "Reshape:0" if name == "MNIST" else image
        about = {"image": image, "pixels": pixels, "shape": shape, "largest": largest, "layers": few}
        (folder / f"{name}.json").write_text(json.dumps(about))


def activations(tool: str, given: Given, folder: Path) -> dict[str, Callable[[], object]]:
    """All ReLU, pooling and convolution layers of up to 1024 maps, with PNG and event files."""
    if tool == "tf_cnnvis":
        return {"": lambda: _older(older_library.activations, given, folder)}
    from cnnvis_widgets import activation_visualization

    return {"": lambda: _ours(activation_visualization, given, folder, layers=given.layers)}


def deconvolution(tool: str, given: Given, folder: Path) -> dict[str, Callable[[], object]]:
    """All maps of some layers, of ones and guided, as tf_cnnvis does it; ours also of the strongest units."""
    if tool == "tf_cnnvis":
        return {"": lambda: _older(older_library.deconvolutions, given, folder, pixels=given.pixels)}
    from cnnvis_widgets import deconv_visualization

    layers: dict[str, Any] = {"layers": given.layers, "rule": "guided"}
    return {
        "": lambda: _ours(deconv_visualization, given, folder, seed="ones", **layers),
        "strongest unit": lambda: _ours(deconv_visualization, given, folder, seed="strongest", **layers),
    }


def dream(tool: str, given: Given, folder: Path) -> dict[str, Callable[[], object]]:
    """A class from noise in three octaves, with its files: 150 steps in tf_cnnvis, and before; 60 now."""
    if tool == "tf_cnnvis":
        graph, session = given.session.graph, given.session
        return {"": lambda: older_library.dream(graph, session, given.image, "logits:0", 7, folder)}
    from cnnvis_widgets import deepdream_visualization

    return {"": lambda: _ours(deepdream_visualization, given, folder, layer="logits", classes=[7])}


def first_maps(tool: str, given: Given, folder: Path) -> dict[str, Callable[[], object]]:
    """From the session to the maps of one layer in memory."""
    if tool == "tf_cnnvis":
        return {"": lambda: _older(older_library.first_maps, given, folder)}
    from cnnvis_widgets import activations, load

    return {"": lambda: activations(load(given.session, {given.image: given.value}), None, given.layers[0])}


def maps_alone(tool: str, given: Given, folder: Path) -> dict[str, Callable[[], object]]:
    """16 maps of one layer, without files, the network loaded before."""
    if tool == "tf_cnnvis":
        return {
            "": lambda: older_library.reconstructions(
                given.session, given.image, given.value, given.layers[0], count=16
            )
        }
    from cnnvis_widgets import load, reconstruct

    network, some = load(given.session, {given.image: given.value}), {"channels": range(16), "seed": "map"}

    def call(**options: Any) -> Callable[[], object]:
        return lambda: reconstruct(network, None, given.layers[0], **options)

    return {
        "": call(**some),
        "bfloat16": call(**some, precision="bfloat16"),
        "strongest unit": call(channels=range(16)),
    }


def ascent(tool: str, given: Given, folder: Path) -> dict[str, Callable[[], object]]:
    """Steps of gradient ascent of a class at the size of the input, the network loaded before."""
    if tool == "tf_cnnvis":
        return {"": lambda: older_library.climb(given.session, given.image, "logits:0", 7, octaves=1, steps=STEPS)}
    from cnnvis_widgets import dream, load

    network, size = load(given.session, {given.image: given.value}), given.value.shape[1:3]

    def call(**options: Any) -> Callable[[], object]:
        return lambda: [
            step.scores for step in dream(network, None, "logits", 7, octaves=1, size=size, steps=STEPS, **options)
        ]

    return {"": call(), **({"bfloat16": call(precision="bfloat16")} if tool == "now" else {})}


WORK: dict[str, tuple[Callable[[str, Given, Path], dict[str, Callable[[], object]]], tuple[str, ...]]] = {
    "activations": (activations, NETWORKS),
    "deconvolution": (deconvolution, ("AlexNet", "MNIST")),
    "dream": (dream, ("AlexNet", "MobileNetV2")),
    "first maps": (first_maps, ("VGG16",)),
    "maps alone": (maps_alone, ("VGG16",)),
    "20 steps alone": (ascent, ("AlexNet", "MobileNetV2", "VGG16")),
}
ONCE = ("dream", "first maps")
"""Work of which only a first call is measured."""

STEPS = 20


def _older(call: Callable[..., object], given: Given, folder: Path, **options: str) -> None:
    call(given.session.graph, given.session, given.image, given.value, given.layers, folder, **options)


def _ours(call: Callable[..., object], given: Given, folder: Path, **options: Any) -> None:
    places = {"path_logdir": str(folder / "Log"), "path_outdir": str(folder / "Output")}
    with redirect_stdout(StringIO()):
        assert call(given.session, {given.image: given.value}, **options, **places)


def measured(tool: str, work: str, network: str, folder: Path) -> dict[str, dict[str, float]]:
    """Figures of one process: of the first call, and the least of two more where a call is short."""
    given = Given.read(folder, work, network)
    tensors = [f"{name}:0" for name in given.layers]
    plain = min(_timed(lambda: given.session.run(tensors, {given.image: given.value}))[0] for _ in range(5))
    found = {}
    for name, call in WORK[work][0](tool, given, Path(tempfile.mkdtemp(dir=folder))).items():
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # the largest that was held begins anew
        held = memory("VmRSS")
        clock, processor = _timed(call)
        found[name] = {"first": clock, "processor": processor, "MiB": float(memory("VmHWM") - held), "plain": plain}
        if work not in ONCE:
            found[name]["again"], found[name]["processor again"] = map(
                min, zip(_timed(call), _timed(call), strict=True)
            )
    return found


def _timed(call: Callable[[], object]) -> tuple[float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - clock, time.process_time() - processor


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """The files of a commit."""
    with tempfile.TemporaryDirectory() as name:
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x"], cwd=name, input=archive, check=True)
        yield Path(name)


def rows_of(work: str, network: str, folder: Path, before: Path, rounds: int) -> Iterator[dict[str, Any]]:
    """The figures of each tool, smallest, median and largest of its processes, which take turns."""
    taken: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(rounds):
        for tool in TOOLS:
            command = [sys.executable, "-m", "benchmarks.engine.before_and_after", "", "--one", tool, work, network]
            places = [str(folder), str(before if tool == "before" else ROOT)]
            ran = subprocess.run([*command, *places], cwd=ROOT, capture_output=True, text=True)
            if ran.returncode:
                raise SystemExit(f"{tool}, {work}, {network}: {ran.stderr[-2000:]}")
            for way, figures in json.loads(ran.stdout.splitlines()[-1]).items():
                taken.setdefault((tool, way), []).append(figures)
    for (tool, way), each in taken.items():
        row = {"work": work, "network": network, "tool": tool, "way": way, "load": load_of_machine()}
        yield row | {name: spread([one[name] for one in each], digits=3) for name in each[0]}


NOTES = """
## What was wanted

Of the first calls: activations 5 times as fast as tf_cnnvis (AlexNet, VGG16) and 3 times (MobileNetV2, MNIST),
deconvolutions 4 (AlexNet) and 3 (MNIST), dreams 3; first maps of VGG16 within 1.5 s and 1.6 GB; maps alone 1.5 times,
3.4 in bfloat16, 13 for strongest units.

- *Activations of AlexNet and MNIST* reach it in the second call. In the first, TensorFlow starts what it needs to
  compute eagerly and to read a session, and new memory is touched: 40 of 80 ms for MNIST.
- *Dream of AlexNet*: 2.9 here, 3.4 in one process (design note 0013).
- *Deconvolution of AlexNet*: strongest units reach it. For whole maps the products of the way back alone take 2 of 3.4
  s, at the speed of the processor.
- *Deconvolution of MNIST*: half of the time traces and cuts the way back of each of the four layers.
- *Steps alone*: a dream makes two more before its first, which tell how loud its noise must be. In float32 the
  network's products take most of a step, as they do in tf_cnnvis. bfloat16 halves that of VGG16, and gains nothing for
  networks whose steps are short or read much memory.
- *MobileNetV2*: tf_cnnvis knows neither Relu6 nor depthwise convolutions by 'r' and 'c'. Here all tools get the names
  of the same 85 layers.
"""


def page(about: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """All rows as a page."""
    lines = [
        "# Whole calls beside tf_cnnvis, and before",
        "",
        "Written by `python -m benchmarks.engine.before_and_after`. Each figure is smallest / median / largest of new",
        "processes, three or more, which take turns. 'before' is this package at an earlier commit. tf_cnnvis is",
        "written anew in `benchmarks/older_library.py`. All get the same session, weights, image and layers. MiB is",
        "what the first call takes above what the process held. Ratio: tf_cnnvis by ours, medians of first calls.",
        "",
        ", ".join(f"{key} {value}" for key, value in about.items())
        + f"; before: commit {', '.join(sorted({row['commit'] for row in rows}))}",
        "",
        "| work | tool | first call, s | of the processor | again, s | MiB | ratio | plain runs, again |",
        "|---|---|---|---|---|---|---|---|",
    ]
    older = {(row["work"], row["network"]): row["first"][1] for row in rows if row["tool"] == "tf_cnnvis"}

    def told(figures: list[float] | None) -> str:
        return " / ".join(f"{each:.3g}" for each in figures) if figures else ""

    for row in rows:
        name = ", ".join(filter(None, (row["work"], row["network"], row["way"])))
        ratio = f"{older[row['work'], row['network']] / row['first'][1]:.2f}" if row["tool"] != "tf_cnnvis" else ""
        runs = f"{row['again'][1] / row['plain'][1]:.1f}" if row["work"] == "activations" else ""
        cells = [
            name,
            row["tool"],
            *(told(row.get(key)) for key in ("first", "processor", "again", "MiB")),
            ratio,
            runs,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""]) + NOTES


def main() -> None:
    """Measure in turns, print, keep, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="the earlier commit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(WORK), choices=WORK)
    parser.add_argument("--networks", nargs="*", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        tool, work, network, folder, package = options.one
        sys.path.insert(0, package)
        print(json.dumps(measured(tool, work, network, Path(folder))), flush=True)
        return
    wanted = [(work, each) for work in options.only for each in WORK[work][1] if each in options.networks]
    with tempfile.TemporaryDirectory() as name, checked_out(options.commit) as before:
        names = sorted({network for _, network in wanted})
        writing = f"from benchmarks.engine.before_and_after import *; write_networks(Path({name!r}), {names!r})"
        subprocess.run([sys.executable, "-c", writing], cwd=ROOT, check=True)
        about = machine("tensorflow", "keras")
        for work, network in wanted:
            rows = list(rows_of(work, network, Path(name), before, options.rounds))
            for row in rows:
                row["commit"] = options.commit
                print(json.dumps(row), flush=True)
            PAGE.write_text(page(about, keep(FILE, about, rows, "work", "network", "tool", "way")))


if __name__ == "__main__":
    main()

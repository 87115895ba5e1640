"""What the engine does on a GPU: the same results as on the CPU of that machine, and how long they take.

Each way of computing has a process of its own: the CPU with the GPU hidden; the same with an image changed by a
millionth of its values, to tell which results hang on the last digits; the GPU in float32, where single fields of its
policy (``cnnvis_widgets/engine/devices.py``) are turned, to see which ways are right and pay on a GPU; and the GPU as
TensorFlow sets it up, which is TF32 on newer ones. A difference is the largest one over the largest value of the CPU's
result.

    python -m benchmarks.engine.gpu                  # prints a table, writes benchmarks/results/gpu.json
    python -m benchmarks.engine.gpu --only things    # fewer networks
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # the processes follow each other on one GPU

import keras
import numpy as np
import tensorflow as tf

from benchmarks.measurements import RESULTS, ROOT, machine
from benchmarks.networks import application, image_for
from cnnvis_widgets import activations, demo, dream, grad_cam, integrated_gradients, load, occlusion, reconstruct
from cnnvis_widgets.engine.devices import DevicePolicy, assumed, cpu, device_policy, gpu
from cnnvis_widgets.engine.network.network import Network

FILE = RESULTS / "gpu.json"
Call = Callable[[np.ndarray], Any]
SHIPPED = "as shipped"
POLICIES: Mapping[str, Mapping[str, Any]] = {
    SHIPPED: {},
    "no fast_pullbacks": {"fast_pullbacks": False},
    "no fast_pullbacks, no channels_last": {"fast_pullbacks": False, "channels_last": False},
    "no grouped_gradients": {"grouped_gradients": False},
    "no takes_over_results": {"takes_over_results": False},
    "shares_weights": {"shares_weights": True},
    "no optimises_memory": {"optimises_memory": False},
}
CONCERNS = {
    "no fast_pullbacks, no channels_last": ("channels first",),
    "no grouped_gradients": ("grouped",),
    "no takes_over_results": ("embedded", "VGG16"),
    "shares_weights": ("VGG16",),
    "no optimises_memory": ("embedded", "VGG16"),
}
"""Networks that a policy concerns, where it does not concern all."""
NUDGED = "CPU, nudged"
WAYS = {
    "CPU": (SHIPPED,),
    NUDGED: (SHIPPED,),
    "GPU": tuple(POLICIES),
    "GPU, TF32": (SHIPPED, "no fast_pullbacks"),
}
NUDGE = 1e-6  # eight times the distance to the next float
REPEATS = 3
STRATEGIES = set[str]()
"""Those of the last call."""


# ---- networks, and what is asked of each


def _things() -> Network:
    """Not ``demo.things_network``, which is made once and would keep what it compiled under another policy."""
    return load(demo.things_model(), demo.things(1, seed=2).images, preprocess=demo.things_preprocess)


def _embedded() -> Network:
    return load(demo.model(), demo.photos()["chelsea"], preprocess=demo.preprocess)


def _vgg() -> Network:
    return load(application("VGG16"), image_for((224, 224, 3)))


def _channels_first() -> Network:
    """Ops that a CPU has no kernels for, as graphs that were made on a GPU hold them."""
    random, graph = np.random.default_rng(0), tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, [None, 3, 112, 112], name="image")
        for place, (entering, leaving) in enumerate([(3, 32), (32, 64), (64, 64)]):
            kernel = random.standard_normal([3, 3, entering, leaving]) * np.sqrt(2 / (9 * entering))
            x = tf.nn.conv2d(x, tf.constant(kernel, tf.float32), 1, "SAME", data_format="NCHW")
            x = tf.nn.relu(tf.nn.bias_add(x, tf.zeros([leaving]), "NCHW"), name=f"relu{place}")
            x = tf.nn.max_pool2d(x, 2, 2, "VALID", "NCHW", name=f"pool{place}")
        weights = random.standard_normal([64, 10]).astype(np.float32)
        tf.nn.softmax(tf.matmul(tf.reduce_mean(x, [2, 3]), weights, name="logits"), name="probabilities")
    return load(graph, np.random.default_rng(1).standard_normal((1, 3, 112, 112)).astype(np.float32))


def _grouped() -> Network:
    """Groups, dilations and both at once."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((96, 96, 3)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", groups=4, activation="relu", name="groups"),
            layers.Conv2D(64, 3, padding="same", dilation_rate=2, activation="relu", name="dilated"),
            layers.Conv2D(64, 5, strides=2, padding="same", groups=8, activation="relu", name="strided_groups"),
            layers.Conv2D(64, 3, padding="same", groups=8, dilation_rate=2, activation="relu", name="both"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    return load(model, image_for((96, 96, 3)))


NETWORKS: Mapping[str, tuple[Callable[[], Network], str]] = {
    "things": (_things, "conv3_2/Relu"),
    "embedded": (_embedded, "block5_expand_relu/Relu6"),
    "grouped": (_grouped, "both/Relu"),
    "channels first": (_channels_first, "relu2"),
    "VGG16": (_vgg, "block3_pool"),
}


def calls_of(name: str, network: Network, layer: str, *, short: bool) -> Iterator[tuple[str, Call]]:
    """What is asked of a network: a title, and a function of the image that is fed.

    Where it is ``short``, only what the fields of a policy change.
    """
    channels = range(min(16, network.layer(layer).channels or 1))

    def sent_back(rule: str, seed: str) -> Call:
        def call(image: np.ndarray) -> Any:
            result = reconstruct(network, image, layer, channels=channels, rule=rule, seed=seed)
            STRATEGIES.add(result.strategy)
            return result.images

        return call

    yield "activations", lambda image: [maps.values for maps in activations(network, image)][::4]
    for rule, seed in (("deconvnet", "map"), ("guided", "map"), ("gradient", "map"), ("deconvnet", "strongest")):
        yield f"{len(channels)} reconstructions, {rule}, {seed}", sent_back(rule, seed)
    if short:
        return
    yield "Grad-CAM", lambda image: grad_cam(network, image, 3).images
    if name in ("things", "embedded", "VGG16"):
        yield "class dream, 8 steps", lambda image: _dreamt(network, None, 8)
        yield "pixel dream, 8 steps", lambda image: _dreamt(network, image, 8)
    if name == "VGG16":  # the CPU takes a minute for each of the others
        return
    yield "integrated gradients, 32 steps", lambda image: integrated_gradients(network, image, 3, steps=32).images
    yield "occlusion", lambda image: occlusion(network, image, 3).scores


def _dreamt(network: Network, image: np.ndarray | None, steps: int) -> np.ndarray:
    options: dict[str, Any] = {"start": "feed", "octaves": 1} if image is not None else {"size": (128, 128)}
    *_, last = dream(network, image, network.logits, 3, steps=steps, seed=0, **options)
    return last.images


# ---- one process


def child(way: str, names: list[str], folder: Path) -> None:
    """One way, in this process; its rows and arrays go into a folder, those of a crash up to then."""
    if way.startswith("CPU"):
        tf.config.set_visible_devices([], "GPU")
    tf.config.experimental.enable_tensor_float_32_execution(way.endswith("TF32"))
    devices = [tf.config.experimental.get_device_details(each) for each in tf.config.list_physical_devices("GPU")]
    rows: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for title in WAYS[way]:
        for name in names:
            if name not in CONCERNS.get(title, (name,)):
                continue
            for row, values in _of_network(name, way, title, replace(_own_policy(way), **POLICIES[title])):
                rows.append(row)
                arrays |= {f"{_key(row)}|{place}": each for place, each in enumerate(values)}
                print(json.dumps(row), flush=True)
            np.savez(folder / f"{_stem(way)}.npz", **arrays)  # type: ignore[arg-type]
            (folder / f"{_stem(way)}.json").write_text(json.dumps({"rows": rows, "devices": devices}, default=str))


def _key(row: Mapping[str, Any], **changed: str) -> str:
    """Names the result of a row, or that of the same row with other fields."""
    return "|".join(str({**row, **changed}[field]) for field in ("way", "policy", "network", "work"))


def _stem(way: str) -> str:
    return way.replace(", ", "-")


def _own_policy(way: str) -> DevicePolicy:
    expected = cpu() if way.startswith("CPU") else gpu()
    if device_policy() != expected:
        raise SystemExit(
            f"Expected a machine with a GPU that TensorFlow sees. Received: {device_policy()} for {way!r}."
        )
    return expected


def _of_network(
    name: str, way: str, title: str, policy: DevicePolicy
) -> Iterator[tuple[dict[str, Any], list[np.ndarray]]]:
    loader, layer = NETWORKS[name]
    base: dict[str, Any] = {"way": way, "policy": title, "network": name}
    with assumed(policy):
        begun = perf_counter()
        network = loader()
        yield base | {"work": "load", "first": perf_counter() - begun}, []
        image = network.feeds()[network.runtime.image_tensor][:1]
        if way == NUDGED:
            noise = np.random.default_rng(0).standard_normal(image.shape)
            image = (image * (1 + NUDGE * noise)).astype(image.dtype)
        for work, call in calls_of(name, network, layer, short=title != SHIPPED):
            row = base | {"work": work}
            STRATEGIES.clear()
            try:
                result, row["first"] = _timed(call, image)
                repeats = REPEATS if row["first"] < 2 else 1
                others = [_timed(call, image * np.float32(1 - 1e-3 * (place + 1)))[1] for place in range(repeats)]
                row["best"] = min(others)
                row["strategy"] = ", ".join(sorted(STRATEGIES))
                yield row, [np.asarray(each, np.float32) for each in tf.nest.flatten(result)]
            except Exception as error:  # what fails on a GPU is what this is for
                yield row | {"error": f"{type(error).__name__}: {str(error)[:600]}"}, []


def _timed(call: Call, image: np.ndarray) -> tuple[Any, float]:
    begun = perf_counter()
    return call(image), perf_counter() - begun


# ---- all of them


def compared(rows: list[dict[str, Any]], arrays: Mapping[str, np.ndarray]) -> None:
    """Write into each row how far its results are from those of the CPU."""
    for row in rows:
        own, base = (
            [arrays[key] for key in sorted(arrays) if key.startswith(f"{start}|")]
            for start in (_key(row), _key(row, way="CPU", policy=SHIPPED))
        )
        if own and base and row["way"] != "CPU":
            row["difference"] = max(difference(*pair) for pair in zip(own, base, strict=True))


def difference(values: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference over the largest value."""
    if values.shape != expected.shape:
        return float("inf")
    return float(np.abs(values - expected).max(initial=0) / max(np.abs(expected).max(initial=0), 1e-30))


def line(row: Mapping[str, Any], reference: Mapping[tuple[str, str], Mapping[str, Any]]) -> str:
    """One row of the table."""
    first, best = (f"{1000 * row[key]:.1f}" if key in row else "" for key in ("first", "best"))
    own = reference.get((row["network"], row["work"]), {})
    times = f"{own['best'] / row['best']:.1f}" if "best" in row and "best" in own else ""
    apart = f"{row['difference']:.1e}" if "difference" in row else row.get("error", "")[:120]
    cells = row["network"], row["work"], row["way"], row["policy"], row.get("strategy", ""), first, best, times, apart
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    """Measure in processes of their own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=NETWORKS, default=list(NETWORKS), help="which networks")
    parser.add_argument("--file", type=Path, default=FILE, help="where the figures go")
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options.child, options.only, options.folder)
    with TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        for way in WAYS:
            own = ["--child", way, "--folder", str(folder), "--only", *options.only]
            subprocess.run([sys.executable, "-m", "benchmarks.engine.gpu", *own], cwd=ROOT, check=True)
        write(folder, options.file)
    return None


def write(folder: Path, file: Path) -> None:
    """Compare what the processes left, print the table and write the figures."""
    rows, devices = list[dict[str, Any]](), list[dict[str, Any]]()
    arrays: dict[str, np.ndarray] = {}
    for way in (each for each in WAYS if (folder / f"{_stem(each)}.json").exists()):
        told = json.loads((folder / f"{_stem(way)}.json").read_text())
        rows += told["rows"]
        devices = told["devices"] or devices
        arrays |= dict(np.load(folder / f"{_stem(way)}.npz"))
    compared(rows, arrays)
    about = machine("tensorflow", "keras") | {"GPU": str(devices[0].get("device_name")) if devices else "none"}
    reference = {(row["network"], row["work"]): row for row in rows if row["way"] == "CPU"}
    print("| network | work | on | policy | strategy | first call, ms | best of 3, ms | times the CPU | difference |")
    print("|---|---|---|---|---|---|---|---|---|")
    print("\n".join(line(row, reference) for row in rows))
    file.write_text(json.dumps({"machine": about, "policy": asdict(gpu()), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()

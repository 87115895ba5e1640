"""How fast maps go back to pixels, against copies of the gradient; ``python -m benchmarks.engine`` runs it.

The baseline is 8 gradient copies with a full forward pass each, in one run. It is written here; no other library
computes so. Ours and the baseline take turns, so that a busy machine slows both; ratios are of the shortest times.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from benchmarks.measurements import ROOT, Figure, Measurement, machine, spread
from benchmarks.networks import alexnet, application, image_for
from cnnvis_widgets import activations, load
from cnnvis_widgets.engine.network.network import Network
from cnnvis_widgets.engine.reconstruction.reconstruct import reconstruct, reconstruct_steps

COPIES = 8
Times = tuple[float, float]


_calls = count(1)


def unseen(network: Network) -> np.ndarray:
    """The network's image, a little otherwise each time, so that no forward pass is at hand that was kept."""
    return network.feed + np.float32(1e-4) * next(_calls)


def gradient_copies(network: Network, name: str) -> Callable[..., list[np.ndarray]]:
    """8 maps in one run: for each a forward pass of its own, given as an image, and the deconvnet gradient."""
    layer, feeds = network.layer(name), network.feeds()

    def body(*given: tf.Tensor) -> list[tf.Tensor]:
        signals = []
        for channel, each in enumerate(given):
            target = network.runtime.build({network.runtime.image_tensor: each}, [layer.tensor], "deconvnet")[0]
            seed = target * tf.one_hot(channel, layer.channels)
            signals.append(tf.gradients(target, each, tf.stop_gradient(seed))[0])
        return signals

    return network.runtime.compiled(("gradient copies", name), body, network.runtime.batches.signature(feeds) * COPIES)


def run_of_copies(network: Network, name: str) -> Callable[[], None]:
    """The same, run on the network's image."""
    function, image = gradient_copies(network, name), network.feeds()[network.runtime.image_tensor]
    return lambda: function(*[image] * COPIES)


def interleaved(rounds: int, **calls: Callable[[], object]) -> dict[str, list[Times]]:
    """Seconds on the clock and of the processor, for each call in each round; a first call does not count."""
    for call in calls.values():
        call()
    times: dict[str, list[Times]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            begun = time.perf_counter(), time.process_time()
            call()
            times[name].append((time.perf_counter() - begun[0], time.process_time() - begun[1]))
    return times


def against(work: str, target: str, ratio: float, **figures: Figure) -> Measurement:
    """A row of one ratio, which meets a target such as ">= 1.4"; a target of time is met above 1."""
    least = float(target.split()[1]) if target.startswith(">=") else 1.0
    reached = (ratio >= least if target.startswith(">=") else ratio > 1) if target else None
    figures = {name.replace("_", " "): value for name, value in figures.items()}
    return Measurement(work, target, round(ratio, 2), reached, figures=figures)


def compared(work: str, target: str, ours: list[Times], base: list[Times], maps: tuple[int, int]) -> Measurement:
    """Milliseconds per map of ours, and how many times faster than the baseline, on the clock and by the processor."""
    own, other = (1000 * np.array(times) / count for times, count in zip((ours, base), maps, strict=True))
    clock, processor = other.min(axis=0) / own.min(axis=0)
    return against(
        work,
        target,
        float(clock),
        ms_per_map=spread(own[:, 0], digits=3),
        cpu_ms_per_map=round(float(own[:, 1].min()), 3),
        baseline_ms=round(float(other[:, 0].min()), 2),
        cpu_ratio=round(float(processor), 2),
    )


def maps_of_vgg(rounds: int) -> list[Measurement]:
    layers = ("block3_pool", ">= 1.4", ">= 2.4", ">= 10"), ("block2_pool", "", "", ">= 50")
    return maps_of_layers(rounds, "VGG16", _vgg(), layers)


def maps_of_alexnet(rounds: int) -> list[Measurement]:
    network = load(alexnet(), image_for((227, 227, 3)))
    return maps_of_layers(rounds, "AlexNet", network, [("conv5/Relu", ">= 2.2", "", "")])


def maps_of_layers(
    rounds: int, called: str, network: Network, layers: Iterable[tuple[str, str, str, str]]
) -> list[Measurement]:
    """Whole maps, the same in bfloat16, and strongest units; a layer comes with its targets for each."""
    rows = []
    for name, single, double, patch in layers:
        title = f"{called} {name.removesuffix('/Relu')}"
        channels = network.layer(name).channels or 0
        some = {"channels": range(min(16, channels)), "seed": "map"}
        calls: dict[str, Callable[[], object]] = {
            "base": run_of_copies(network, name),
            "whole": lambda network=network, name=name, some=some: reconstruct(network, unseen(network), name, **some),
            "half": lambda network=network, name=name, some=some: reconstruct(
                network, unseen(network), name, precision="bfloat16", **some
            ),
        }
        if patch:
            calls["strongest"] = lambda network=network, name=name: reconstruct(network, unseen(network), name)
        times = interleaved(rounds, **calls)
        rows.append(compared(f"{title}, whole maps", single, times["whole"], times["base"], (16, COPIES)))
        asked = double if "bf16" in str(machine()["widest instructions"]) else ""  # elsewhere it is only emulated
        rows.append(compared(f"{title}, whole maps, bfloat16", asked, times["half"], times["base"], (16, COPIES)))
        if patch:
            rows.append(
                compared(f"{title}, strongest units", patch, times["strongest"], times["base"], (channels, COPIES))
            )
    return rows


def _vgg() -> Network:
    return load(application("VGG16"), image_for((224, 224, 3)))


def one_forward_pass(rounds: int) -> Measurement:
    """All layers at once, against a plain call of the model."""
    model = application("VGG16")
    image = image_for((224, 224, 3))
    network = load(model, image)
    plain = tf.function(lambda x: model(x, training=False), autograph=False)
    times = interleaved(
        rounds, ours=lambda: activations(network, None, ["r", "p", "c"]), base=lambda: plain(tf.constant(image))
    )
    return compared(
        "VGG16, activations of all r, p, c layers, against one plain call",
        ">= 0.67",
        times["ours"],
        times["base"],
        (1, 1),
    )


def share_of_peak(rounds: int) -> Measurement:
    """Floating-point operations per second of the whole-image pass, against the best convolution of the machine."""
    maps = tf.random.normal([8, 56, 56, 256])
    kernel = tf.random.normal([3, 3, 256, 256])
    convolve = tf.function(lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"), autograph=False)
    network = _vgg()
    times = interleaved(
        rounds,
        peak=lambda: convolve(maps),
        ours=lambda: reconstruct(network, unseen(network), "block3_pool", channels=range(32), seed="map"),
    )
    sizes = [
        (224, 3, 64),
        (224, 64, 64),
        (112, 64, 128),
        (112, 128, 128),
        (56, 128, 256),
        (56, 256, 256),
        (56, 256, 256),
    ]
    once = sum(2 * 9 * side * side * entering * leaving for side, entering, leaving in sizes)
    fastest = {name: min(clock for clock, _ in each) for name, each in times.items()}
    peak = 2 * 9 * 8 * 56 * 56 * 256 * 256 / fastest["peak"] / 1e9
    ours = once * (32 + 1) / fastest["ours"] / 1e9
    return against("VGG16 block3_pool, GFLOP/s", ">= 0.85", ours / peak, ours=round(ours), peak=round(peak))


def loading(rounds: int) -> Measurement:
    model = keras.applications.MobileNetV2(weights=None)
    image = image_for((224, 224, 3))
    times = [clock for clock, _ in interleaved(rounds, ours=lambda: load(model, image).layers)["ours"]]
    return against("load of a Keras MobileNetV2, s", "< 2 s", 2 / min(times), seconds=spread(times))


def first_maps(rounds: int) -> Measurement:
    """Until the first 8 whole maps of a loaded network are there: for the first time, and again."""
    times, again = [], []
    for _ in range(rounds):
        network = load(alexnet(), image_for((227, 227, 3)))
        for each in (times, again):
            begun = time.perf_counter()
            next(reconstruct_steps(network, None, "conv5/Relu", seed="map"))
            each.append(time.perf_counter() - begun)
    ratio = 1 / statistics.median(times)
    return against("AlexNet conv5, first 8 maps, s", "< 1 s", ratio, seconds=spread(times), again=spread(again))


def streaming(maps: int) -> None:
    """Print the peak memory in MiB after the first runs, and after all maps of a layer."""
    network = load(application("VGG16", include_top=False), image_for((224, 224, 3)))
    seen = 0
    for step in reconstruct_steps(network, None, "block5_conv3", channels=range(maps), seed="map"):
        seen += len(step.channels)
        if seen == 4 * COPIES:
            early = _peak()
    print(json.dumps([early, _peak()]))


def _peak() -> int:
    """The most memory held so far, in MiB; getrusage would count that of the parent process too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def memory(maps: int) -> Measurement:
    """The peak memory of a process of its own that streams the maps of a layer: below 2 GiB, and not growing."""
    command = [sys.executable, "-m", "benchmarks.engine.reconstruction", str(maps)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    early, late = json.loads(done.stdout.splitlines()[-1])
    figures = {"after 32 maps": early, "after all": late}
    return Measurement(
        f"{maps} maps of VGG16 block5_conv3, peak MiB", "< 2048, flat", met=flat(early, late), figures=figures
    )


def flat(early: int, late: int) -> bool:
    """Whether the memory (MiB) stays below 2 GiB, and grows by less than a twentieth."""
    return late < 2048 and late < 1.05 * early


if __name__ == "__main__":  # in a process of its own, so that the memory is that of one call
    streaming(int(sys.argv[1]))

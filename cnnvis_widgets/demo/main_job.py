"""The main job on the embedded default: feature maps and reconstructions of a cat, and two deep dreams.

It writes pictures to ``Output`` and event files to ``Log`` in the current directory.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

from ..engine.activations import activations
from ..engine.dreaming.dream import dream
from ..engine.network.network import Network
from ..engine.reconstruction.reconstruct import reconstruct
from ..outputs.pictures import Picture, of_dream, of_layer
from ..outputs.png_files import write
from ..outputs.tensorboard import EventWriter
from ..results import DreamStep
from . import credits, network, photos, preprocess

OUTDIR, LOGDIR = Path("Output"), Path("Log")
RECONSTRUCTED = (
    ("block2_depthwise_relu", "deconvnet", "map"),
    ("block4_depthwise_relu", "deconvnet", "map"),
    # The detail of a deconvnet comes from the switches of max-pooling. This network has none, so deep layers give
    # smooth blobs, where guided backpropagation still shows eyes and nose.
    ("block9_depthwise_relu", "guided", "strongest"),
)
STRONGEST = 16  # channels of each of these layers: those that the cat excites most
PHOTO = "flower"
LOGGED_EVERY = 4  # every fourth step of a dream: enough to follow it, and a quarter of the megabytes


def main() -> None:
    """Run the whole job and print what is done and how long it takes."""
    run(OUTDIR, LOGDIR, partial(print, flush=True))


def run(outdir: Path, logdir: Path, say: Callable[[str], None]) -> list[Path]:
    """Make all pictures.

    Args:
        outdir: for PNG files.
        logdir: for event files.
        say: is told each line about what is done.

    Returns:
        The PNG files.
    """
    started, written = perf_counter(), list[Path]()
    say("Reading the embedded default, EfficientNet-Lite0 ...")
    net = network()
    with EventWriter(logdir) as log:
        for title, job in (
            ("Feature maps of a cat in every activation function", feature_maps),
            ("Deconvnet of two layers, guided backpropagation of a deep one", reconstructions),
            ("Deep dream of the classes 'daisy' and 'goldfish', out of noise", class_dream),
            (f"Deep dream of block12_add in the photograph {PHOTO!r}", photo_dream),
        ):
            since = perf_counter()
            files = write(job(net, log), outdir, net.layers)
            written += files
            count = "1 picture" if len(files) == 1 else f"{len(files)} pictures"
            say(f"{title}: {count} in {perf_counter() - since:.1f} s")
            say(f"    {files[-1]}")
    say(f"Done in {perf_counter() - started:.0f} s.")
    say(f"Pictures:    {outdir.resolve()}")
    tensorboard = Path(sys.executable).with_name("tensorboard")  # it is on the path only in an activated environment
    say(f"Event files: {logdir.resolve()}; under Images in {tensorboard} --logdir {logdir}")
    say("Photographs: " + "; ".join(f"{name} by {credits()[name]}" for name in ("chelsea", PHOTO)))
    return written


def feature_maps(net: Network, log: EventWriter) -> Iterator[Picture]:
    """Draw a grid of feature maps for every activation function."""
    for maps in activations(net):
        yield from _logged(of_layer(maps), log)


def reconstructions(net: Network, log: EventWriter) -> Iterator[Picture]:
    """Project the strongest channels of an early, a middle and a deep layer back to the pixels of the cat."""
    for name, rule, seed in RECONSTRUCTED:
        [maps] = activations(net, layers=name)
        strongest = [int(channel) for channel in maps.strengths[0].argsort()[::-1][:STRONGEST]]
        projections = reconstruct(net, None, name, channels=strongest, rule=rule, seed=seed)
        yield from _logged(of_layer(projections, scale="map"), log)


def class_dream(net: Network, log: EventWriter) -> list[Picture]:
    """Dream a daisy and a goldfish from noise."""
    return _last(dream(net, None, "logits", ["daisy", "goldfish"]), log)


def photo_dream(net: Network, log: EventWriter) -> list[Picture]:
    """Dream a layer's favourite shapes into a photograph larger than those the network was trained on."""
    image = preprocess(photos()[PHOTO], (320, 480))
    return _last(dream(net, {"image": image[None]}, "block12_add", 0, start="feed"), log)


def _logged(pictures: Iterator[Picture], log: EventWriter) -> Iterator[Picture]:
    for picture in pictures:
        log.add([picture])
        yield picture


def _last(steps: Iterator[DreamStep], log: EventWriter) -> list[Picture]:
    for step in steps:
        if (step.index + 1) % LOGGED_EVERY == 0:
            log.add(of_dream(step), step=step.index)
    return list(of_dream(step))

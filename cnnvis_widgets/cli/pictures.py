"""Runs the commands that draw: ``activations``, ``deconv``, ``dream`` and ``attribute``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..engine.network.network import Network
from ..errors import OutputError
from ..methods import METHODS
from ..outputs.pictures import Picture, of_dream, of_layer, of_result
from ..outputs.png_files import write
from ..outputs.tensorboard import EventWriter, is_logged
from ..outputs.walls import wall_words
from ..results import Attribution, DreamStep, MethodWall, Occlusion
from .given import fed, images_of, names_of, network_of
from .parsing import call_of
from .report import Report


class _Files:
    """Where the results of a command go.

    Args:
        arguments: of the command.
        network: whose layers have the folders.
        report: tells of the files.
    """

    def __init__(self, arguments: Namespace, network: Network, report: Report) -> None:
        self._out, self._npz, self._network, self._report = arguments.out, arguments.npz, network, report
        self._arrays: dict[str, np.ndarray] = {}
        self.log = None if arguments.log is None else EventWriter(arguments.log)

    def add(self, pictures: Iterable[Picture], arrays: Mapping[str, np.ndarray]) -> None:
        """Write pictures, and keep arrays if they are wanted."""
        drawn = list(pictures)
        self._report.files(write(drawn, self._out, self._network.layers))
        if self.log is not None:
            self.log.add(drawn)
        if self._npz is not None:
            self._arrays |= arrays

    def close(self) -> None:
        """Write the arrays, and end the event file."""
        if self.log is not None:
            self.log.close()
            self._report.say(f"Event files: {self.log.logdir}")
        if self._npz is not None and self._arrays:
            try:
                named: dict[str, Any] = {name.replace("/", "."): each for name, each in self._arrays.items()}
                np.savez_compressed(self._npz, **named)
            except OSError as error:
                raise OutputError(
                    f"Expected a file that can be written. Received: --npz {self._npz}. {error}"
                ) from error
            self._report.files([Path(self._npz if self._npz.endswith(".npz") else f"{self._npz}.npz")])


@contextmanager
def _loaded(arguments: Namespace, report: Report) -> Iterator[tuple[Network, _Files]]:
    """The network, fed with the images, and where its results go."""
    report.begin(f"Reading {arguments.model}")
    images = images_of(arguments.images)
    network = network_of(arguments, fed(images))
    names = names_of(images)
    report.fact(images=names)
    if len(names) > 1:
        report.say("\n".join(f"image {number}: {name}" for number, name in enumerate(names)))
    files = _Files(arguments, network, report)
    try:
        yield network, files
    finally:  # what was done before an error or Ctrl-C is kept
        files.close()


def activations(arguments: Namespace, report: Report) -> None:
    """Draw the feature maps of layers."""
    method = METHODS["activations"]
    with _loaded(arguments, report) as (network, files):
        asked, _ = call_of(method, arguments)
        [layers] = method.run(network, None, *asked)
        report.fact(layers=[{"name": maps.layer.name, "shape": maps.values.shape} for maps in layers])
        for maps in report.followed(layers, "Drawing layers"):
            strongest = ", ".join(map(str, maps.strengths.mean(axis=0).argsort()[::-1][:5]))
            shape = " × ".join(map(str, maps.values.shape))
            report.say(f"{maps.layer.name}: {shape}; strongest channels {strongest}")
            drawn = of_layer(maps, singles=arguments.singles, scale=arguments.scale)
            files.add(drawn, {maps.layer.name: maps.values})


def deconv(arguments: Namespace, report: Report) -> None:
    """Project channels of a layer back to pixels."""
    method = METHODS["reconstruction"]
    with _loaded(arguments, report) as (network, files):
        asked, keywords = call_of(method, arguments)
        report.begin(f"Projecting {arguments.layer}")
        [result] = method.run(network, None, *asked, **keywords)
        report.fact(
            layer=result.layer.name, rule=result.rule, channels=result.channels, coverage=str(result.coverage),
            activations=result.seed_values.tolist(), units=result.units.tolist(), empty=result.notes,
        )  # fmt: skip
        report.say(f"{result.layer.name}: {len(result.channels)} channels; {result.coverage}")
        for image, notes in enumerate(result.notes):
            for channel, note in zip(result.channels, notes, strict=True):
                if note:
                    report.note(f"image {image}, channel {channel}: {note}")
        files.add(
            of_layer(result, singles=arguments.singles, scale=arguments.scale), {result.layer.name: result.images}
        )


def attribute(arguments: Namespace, report: Report) -> None:
    """Show which parts of images speak for classes."""
    method = METHODS[arguments.method]
    with _loaded(arguments, report) as (network, files):
        asked, keywords = call_of(method, arguments)
        *_, result = report.followed(method.run(network, None, *asked, **keywords), method.title)
        for line in _lines(result, report):
            report.say(f"{method.title}, {line}")
        files.add(of_result(result), {method.name: _array_of(result)})


def _lines(result: Any, report: Report) -> Iterator[str]:
    """What an explanation tells, in lines; the facts go to the report, too."""
    if isinstance(result, MethodWall):
        report.fact(
            method="method_wall", name=result.name, methods={each.method: wall_words(each) for each in result.tiles}
        )
        for tile in result.tiles:
            yield ", ".join(wall_words(tile))
        return
    attribution = result.attribution if isinstance(result, Occlusion) else result
    if not isinstance(attribution, Attribution):
        report.fact(method=result.method, name=result.name, query=result.query, layers=result.layers)
        about = f", for {result.name}" if result.name else ""
        yield f"{result.query_title} attends in {', '.join(result.layers)}{about}"
        return
    scores = [
        {"image": image, "target": _name(attribution, image, target), "score": float(attribution.scores[image, target])}
        for image, target in np.ndindex(attribution.scores.shape)
    ]
    notes = np.asarray(attribution.notes, object).ravel() if attribution.notes else [""] * len(scores)
    report.fact(method=attribution.method, layer=attribution.layer.name, scores=scores)
    for each, note in zip(scores, notes, strict=True):
        yield f"image {each['image']}: {each['target']}, score {each['score']:.4g}{f' ({note})' if note else ''}"


def _name(attribution: Attribution, image: int, target: int) -> str:
    """The class that one picture is about, also where it is another one in each image."""
    if attribution.targets[target] >= 0 or attribution.head is None:
        return attribution.names[target]
    return attribution.head.title(int(attribution.channels[image, target]))


def _array_of(result: Any) -> np.ndarray:
    if isinstance(result, MethodWall):
        tiles = [tile.attribution.images for tile in result.tiles if tile.attribution is not None]
        return np.stack([each.sum(axis=-1) if each.ndim > tiles[0].ndim else each for each in tiles])
    return np.asarray(getattr(result, "weights", result))


def dream(arguments: Namespace, report: Report) -> None:
    """Make pictures that classes or channels respond to."""
    method = METHODS["deepdream"]
    with _loaded(arguments, report) as (network, files):
        asked, keywords = call_of(method, arguments)
        if arguments.images:
            keywords.setdefault("start", "feed")
        last: DreamStep | None = None
        try:
            for last in report.followed(method.run(network, None, *asked, **keywords), method.title):
                if files.log is not None and is_logged(last) and last.index + 1 < last.total:
                    files.log.add(of_dream(last), step=last.index)
        finally:  # also after Ctrl-C
            if last is not None:
                _tell_dream(last, report)
                files.add(of_dream(last), {last.layer.name: last.images})


def _tell_dream(step: DreamStep, report: Report) -> None:
    report.fact(
        layer=step.layer.name, names=step.names, scores=step.scores.tolist(), steps=step.index + 1, notes=step.notes
    )
    for name, score in zip(step.names, step.scores, strict=True):
        report.say(f"{step.layer.name}, {name}: score {score:.4g} after {step.index + 1} of {step.total} steps")

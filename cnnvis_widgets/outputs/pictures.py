"""Draw and encode results once, as pictures for PNG files and for event files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ..imaging import encode, render
from ..imaging.bars import bar_chart
from ..imaging.colormaps import COLOURS
from ..imaging.grid import enlarge, magnification, montage
from ..imaging.heat import heat
from ..imaging.places import class_map, value_map
from ..imaging.render import Scale, attribution_values
from ..methods import METHODS, Kind
from ..results import (
    AttentionMaps,
    Attribution,
    DreamStep,
    FeatureMaps,
    Intervention,
    Layer,
    MethodWall,
    Occlusion,
    Reconstruction,
)
from .walls import wall_words, whole_wall

CHUNK = "Recipe"
"""The text chunk of a dream's PNG file that says how the dream was made; see ``provenance``."""

_TOGETHER = 16  # single maps that a thread encodes at once: small ones take no longer than to hand them over


@dataclass(frozen=True)
class Picture:
    """One picture of a result and what it shows.

    Attributes:
        layer: the layer whose result it is.
        kind: what the result is about; ``file_names`` chooses the folder by it.
        name: the name of the method ('activations', 'grad_cam', 'intervention', 'deepdream' ...), the rule of a
            reconstruction ('deconvnet' ...), or a panel ('occlusion_total', 'comparison_A' ...).
        image: the index of the fed image; ``None`` if there was only one, or none.
        channel: the map or class; ``None`` for a grid of all of them, and for a dream of a whole layer.
        title: the channel's number and its class name, if it has one; '' without a channel.
        png: the bytes of a PNG file, with text chunks that say what it shows.
        shape: (height, width, 1 or 3) of the picture.
        place: where in a head that tells something of each place, see ``Attribution.places``; '' for the mean of all.
        number: which of several dreams of one channel, counted from 1.
    """

    layer: Layer
    kind: Kind
    name: str
    image: int | None
    channel: int | None
    title: str
    png: bytes
    shape: tuple[int, int, int]
    place: str = ""
    number: int = 1


def of_image(picture: Picture, image: int | None) -> Picture:
    """Label a picture with the index of its image, in the file too; ``None`` where there is only one image."""
    if image is None:
        return picture
    return replace(picture, image=image, png=encode.with_text(picture.png, {"Image": str(image)}))


def of_result(
    result: FeatureMaps | Reconstruction | Attribution | AttentionMaps | Occlusion | MethodWall | DreamStep,
) -> Iterator[Picture]:
    """Draw any result that an explorer saves; the functions below say what they draw."""
    draw: Callable[[Any], Iterator[Picture]] = _DRAWN_BY[type(result)]
    return draw(result)


def of_layer(
    result: FeatureMaps | Reconstruction,
    *,
    singles: bool = False,
    scale: Scale = "layer",
    plain: bool = False,
) -> Iterator[Picture]:
    """Draw a grid of all maps or projections of a layer for every image.

    Args:
        result: activations or a reconstruction.
        singles: also draw every channel alone. A channel of a single value (a unit of a dense layer) has no picture
            of its own, since the grid shows all of it.
        scale: 'layer' or 'map': see ``imaging.render``.
        plain: draw as tf_cnnvis did: activations in grey, nothing enlarged or cropped, square grids. Otherwise draw
            activations in colour, crop reconstructions to their visible part, and enlarge small pictures.
    """
    draw: Callable[[int], np.ndarray]
    kind: Kind
    channels: Sequence[int]
    if isinstance(result, FeatureMaps):
        draw = partial(render.activation_tiles, result, scale=scale, colours=not plain)
        kind, name, images = "activations", "activations", len(result.values)
        channels = range(result.values.shape[-1])
        text = {"Scale": scale, "Largest": f"{result.values.max(initial=0.0):.6g}"}
    else:
        draw = partial(render.reconstruction_tiles, result, scale=scale, crop=not plain)
        kind, name, images, channels = "reconstruction", result.rule, len(result.images), result.channels
        text = {"Scale": scale, "Seed": str(result.seed), "Coverage": str(result.coverage)}
        text["Precision"] = f"{result.precision} ({result.precision_reason})"
        if result.strategy_reason:
            text["Strategy"] = f"{result.strategy} ({result.strategy_reason})"
    for index in range(images):
        subject = _Subject(result.layer, kind, name, image=index if images > 1 else None)
        encode_tile = partial(_encoded, subject, text)
        yield from _grid_and_singles(draw(index), encode_tile, channels if singles else (), plain)


def _grid_and_singles(
    tiles: np.ndarray, encode_tile: Callable[..., Picture], channels: Sequence[int], plain: bool
) -> Iterator[Picture]:
    """A picture of all tiles, then one of each channel; parts of them are encoded in parallel."""
    cells = tiles.shape[1:3] == (1, 1)
    grid = enlarge(tiles, 1 if plain else magnification(tiles))
    grid = montage(grid, gap=0 if cells else 1, square=plain)
    if cells or not channels:
        yield encode_tile(grid)
        return
    factor = 1 if plain else magnification(tiles[:1], side=256, largest=16)

    def encoded(start: int) -> list[Picture]:
        part = slice(start, start + _TOGETHER)
        pairs = zip(tiles[part], channels[part], strict=True)
        return [encode_tile(enlarge(tile, factor), channel, str(channel)) for tile, channel in pairs]

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the encoder runs outside the interpreter's lock
        whole = pool.submit(encode_tile, grid)
        parts = pool.map(encoded, range(0, len(tiles), _TOGETHER))
        yield whole.result()
        for pictures in parts:
            yield from pictures


def of_dream(step: DreamStep) -> Iterator[Picture]:
    """Draw the picture of every class or channel, or of a whole layer, in the range of the network's input."""
    for place, (image, channel, name, score) in enumerate(
        zip(step.images, step.channels, step.names, step.scores, strict=True)
    ):
        text = {"Step": f"{step.index + 1} of {step.total}", "Score": f"{score:.6g}"}
        if step.recipe is not None:
            text[CHUNK] = json.dumps(_recipe_of_one(step.recipe, place))
        subject, pixels = _Subject(step.layer, "dream", "deepdream"), render.picture(image, step.value_range)
        whole_layer = name == step.layer.name
        drawn = _encoded(subject, text, pixels, *(() if whole_layer else (channel, _title(channel, name))))
        yield replace(drawn, number=1 + step.channels[:place].count(channel))


def of_attribution(result: Attribution, *, kind: Kind = "attribution") -> Iterator[Picture]:
    """Draw what speaks for each target, for every image: alone, not over the image."""
    for index, target, channel, title, place in _targets_of(result):
        colours = heat(attribution_values(result, index, target))
        text = {"Score": f"{result.scores[index, target]:.6g}", "Full colour": f"{colours.limit:.6g}"}
        text["Activation removed"] = result.activation_removed or "none"
        if result.maps is not None:
            text["Maps"] = result.maps.name
        if result.completeness_error is not None:
            text["Completeness error"] = f"{result.completeness_error[index, target]:.6g}"
        if result.coverage is not None:
            text["Coverage"] = str(result.coverage)
        subject = _Subject(result.layer, kind, result.method, image=index if len(result.images) > 1 else None)
        yield replace(_encoded(subject, text, colours.pixels, channel, title), place=place)


def of_attention(result: AttentionMaps) -> Iterator[Picture]:
    """Draw the weights of each head and their mean, for every image: alone, not over the image.

    The channel of a picture is the number of the head; the mean has none.
    """
    for index, heads in enumerate(result.weights):
        limit = float(heads.max(initial=0.0))
        several = len(heads) > 1
        maps = [(None, heads.mean(axis=0)), *(enumerate(heads) if several else ())]
        for head, values in maps:
            flat = values if values.ndim == 2 else values.reshape(1, -1)
            pixels = heat(flat, limit=limit, signed=False).pixels
            large = enlarge(pixels, magnification(pixels[np.newaxis], side=256, largest=32))
            text = {"Query": result.query_title, "Full colour": f"{limit:.6g}", "Attentions": ", ".join(result.layers)}
            if result.name:
                text["Class"] = result.name
            subject = _Subject(result.layer, "attention", result.method, index if len(result.weights) > 1 else None)
            yield _encoded(subject, text, large, *(() if head is None else (head, str(head))))


def of_occlusion(sweep: Occlusion) -> Iterator[Picture]:
    """Draw the fall of the score, and panels (b), (d) and (e) of figure 7 of Zeiler and Fergus."""
    yield from of_attribution(sweep.attribution, kind="occlusion")
    places = " x ".join(str(len(axis)) for axis in sweep.corners)
    text = {"Square": " x ".join(map(str, sweep.size)), "Places": places}
    scores = sweep.scores if sweep.probabilities is None else sweep.probabilities
    for index, target, channel, title, place in _targets_of(sweep.attribution):
        panels = {"probability": value_map(scores[index, target]), "best": class_map(sweep.best[index])}
        panel_text = text
        if sweep.maps is not None:
            panels["total"] = value_map(sweep.map_totals[index])
            panel_text = {**text, "Map": f"{sweep.map_channels[index]} of {sweep.maps.name}"}
        image = index if len(sweep.best) > 1 else None
        for name, pixels in panels.items():
            large = enlarge(pixels, magnification(pixels[np.newaxis], side=256))
            subject = _Subject(sweep.attribution.layer, "occlusion", f"occlusion_{name}", image)
            yield replace(_encoded(subject, panel_text, large, channel, title), place=place)


def of_wall(wall: MethodWall) -> Iterator[Picture]:
    """Draw the photo and, over it, what each method says of the class, with its figures below."""
    text = {METHODS[tile.method].title: ", ".join(wall_words(tile)[1:]) for tile in wall.tiles}
    subject, channel = _Subject(wall.head.scores, "wall", "method_wall"), int(wall.classes[0])
    yield _encoded(subject, text, whole_wall(wall), channel, _title(channel, wall.name))


def of_intervention(
    result: Intervention, channel: int, factor: float, region: Sequence[int], *, count: int = 5
) -> Picture:
    """Draw the predictions before and after a change to one map of an image, as bars of the first classes.

    Args:
        result: of one image.
        channel: the map that was multiplied.
        factor: by how much.
        region: where, as (top, left, height, width); () means everywhere.
        count: number of classes. They are the most probable ones before the change; the one that is most probable
            after it is always added.
    """
    numbers = [number for number, *_ in result.before.top(count)]
    numbers += [number for number, *_ in result.after.top(1) if number not in numbers]
    names = [result.after.names[number] for number in numbers]
    after, before = (
        [float(predictions.amounts[0, number]) for number in numbers] for predictions in (result.after, result.before)
    )
    text = {
        "Factor": f"{factor:g}",
        "Region": ", ".join(map(str, region)) or "everywhere",
        "Classes": json.dumps(dict(zip(map(str, numbers), zip(before, after, strict=True), strict=True))),
    }
    pixels = bar_chart(names, after, before, percent=result.after.probabilities is not None)
    return _encoded(_Subject(result.layer, "intervention", "intervention"), text, pixels, channel, str(channel))


def of_comparison(
    layer: Layer,
    channel: int,
    panels: Mapping[str, tuple[np.ndarray, str]],
    limit: float,
    *,
    signed: bool,
    colours: str,
) -> Iterator[Picture]:
    """Draw maps on one scale.

    Args:
        layer, channel: of panel A.
        panels: float (height, width) and a description, by name; zero is the middle of the colours in 'A-B'.
        limit: the value of full colour.
        signed: whether zero is the middle in the other panels, too.
        colours: of panels without negative values, a key of ``colormaps.COLOURS``.
    """
    for name, (values, description) in panels.items():
        pixels = heat(values, limit=limit, signed=signed or name == "A-B", table=COLOURS[colours]).pixels
        large = enlarge(pixels, magnification(pixels[np.newaxis], side=256, largest=16))
        text = {"Shows": description, "Full colour": f"{limit:.6g}"}
        subject = _Subject(layer, "comparison", f"comparison_{name}")
        yield _encoded(subject, text, large, channel, str(channel))


_DRAWN_BY: Mapping[type, Callable[[Any], Iterator[Picture]]] = {
    FeatureMaps: of_layer,
    Reconstruction: of_layer,
    Attribution: of_attribution,
    AttentionMaps: of_attention,
    Occlusion: of_occlusion,
    MethodWall: of_wall,
    DreamStep: of_dream,
}


@dataclass(frozen=True)
class _Subject:
    """What several pictures of one result have in common; see ``Picture``."""

    layer: Layer
    kind: Kind
    name: str
    image: int | None = None


def _encoded(
    subject: _Subject, text: Mapping[str, str], pixels: np.ndarray, channel: int | None = None, title: str = ""
) -> Picture:
    """Encode pixels, with text chunks that say what they show."""
    labels = {"Layer": subject.layer.name, "Method": subject.name}
    if subject.image is not None:
        labels["Image"] = str(subject.image)
    if channel is not None:
        labels["Channel"] = title
    height, width, depth = pixels.shape
    png = encode.png(pixels, {**labels, **text})
    return Picture(
        subject.layer, subject.kind, subject.name, subject.image, channel, title, png, (height, width, depth)
    )


def _targets_of(result: Attribution) -> Iterator[tuple[int, int, int, str, str]]:
    """Indices of image and target, channel, title, and where in the head, for every image and target."""
    places = result.places or ("",) * len(result.targets)
    for index, channels in enumerate(result.channels.tolist()):
        rows = zip(channels, result.targets, result.names, places, strict=True)
        for number, (channel, common, name, place) in enumerate(rows):
            own = str(channel) if common == -1 else name.removesuffix(place).rstrip()
            yield index, number, channel, f"{_title(channel, own)} {place}".rstrip(), place


def _title(channel: int, name: str) -> str:
    """The number in front of the name, because two classes of ImageNet are called 'crane'."""
    return name if name == str(channel) else f"{channel} {name}"


def _recipe_of_one(recipe: Mapping[str, Any], place: int) -> dict[str, Any]:
    """The recipe of one of several pictures. Each channel is dreamt alone, so the recipe leaves the others out."""
    channels, pictures = recipe["channels"], recipe["options"]["pictures"]
    if not isinstance(channels, list):
        return {**recipe, "picture": place}
    return {**recipe, "channels": channels[place // pictures], "picture": place % pictures}

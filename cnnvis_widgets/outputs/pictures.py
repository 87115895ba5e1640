"""Results into finished pictures, which go to PNG files, event files or both: drawn and encoded once."""

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
from ..imaging.grid import enlarge, magnification, montage
from ..imaging.heat import heat
from ..imaging.places import class_map, value_map
from ..imaging.render import Scale
from ..results import Attribution, DreamStep, FeatureMaps, Intervention, Layer, Occlusion, Reconstruction

CHUNK = "Recipe"
"""The text chunk of a dream's PNG file that says how it was made; see ``provenance``."""


_PANELS = ("occlusion_total", "occlusion_probability", "occlusion_best")
ATTRIBUTIONS = ("grad_cam", "guided_grad_cam", "integrated_gradients", "smooth_grad", "occlusion", *_PANELS)
"""Methods that are about a class."""


@dataclass(frozen=True)
class Picture:
    """One picture of a result and what it shows.

    Attributes:
        layer: the layer it is about.
        method: 'activations', 'deepdream', that of an attribution ('grad_cam', ...), a panel of an occlusion sweep
            ('occlusion_total', ...), 'intervention', a panel of a comparison ('comparison_A', ...), or the rule of a
            reconstruction ('deconvnet', ...).
        image: the index of the fed image; None if there was only one, or none.
        channel: the map or class shown; None for a grid of all of them, and for a dream of a whole layer.
        title: the channel's number and, if it has one, the class name; '' without a channel.
        png: the bytes of a PNG file, with text chunks that say what it shows.
        shape: (height, width, 1 or 3) of the picture.
    """

    layer: Layer
    method: str
    image: int | None
    channel: int | None
    title: str
    png: bytes
    shape: tuple[int, int, int]


def of_image(picture: Picture, image: int | None) -> Picture:
    """The same of the image of that index, which the file says; ``None`` where there is only one."""
    if image is None:
        return picture
    return replace(picture, image=image, png=encode.with_text(picture.png, {"Image": str(image)}))


def _picture(
    layer: Layer,
    method: str,
    pixels: np.ndarray,
    text: dict[str, str],
    *,
    image: int | None = None,
    channel: int | None = None,
    title: str = "",
) -> Picture:
    about = {"Layer": layer.name, "Method": method}
    if image is not None:
        about["Image"] = str(image)
    if channel is not None:
        about["Channel"] = title
    height, width, depth = pixels.shape
    png = encode.png(pixels, about | text)
    return Picture(layer, method, image, channel, title, png, (height, width, depth))


def of_layer(
    result: FeatureMaps | Reconstruction,
    *,
    each: bool = False,
    scale: Scale = "layer",
    plain: bool = False,
) -> Iterator[Picture]:
    """For every image a grid of all maps or projections of a layer; with ``each``, every one of them too.

    Args:
        result: activations or a reconstruction.
        each: also one picture per channel. Units that are single cells (a dense layer's
            activations) have none: the grid tells all there is to see.
        scale: 'layer' or 'map': see ``imaging.render``.
        plain: activations in grey, nothing enlarged or cut, grids square, as tf_cnnvis drew them;
            else activations in colour, reconstructions cut to windows around the part to be seen,
            and small ones enlarged.
    """
    draw: Callable[[int], np.ndarray]
    channels: Sequence[int]
    if isinstance(result, FeatureMaps):
        draw = partial(render.activation_tiles, result, scale=scale, colours=not plain)
        method, images, channels = "activations", len(result.values), range(result.values.shape[-1])
        text = {"Scale": scale, "Largest": f"{result.values.max(initial=0.0):.6g}"}
    else:
        draw = partial(render.reconstruction_tiles, result, scale=scale, crop=not plain)
        method, images, channels = result.rule, len(result.images), result.channels
        text = {"Scale": scale, "Seed": str(result.seed), "Coverage": str(result.coverage)}
        text["Precision"] = f"{result.precision} ({result.precision_reason})"
    for index in range(images):
        picture = partial(_picture, result.layer, method, text=text, image=index if images > 1 else None)
        tiles = draw(index)
        cells = tiles.shape[1:3] == (1, 1)
        grid = enlarge(tiles, 1 if plain else magnification(tiles))
        grid = montage(grid, gap=0 if cells else 1, square=plain)
        factor = 1 if plain else magnification(tiles[:1], side=256, largest=16)
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # the encoder leaves the interpreter to others
            whole = pool.submit(picture, grid)
            single = partial(_numbered, picture, factor)
            singles = pool.map(single, tiles, channels) if each and not cells else ()
            yield whole.result()
            yield from singles


def _numbered(picture: Callable[..., Picture], factor: int, tile: np.ndarray, channel: int) -> Picture:
    return picture(enlarge(tile, factor), channel=channel, title=str(channel))


def of_dream(step: DreamStep) -> Iterator[Picture]:
    """The picture of every class or channel, or of a whole layer, in the range of the network's input."""
    for place, (image, channel, name, score) in enumerate(
        zip(step.images, step.channels, step.names, step.scores, strict=True)
    ):
        pixels = render.picture(image, step.value_range)
        # the number stays in front of the name: ImageNet has two classes called 'crane'
        title = name if name == str(channel) else f"{channel} {name}"
        text = {"Step": f"{step.index + 1} of {step.total}", "Score": f"{score:.6g}"}
        if step.recipe is not None:
            text[CHUNK] = json.dumps(_alone(step.recipe, place))
        if name == step.layer.name:  # all of it
            yield _picture(step.layer, "deepdream", pixels, text)
        else:
            yield _picture(step.layer, "deepdream", pixels, text, channel=channel, title=title)


def of_attribution(result: Attribution) -> Iterator[Picture]:
    """What speaks for each target, for every image: alone, not over the image."""
    for index, target, title in _asked(result):
        shown = heat(result.images[index, target])
        text = {"Score": f"{result.scores[index, target]:.6g}", "Full colour": f"{shown.limit:.6g}"}
        text["Softmax"] = "removed" if result.softmax_removed else "none"
        if result.maps is not None:
            text["Maps"] = result.maps.name
        if result.completeness_error is not None:
            text["Completeness error"] = f"{result.completeness_error[index, target]:.6g}"
        if result.coverage is not None:
            text["Coverage"] = str(result.coverage)
        image, channel = index if len(result.images) > 1 else None, result.targets[target]
        yield _picture(result.layer, result.method, shown.pixels, text, image=image, channel=channel, title=title)


def of_occlusion(found: Occlusion) -> Iterator[Picture]:
    """The fall of the score, and panels (b), (d) and (e) of figure 7 of Zeiler and Fergus."""
    yield from of_attribution(found.attribution)
    text = {"Square": " x ".join(map(str, found.size)), "Places": " x ".join(str(len(each)) for each in found.corners)}
    chances = found.scores if found.probabilities is None else found.probabilities
    for index, target, title in _asked(found.attribution):
        panels = {"probability": value_map(chances[index, target]), "best": class_map(found.best[index])}
        about = text
        if found.maps is not None:
            panels["total"] = value_map(found.map_totals[index])
            about = {**text, "Map": f"{found.map_channels[index]} of {found.maps.name}"}
        image, channel = index if len(found.best) > 1 else None, found.attribution.targets[target]
        for name, pixels in panels.items():
            large = enlarge(pixels, magnification(pixels[np.newaxis], side=256))
            method = f"occlusion_{name}"
            layer = found.attribution.layer
            yield _picture(layer, method, large, about, image=image, channel=channel, title=title)


def of_intervention(
    found: Intervention, channel: int, factor: float, region: Sequence[int], *, count: int = 5
) -> Picture:
    """What the network says before and after a change to a map of an image, as bars of the first classes.

    Args:
        found: of one image.
        channel, factor, region: which map was multiplied by what, in (top, left, height, width) or, for (), everywhere.
        count: of the classes, the most probable ones before; the one that is most probable after is always there.
    """
    numbers = [number for number, *_ in found.before.top(count)]
    numbers += [number for number, *_ in found.after.top(1) if number not in numbers]
    names = [found.after.names[number] for number in numbers]
    both = found.after, found.before
    after, before = ([float(said.probabilities[0, number]) for number in numbers] for said in both)
    text = {
        "Factor": f"{factor:g}",
        "Region": ", ".join(map(str, region)) or "everywhere",
        "Classes": json.dumps(dict(zip(map(str, numbers), zip(before, after, strict=True), strict=True))),
    }
    pixels = bar_chart(names, after, before)
    return _picture(found.layer, "intervention", pixels, text, channel=channel, title=str(channel))


def of_comparison(
    layer: Layer, channel: int, panels: Mapping[str, tuple[np.ndarray, str]], limit: float, *, signed: bool
) -> Iterator[Picture]:
    """Maps on one scale.

    Args:
        layer, channel: of A.
        panels: float (height, width) and what it is, by name; 'A-B' is drawn with zero in the middle.
        limit: the value that has full colour.
        signed: whether the others are, too.
    """
    for name, (values, what) in panels.items():
        pixels = heat(values, limit=limit, signed=signed or name == "A-B").pixels
        large = enlarge(pixels, magnification(pixels[np.newaxis], side=256, largest=16))
        text = {"Shows": what, "Full colour": f"{limit:.6g}"}
        yield _picture(layer, f"comparison_{name}", large, text, channel=channel, title=str(channel))


def _asked(result: Attribution) -> Iterator[tuple[int, int, str]]:
    """Image, place and title of every target."""
    for index in range(len(result.images)):
        for place, (channel, name) in enumerate(zip(result.targets, result.names, strict=True)):
            yield index, place, name if name == str(channel) else f"{channel} {name}"


def _alone(recipe: Mapping[str, Any], place: int) -> dict[str, Any]:
    """The recipe of one of several pictures. Each channel is dreamt alone, so its company is left out."""
    channels, pictures = recipe["channels"], recipe["options"]["pictures"]
    if not isinstance(channels, list):
        return {**recipe, "picture": place}
    return {**recipe, "channels": channels[place // pictures], "picture": place % pictures}

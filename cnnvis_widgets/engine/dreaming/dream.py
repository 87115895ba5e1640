"""Deep dream: climb the activation of a channel, the score of a class, or any objective, by changing the image.

The image is grown through octaves, small to large. A photo is changed pixel by pixel, each step moving along the
gradient with every scale of detail at the same strength (``octaves``, ``pyramid``). From noise a spectrum with
decorrelated colours is climbed by Adam, under views that change with every step (``ascent``, ``transforms``).
Each picture has its own noise, and is computed alone or in a batch of a fixed number, so the picture of a class does
not depend on which others were asked for.

References:
    [1] A. Mordvintsev, C. Olah and M. Tyka, "Inceptionism: Going Deeper into Neural Networks", Google
        Research Blog, 2015, and the notebooks that came with it (octaves, jitter, tiles).
    [2] C. Olah, A. Mordvintsev and L. Schubert, "Feature Visualization", Distill, 2017,
        DOI 10.23915/distill.00007 (climb logits, not probabilities; spectra; views).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import ChannelError, FeedError, NumericalError
from ...results import DreamStep, Layer
from ..network.channels import channel_number, class_names
from ..network.feeds import Feeds
from ..network.loading import load
from ..network.network import Network
from ..runtime.resizing import resize
from . import objectives, recipes
from .bound_objectives import Goal, goal_of
from .controls import DreamControls
from .parameter_ascent import Ascent
from .parameterizations import Parameterization, fourier
from .pixel_ascent import PixelClimb
from .run import Batch, Run, batches_of
from .steering import octave_sizes
from .transforms import ROBUST, Transform

_LEAST_SPECTRUM = 64  # pictures smaller than this are changed pixel by pixel: a view of them hardly differs
_PHOTO, _NOISE = (4, 20), (4, 32)  # octaves and steps of each, by default


def dream(
    network: Any,
    feed: Any,
    layer: str | Layer | objectives.Objective | Sequence[objectives.Objective],
    channels: int | str | Sequence[int | str] | None = None,
    *,
    start: Any = None,
    seed: int = 0,
    octaves: int | None = None,
    octave_scale: float = 1.4,
    steps: int | None = None,
    step_size: float | None = None,
    laplacian_levels: int | None = None,
    parameterization: Parameterization | None = None,
    transform: Transform | None = None,
    views: int = 1,
    pictures: int = 1,
    together: int = 1,
    mask: Any = None,
    strength: float = 1.0,
    size: tuple[int, int] | None = None,
    value_range: tuple[Any, Any] | None = None,
    resume: DreamStep | None = None,
    controls: DreamControls | None = None,
) -> Iterator[DreamStep]:
    """Grow what a channel of a layer, a class, or an objective responds to.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: values for other inputs of the network (see ``load``), and the photo if ``start='feed'``.
        layer: any layer with a channel axis (a softmax is replaced by its logits; the step says so), or one or
            several ``objectives``, one picture for each.
        channels: channel numbers or class names, one or several, one picture for each; ``None`` for the whole
            layer, whatever in it is active.
        start: ``None`` for noise, 'feed' for the first fed image, a picture (uint8, path, file, PIL: it goes through
            the network's ``preprocess``), or a floating-point array in the range of the input, of any size.
        seed: of the noise and of the views; the same seed gives the same bytes.
        octaves: how many sizes the picture grows through, the last being ``size``; 4 by default.
        octave_scale: from one size to the next.
        steps: for each octave; 20 on a photo, 32 from noise.
        step_size: on pixels, how far a step moves, in 1/255 of the input range for a gradient of mean magnitude 1
            (1.5 by default); with a parameterization, the factor of its own rate (1 by default).
        laplacian_levels: pixels only: scales of detail that are brought to the same strength (4 by default); 0 for
            the plain gradient. From noise, giving it means to climb pixels.
        parameterization: what is climbed instead of pixels (``parameterizations``); by default ``fourier()`` from
            noise at 64 x 64 or more, and the pixels themselves on a photo.
        transform: with a parameterization, how views change from step to step (``transforms``); by default
            ``transforms.ROBUST``.
        views: with a parameterization, from how many views at once a step takes its gradient, the mean of all. It
            takes as many times longer. MACO was published with 32 crops a step.
        pictures: how many for each objective, for ``objectives.diversity``.
        together: how many channels go through the network in one batch. Four took 1.3 to 1.7 times less time a
            picture on two cores; every batch is filled up to this number, since rounding depends on it. So the same
            channel gives the same bytes in any company, but other ones for another ``together``.
        mask: on a photo: (height, width) in [0, 1], of any size; where it is 0 the photo stays as it is.
        strength: on a photo: how much of the dream is mixed into the pictures that are yielded, 0 to 1.
        size: (height, width) of the pictures; by default that of the photo, of the input, or 224 x 224.
        value_range: (darkest, brightest) of the input, scalars or one per channel; by default the network's.
        resume: a step of an earlier run to go on after; with the last step of an octave, exactly as if the run
            had never been interrupted. To undo an octave, resume from the end of the one before.
        controls: a handle by which another thread steers the run between its steps. What it was told is part of
            the recipe.

    Yields:
        ``DreamStep`` after each step, all channels together. ``images`` stay in the range of the input.

    Raises:
        LayerError, ChannelError, FeedError: no such layer, channel, class or start.
        GradientError: nothing flows from the layer to the image, or the channel is dead.
        NumericalError: NaN or infinity; the message names the step.
        ValueError: an option out of range, or one that means nothing here.

    Notes:
        Checks are made at the call, not at the first step.
    """
    network = load(network, feed)
    goals, ids, names = _goals(network, layer, channels)
    low, high = _range(network, value_range)
    begun = _start(network, start)
    if controls is not None and controls.strength is not None and begun is None:
        raise ValueError("Expected controls.strength on a photo only. Received: a dream from noise. Give a start.")
    photo = begun if begun is None or size is None else resize(begun, tuple(size))
    final = photo.shape[1:-1] if photo is not None else _size(network, size)
    if parameterization is None and photo is None and laplacian_levels is None:
        spectral = len(final) == 2 and min(final) >= _LEAST_SPECTRUM
        parameterization = fourier() if spectral else None
    usual = _PHOTO if parameterization is None else _NOISE
    octaves, steps = (given if given is not None else usual[i] for i, given in enumerate((octaves, steps)))
    if step_size is None:
        step_size = 1.5 if parameterization is None else 1.0
    _check_options(
        octaves=(octaves, 1),
        steps=(steps, 1),
        octave_scale=(octave_scale, 1),
        step_size=(step_size, 0),
        laplacian_levels=(laplacian_levels or 0, 0),
        pictures=(pictures, 1),
        together=(together, 1),
        strength=(strength, 0),
        views=(views, 1),
    )
    if together > 1 and (pictures > 1 or not _by_channel(layer, channels)):
        raise ValueError(
            f"Expected channels of a layer to compute together. Received: together={together} with objectives, a "
            "whole layer or several pictures of one. Leave it out: these are computed one after the other."
        )
    _check_combination(photo is None, parameterization, laplacian_levels, transform, mask, strength, final)
    if views > 1 and (parameterization is None or pictures > 1 or together > 1):
        raise ValueError(
            f"Expected several views of one picture at a time, with a parameterization. Received: views={views} on "
            f"pixels, or with pictures={pictures}, together={together}. Leave one of them out."
        )
    painted = None if mask is None else resize(np.asarray(mask, np.float32)[None, ..., None], final)
    climb: PixelClimb | Ascent
    if parameterization is None:
        levels = 4 if laplacian_levels is None else laplacian_levels
        climb = PixelClimb(network, low, high, levels, step_size, painted)
    else:
        climb = Ascent(network, parameterization, transform or ROBUST, low, high, step_size, views)
    options = {
        "seed": seed,
        "octaves": octaves,
        "octave_scale": octave_scale,
        "steps": steps,
        "step_size": step_size,
        "laplacian_levels": climb.levels if isinstance(climb, PixelClimb) else None,
        "parameterization": parameterization,
        "transform": transform,
        "views": views,
        "pictures": pictures,
        "together": together,
        "mask": mask,
        "strength": strength,
        "size": final,
        "value_range": (low, high),
    }
    recipe = _recipe(network, layer, channels, begun, resume, options)
    places = [place for place in range(len(goals)) for _ in range(pictures)]
    ids, names = tuple(ids[each] for each in places), tuple(names[each] for each in places)
    if together > 1:
        batches = batches_of(goals, ids, together)
    else:
        batches = [Batch(goal, (ids[place * pictures],), pictures) for place, goal in enumerate(goals)]
    run = Run(network, climb, batches, ids, names, photo, painted, strength, (low, high), recipe)
    return run.steps(octave_sizes(final, octaves, octave_scale), steps, seed, resume, controls)


def _by_channel(layer: Any, channels: Any) -> bool:
    return channels is not None and not isinstance(layer, objectives.Objective)


def _recipe(
    network: Network,
    layer: Any,
    channels: Any,
    photo: np.ndarray | None,
    resume: DreamStep | None,
    options: dict[str, Any],
) -> dict[str, Any]:
    """What it takes to make the same pictures again; the photo by its fingerprint alone, as it may be large."""
    return {
        "model": network.fingerprint(),
        "layer": recipes.encoded(layer),
        "channels": recipes.encoded(channels),
        "start": None if photo is None else recipes.fingerprint(photo),
        "resumed": resume is not None,
        "options": {name: recipes.encoded(value) for name, value in options.items()},
        "versions": {
            "cnnvis_widgets": version("cnnvis_widgets"),
            "tensorflow": tf.__version__,  # its package has other names, too, such as tensorflow-cpu
            "numpy": np.__version__,
        },
    }


def _goals(network: Network, layer: Any, channels: Any) -> tuple[list[Goal], tuple[int, ...], tuple[str, ...]]:
    """The goals, the number of each picture's channel (or its place), and its name."""
    others = _other_feeds(network)
    if isinstance(layer, objectives.Objective) or (
        isinstance(layer, list | tuple) and all(isinstance(each, objectives.Objective) for each in layer)
    ):
        if channels is not None:
            raise ChannelError("Expected no channels beside objectives. Received: both. Leave channels out.")
        wanted = [layer] if isinstance(layer, objectives.Objective) else list(layer)
        if not wanted:
            raise ChannelError("Expected at least one objective. Received: an empty list.")
        goals = [goal_of(network, each, others) for each in wanted]
        return goals, tuple(range(len(goals))), tuple(map(repr, wanted))
    given = network.layer(layer)
    target = network.runtime.structure.before_softmax(given)
    removed = target is not given
    if channels is None:
        goal = goal_of(network, objectives.layer(target), others, f"layer {target.name!r}")
        return [replace(goal, softmax_removed=removed)], (0,), (target.name,)
    asked: list[Any] = [channels] if np.isscalar(channels) else list(channels)
    if not asked:
        raise ChannelError("Expected at least one channel or class. Received: an empty list.")
    numbers = tuple(channel_number(network, target, each) for each in asked)
    goals = [
        replace(
            goal_of(network, objectives.channel(target, number), others, f"channel {number} of {target.name!r}"),
            softmax_removed=removed,
        )
        for number in numbers
    ]
    titles = class_names(network, target)
    return goals, numbers, tuple(titles[each] if titles else str(each) for each in numbers)


def _other_feeds(network: Network) -> Feeds:
    """What is fed beside the image; only its first row where there is one for each image."""
    if network.feed is None:
        return {}
    feeds = network.feeds(images=False)
    rows = np.zeros(network.runtime.batches.fixed_size or 1, int)
    chosen = network.runtime.batches.rows_of(feeds, rows)
    others = {tensor: array for tensor, array in chosen.items() if tensor != network.runtime.image_tensor}
    for tensor, array in others.items():
        if np.issubdtype(np.asarray(array).dtype, np.floating) and not np.isfinite(array).all():
            raise NumericalError(f"Expected finite values to feed. Received: NaN or infinity in {tensor!r}.")
    return others


def _range(network: Network, value_range: tuple[Any, Any] | None) -> tuple[np.ndarray, np.ndarray]:
    low, high = (np.asarray(each, np.float32) for each in value_range or network.value_range())
    if not np.all(low < high):
        raise ValueError(f"Expected value_range as (darkest, brightest). Received: value_range={value_range!r}.")
    return low, high


def _start(network: Network, start: Any) -> np.ndarray | None:
    """The photo to start from, float32 (1, height, width, channels), or ``None`` for noise."""
    if start is None:
        return None
    photo = (
        network.images()[:1]
        if isinstance(start, str) and start == "feed"
        else network.runtime.layout.photo(start, network.preprocess)
    )
    if not np.isfinite(photo).all():
        raise NumericalError("Expected a finite photo. Received: NaN or infinity in it. Check how it was made.")
    return photo


def _size(network: Network, size: tuple[int, int] | None) -> tuple[int, ...]:
    if size is not None:
        return tuple(size)
    fixed = network.runtime.layout.picture_shape[:-1]
    if None not in fixed:
        return tuple(side for side in fixed if side is not None)
    feeds = {} if network.feed is None else network.feeds(images=False)
    return network.images().shape[1:-1] if network.runtime.image_tensor in feeds else (224,) * len(fixed)


def _check_options(**options: tuple[float, float]) -> None:
    for name, (value, least) in options.items():
        if value < least:
            raise ValueError(f"Expected {name} of at least {least}. Received: {name}={value!r}.")


def _check_combination(
    noise: bool,
    parameterization: Parameterization | None,
    laplacian_levels: int | None,
    transform: Transform | None,
    mask: Any,
    strength: float,
    size: tuple[int, ...],
) -> None:
    """Nothing that is given is silently left out."""
    if not isinstance(parameterization, Parameterization | None):
        raise ValueError(
            "Expected a parameterization, as parameterizations.fourier() makes one. "
            f"Received: parameterization={parameterization!r}."
        )
    if not isinstance(transform, Transform | None):
        raise ValueError(f"Expected a transform, as transforms.jitter(8) makes one. Received: transform={transform!r}.")
    if parameterization is not None and laplacian_levels is not None:
        raise ValueError(
            "Expected laplacian_levels for pixels only. Received: it and a parameterization. Leave one of them out."
        )
    if parameterization is not None and len(size) != 2:
        raise FeedError(f"Expected pictures for a parameterization. Received: a network for inputs of size {size}.")
    if parameterization is None and transform is not None:
        raise ValueError(
            "Expected a transform beside a parameterization only. Received: one without. "
            "Pass parameterization=parameterizations.pixels() too."
        )
    if noise and (mask is not None or strength != 1):
        raise ValueError("Expected mask and strength on a photo only. Received: a dream from noise. Give a start.")
    if strength > 1:
        raise ValueError(f"Expected a strength from 0 to 1. Received: strength={strength!r}.")

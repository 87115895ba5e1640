"""Deep dream: change an image so that a channel, a class or any objective scores higher, step by step.

The picture grows through octaves, small to large. On a photo, every step moves the pixels along the gradient, with all
scales of detail at the same strength (``pixel_ascent``, ``laplacian``). From noise, Adam moves a spectrum with
decorrelated colours, under views that change from step to step (``parameter_ascent``, ``transforms``).

Each picture has its own noise. It is computed alone, or in a batch of a fixed number. So the picture of a class does
not depend on which other classes were requested.

References:
    [1] A. Mordvintsev, C. Olah and M. Tyka, "Inceptionism: Going Deeper into Neural Networks", Google
        Research Blog, 2015, and the notebooks that came with it (octaves, jitter, tiles).
    [2] C. Olah, A. Mordvintsev and L. Schubert, "Feature Visualization", Distill, 2017,
        DOI 10.23915/distill.00007 (logits in place of probabilities; spectra; views).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import tensorflow as tf

from ...arguments import checked
from ...errors import ChannelError, NumericalError, OptionError
from ...results import DreamStep, Head, Layer, Target
from ..graph.layers import elements_of
from ..network.channels import channel_number, channel_title
from ..network.feeds import Feeds
from ..network.loading import load
from ..network.network import Network
from ..network.pictures import photo_of
from ..network.targets import Targets, listed, number_of, title_of, weights_of
from ..runtime.resizing import resize
from . import objectives, recipes
from .bound_objectives import BoundObjective, bind
from .options import DreamOptions, ResolvedOptions, with_option_names
from .parameter_ascent import ParameterAscent
from .pixel_ascent import PixelAscent
from .run import Run, batches_of
from .steering import DreamControls, require_photo_for
from .transforms import robust

LayerOrObjectives = str | Layer | Head | objectives.Objective | Sequence[objectives.Objective] | None
"""What a dream is made for: a head, a layer, or one or several objectives; ``None`` for the main head."""

Channels = Targets
"""The targets of a head, or the channels of a layer; ``None`` for all of a layer."""


@checked
@with_option_names()
def dream(
    network: Any,
    feed: Any = None,
    layer: LayerOrObjectives = None,
    channels: Channels = None,
    *,
    resume: DreamStep | None = None,
    controls: DreamControls | None = None,
    **options: Any,
) -> Iterator[DreamStep]:
    """Make pictures that a channel of a layer, a class, or an objective responds to.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: values for other inputs of the network (see ``load``), and the photo if ``start='feed'``.
        layer: a head by its name, or any layer with a channel axis; ``None`` for the main head. Or one or several
            ``objectives``, one picture for each. The scores before a softmax or sigmoid take its place, and the step
            says so.
        channels: one or several, one picture for each: of a head, classes by number or name, or ``Target``; of a
            layer, numbers of channels. ``None`` dreams of a whole layer, whatever is active in it.
        resume: a step of an earlier run, after which this run goes on. From the last step of an octave it goes on
            exactly as if the run had never stopped. To undo an octave, resume from the end of the one before.
        controls: steers the run from another thread, between its steps. The recipe stores every change.
        options: see ``DreamOptions``: start, seed, octaves, octave_scale, steps, step_size, laplacian_levels,
            parameterization, transform, views, pictures, together, mask, strength, size, value_range,
            precision.

    Yields:
        ``DreamStep`` after each step, with all pictures. ``images`` are float32 (pictures, height, width, channels) in
        the range of the input.

    Raises:
        OptionError: an option is unknown, out of range, or has no meaning beside the others.
        LayerError, ChannelError, FeedError: no such layer, channel, class or start.
        GradientError: no gradient flows from the layer to the image, or the channel is dead.
        NumericalError: NaN or infinity appeared; the message names the step.

    Notes:
        The call itself makes all checks; it does not wait for the first step.

    Example:
        >>> import keras
        >>> from cnnvis_widgets import dream
        >>> keras.utils.set_random_seed(0)
        >>> model = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Conv2D(2, 3, name="conv")])
        >>> first, *_, last = dream(model, None, "conv", 1, octaves=1, steps=8, value_range=(0, 1))
        >>> last.images.shape, last.images.dtype
        ((1, 32, 32, 1), dtype('float32'))
        >>> bool(last.scores[0] > first.scores[0])
        True
    """
    checked = DreamOptions.of(options)
    return dream_with(load(network, feed), layer, channels, checked, resume=resume, controls=controls)


def dream_with(
    network: Network,
    layer: LayerOrObjectives,
    channels: Channels,
    options: DreamOptions,
    *,
    resume: DreamStep | None = None,
    controls: DreamControls | None = None,
) -> Iterator[DreamStep]:
    """``dream`` with options that were checked before."""
    target = _bound_target(network, layer, channels)
    if options.together > 1 and not target.by_channel:
        raise OptionError(
            f"Expected channels of a layer to compute together. Received: together={options.together} with objectives "
            "or a whole layer. Leave it out: these are computed one after the other."
        )
    photo = _photo(network, options.start)
    if photo is None and controls is not None:
        require_photo_for(controls.strength)
    recipe = _recipe(network, layer, channels, photo, resume)
    if photo is not None and options.size is not None:
        photo = resize(photo, options.size)
    resolved = options.resolved(network, None if photo is None else photo.shape[1:-1])
    mask = _mask(resolved)
    ascent = _ascent(network, resolved, mask)
    batches = batches_of(target.objectives, target.channels, target.names, resolved)
    run = Run(network, ascent, batches, photo, mask, resolved, recipe | {"options": resolved.to_dict()})
    return run.steps(resume, controls)


def _mask(options: ResolvedOptions) -> np.ndarray | None:
    """The mask at the final size, float32 (1, height, width, 1)."""
    return None if options.mask is None else resize(np.asarray(options.mask, np.float32)[None, ..., None], options.size)


def _ascent(network: Network, options: ResolvedOptions, mask: np.ndarray | None) -> PixelAscent | ParameterAscent:
    low, high = options.value_range
    if options.parameterization is None:
        return PixelAscent(network.runtime, low, high, options.laplacian_levels or 0, options.step_size, mask)
    return ParameterAscent(
        runtime=network.runtime,
        parameterization=options.parameterization,
        transform=options.transform or robust(options.size),
        low=low,
        high=high,
        step_size=options.step_size,
        views=options.views,
    )


def _recipe(
    network: Network, layer: Any, channels: Any, photo: np.ndarray | None, resume: DreamStep | None
) -> dict[str, Any]:
    """Which network, what for, from where, and by which versions. A photo may be large: its fingerprint is stored."""
    return {
        "model": network.fingerprint(),
        "layer": recipes.encoded(layer),
        "channels": recipes.encoded(channels),
        "start": None if photo is None else recipes.fingerprint(photo),
        "resumed": resume is not None,
        "versions": {
            "cnnvis_widgets": version("cnnvis_widgets"),
            "tensorflow": tf.__version__,  # its package has other names, too, such as tensorflow-cpu
            "numpy": np.__version__,
        },
    }


@dataclass(frozen=True, eq=False)
class _BoundTarget:
    """The target of a dream, bound to the network.

    Attributes:
        objectives: one for each channel or objective.
        channels: the number of each channel, or the place of each objective.
        names: of the channels or objectives.
        by_channel: whether all are channels of one layer.
    """

    objectives: list[BoundObjective]
    channels: tuple[int, ...]
    names: tuple[str, ...]
    by_channel: bool = False


def _bound_target(network: Network, target: LayerOrObjectives, channels: Channels) -> _BoundTarget:
    feeds = _other_feeds(network)
    if isinstance(target, objectives.Objective):
        return _of_objectives(network, [target], channels, feeds)
    if isinstance(target, list | tuple) and all(isinstance(item, objectives.Objective) for item in target):
        return _of_objectives(network, list(target), channels, feeds)
    head = _head(network, target)
    if head is not None and (channels is not None or target is None):
        return _of_head(network, head, channels, feeds)
    layer = network.layer(target.output if isinstance(target, Head) else target)  # type: ignore[arg-type]  # a list of other things raises LayerError there
    if channels is not None:
        return _of_channels(network, layer, channels, feeds)
    logits, _ = network.before_saturation(layer)
    objective = bind(network, objectives.layer(layer), feeds, f"layer {logits.name!r}")
    return _BoundTarget([objective], (0,), (logits.name,))


def _head(network: Network, target: LayerOrObjectives) -> Head | None:
    """The head that a person means, if it is one."""
    if isinstance(target, Head) or target is None:
        return network.head(target)
    return next((head for head in network.heads if isinstance(target, str) and head.name == target), None)


def _of_head(network: Network, head: Head, channels: Channels, feeds: Feeds) -> _BoundTarget:
    wanted = listed(channels)
    numbers = [number_of(head, target) for target in wanted]
    if None in numbers:
        raise ChannelError(
            f"Expected a class of head {head.name!r} to dream of. Received: channels={channels!r}. Give its number or "
            "name, or name a layer to dream of all of it."
        )
    known = tuple(number for number in numbers if number is not None)
    names = tuple(title_of(head, target, number) for target, number in zip(wanted, known, strict=True))
    noun = "value" if head.meaning == "values" else "class"
    bound = [
        bind(network, _objective(head, target, number), feeds, f"{noun} {number} of {head.name!r}")
        for target, number in zip(wanted, known, strict=True)
    ]
    plain = head.meaning != "yes or no" and all(target == Target(target.channel) for target in wanted)
    return _BoundTarget(bound, known, names, by_channel=plain)


def _objective(head: Head, target: Target, number: int) -> objectives.Objective:
    """The score of a target. A yes-or-no head has one score, whose negative speaks for no."""
    sizes = head.output.spatial_shape
    if None not in sizes:
        weights_of(head, target, [size for size in sizes if size is not None])  # only its check counts
    channel = 0 if head.meaning == "yes or no" else number
    layer = head.output if head.activation else head.scores  # the scores take its place when it is bound
    if target.region is not None:
        score = objectives.region(layer, channel, target.region)
    elif target.place is not None:
        score = objectives.unit(layer, channel, target.place)
    else:
        score = objectives.channel(layer, channel)
    return -score if head.meaning == "yes or no" and number == 0 else score


def _of_objectives(
    network: Network, wanted: list[objectives.Objective], channels: Channels, feeds: Feeds
) -> _BoundTarget:
    if channels is not None:
        raise ChannelError("Expected no channels beside objectives. Received: both. Leave channels out.")
    if not wanted:
        raise ChannelError("Expected at least one objective. Received: an empty list. Give one.")
    bound = [bind(network, objective, feeds) for objective in wanted]
    return _BoundTarget(bound, tuple(range(len(bound))), tuple(map(repr, wanted)))


def _of_channels(network: Network, layer: Layer, channels: Any, feeds: Feeds) -> _BoundTarget:
    elements = elements_of(channels)
    wanted: list[Any] = [channels] if elements is None else elements
    if not wanted:
        raise ChannelError(
            "Expected at least one channel or class. Received: an empty list. Give one, or None for all."
        )
    logits, _ = network.before_saturation(layer)
    numbers = tuple(channel_number(network, logits, channel) for channel in wanted)
    names = tuple(channel_title(network, logits, number) for number in numbers)
    bound = [
        bind(network, objectives.channel(layer, number), feeds, f"channel {number} of {logits.name!r}")
        for number in numbers
    ]
    return _BoundTarget(bound, numbers, names, by_channel=True)


def _other_feeds(network: Network) -> Feeds:
    """The feeds beside the image. Of a feed with a row for each image, the first row is taken."""
    if network.feed is None:
        return {}
    feeds = network.feeds(images=False)
    runtime = network.runtime
    rows = np.zeros(runtime.batches.fixed_size or 1, int)
    first_rows = runtime.batches.rows_of(feeds, rows)
    others = {tensor: array for tensor, array in first_rows.items() if tensor != runtime.image_tensor}
    for tensor, array in others.items():
        if np.issubdtype(np.asarray(array).dtype, np.floating) and not np.isfinite(array).all():
            raise NumericalError(
                f"Expected finite values to feed. Received: NaN or infinity in {tensor!r}. Check how it was made."
            )
    return others


def _photo(network: Network, start: Any) -> np.ndarray | None:
    """The photo to start from, float32 (1, height, width, channels), or ``None`` for noise."""
    if start is None:
        return None
    photo = start_photo(network, start)
    if not np.isfinite(photo).all():
        raise NumericalError("Expected a finite photo. Received: NaN or infinity in it. Check how it was made.")
    return photo


def start_photo(network: Network, start: Any) -> np.ndarray:
    """The photo that ``start`` means: 'feed', or a picture as ``dream`` takes it."""
    if isinstance(start, str) and start == "feed":
        return network.images()[:1]
    return photo_of(network.runtime.layout, start, network.preprocess)

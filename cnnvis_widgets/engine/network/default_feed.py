"""What a network is fed if nobody says so: packaged photographs, fitted to its input, or a random signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from ...imaging.conversion import with_channels
from ...imaging.cropping import centre_crop, fitted_picture
from ...imaging.photographs import Photos
from ..graph.graphdef import data_inputs, node_of, tensor_of
from .feeds import Feeds, Preprocess
from .input_layout import InputLayout, layout_of, usual_range
from .pictures import batch_of
from .runtime import Runtime

USUAL = ("chelsea",)
_SIDE = 224
"""Of photographs, in pixels, where the network leaves the size free."""
_LENGTH = 64
"""Of signals along an axis that the network leaves free."""
_MOST_CHANNELS = 16
"""Of an input that may be a picture; maps of features have more."""
_AFFINE = {"Add", "AddV2", "BiasAdd", "Cast", "FusedBatchNormV3", "Identity", "Mul", "RealDiv", "Sub"}
_USUAL_MOST = 4.0
"""The largest value behind the normalisation of an input, in standard deviations, that is usual."""


@dataclass(frozen=True)
class DefaultFeed:
    """A feed that the package chose.

    Attributes:
        feeds: arrays by tensor name.
        names: of the images.
        notice: what was chosen and how it was fitted, in sentences for the user.
    """

    feeds: Feeds
    names: tuple[str, ...]
    notice: str


def default_feed(runtime: Runtime, preprocess: Preprocess | None, photographs: Sequence[str] = USUAL) -> DefaultFeed:
    """Choose what to feed: photographs for an input of pictures, otherwise random numbers.

    Args:
        runtime: of the network.
        preprocess: what ``load`` was given; photographs go through it.
        photographs: the names of packaged ones, see ``imaging.photographs``.

    Raises:
        FeedError: ``preprocess`` does not take them.
    """
    layout, photos = runtime.layout, _is_picture(runtime.layout)
    names = tuple(photographs) if photos else ("random",)
    if photos:
        images, how = _photographs(runtime, layout, names, preprocess)
        what = (
            f"the packaged photographs {', '.join(names)}"
            if len(names) > 1
            else f"the packaged photograph {names[0]!r}"
        )
    else:
        images, how = _noise(layout, 1), "normally distributed with seed 0"
        what = f"random numbers of shape {images.shape[1:]}"
    others, filled = _others(runtime, len(images), preprocess)
    feeds = {runtime.image_tensor: runtime.fitted(runtime.image_tensor, images), **others}
    notice = f"No feed was given, so {what} {'are' if len(names) > 1 or not photos else 'is'} fed, {how}.{filled}"
    return DefaultFeed(feeds, names, f"{notice} Give your own: feed=...")


def default_range(runtime: Runtime) -> tuple[np.ndarray, np.ndarray]:
    """The range of an input that is fed nothing, or by ``default_feed``: (lowest, highest), float32 scalars."""
    if not _is_picture(runtime.layout):
        return usual_range(_noise(runtime.layout, 1))
    return range_from_graph(runtime) or usual_range(None)


def range_from_graph(runtime: Runtime) -> tuple[np.ndarray, np.ndarray] | None:
    """The range of the pictures that a network normalises itself, such as (0, 255) before a ``Rescaling`` layer.

    The ops right behind the input that only scale and shift tell it: they bring the values of pictures to a few
    standard deviations. ``None`` where there are none, or where their result is unusual.
    """
    tensor = _normalized(runtime)
    if tensor is None:
        return None
    shape = [size or 8 for size in runtime.layout.full_shape[1:]]
    ends = [
        runtime.run({runtime.image_tensor: _cast(np.full((1, *shape), value), runtime.layout)}, [tensor])[0]
        for value in (0, 1)
    ]
    zero, one = (end.astype(np.float64).ravel() for end in ends)
    slope, shift = float(np.median(np.abs(one - zero))), float(np.median(zero))
    direction = float(np.median(one - zero))
    if not (np.isfinite(zero).all() and np.isfinite(one).all()) or slope == 0:
        return None
    for white in (255, 1):
        values = (abs(shift), abs(shift + white * direction))
        if max(values) <= _USUAL_MOST and slope * white >= 0.5:
            return np.asarray(0, np.float32), np.asarray(white, np.float32)
    return usual_range(None) if slope == 1 and -200 < shift < -50 else None


def _normalized(runtime: Runtime) -> str | None:
    """The tensor behind the ops that scale and shift the input, or ``None`` without any."""
    structure, node = runtime.structure, node_of(runtime.image_tensor)
    changed = False
    while True:
        consumers = [name for name in structure.consumers.get(node, []) if structure.nodes[name].op != "Shape"]
        if len(set(consumers)) != 1 or (following := structure.nodes[consumers[0]]).op not in _AFFINE:
            return tensor_of(node) if changed else None
        if sum(node_of(name) in structure.varying for name in data_inputs(following)) != 1:
            return tensor_of(node) if changed else None
        node, changed = following.name, changed or following.op not in {"Cast", "Identity"}


def _is_picture(layout: InputLayout) -> bool:
    shape = layout.picture_shape
    return len(shape) == 3 and (shape[-1] is None or shape[-1] <= _MOST_CHANNELS)


def _photographs(
    runtime: Runtime, layout: InputLayout, names: Sequence[str], preprocess: Preprocess | None
) -> tuple[np.ndarray, str]:
    """Photographs as a batch of an input, and how they were fitted to it."""
    height, width, channels = layout.picture_shape
    photos = [Photos()[name] for name in names]
    if preprocess is not None:
        cropped = [centre_crop(photo, (width or _SIDE) / (height or _SIDE)) for photo in photos]
        return batch_of(layout, cropped, preprocess), "through preprocess"
    pixels = [fitted_picture(photo, height or _SIDE, width or _SIDE) for photo in photos]
    if channels not in (None, 3):
        pixels = [np.repeat(with_channels(photo, 1), channels, axis=-1) for photo in pixels]
    found = range_from_graph(runtime)
    low, high = found or (0, 255)
    images = low + np.stack(pixels).astype(np.float32) * ((high - low) / 255)
    known = "as the first layers want it" if found else "because the graph does not tell the range; see preprocess="
    known = f"as {layout.whole_numbers} suggests" if layout.whole_numbers and not found else known
    return layout.from_images(_cast(images, layout)), (
        f"cropped to {height or _SIDE} × {width or _SIDE}, with values from {low:g} to {high:g} {known}"
    )


def _noise(layout: InputLayout, count: int) -> np.ndarray:
    *lengths, channels = layout.full_shape[1:] or (None,)
    if layout.channels_first:
        channels, *lengths = layout.full_shape[1:]
    sizes = [size or _LENGTH for size in lengths]
    shape = (channels or 1, *sizes) if layout.channels_first else (*sizes, channels or (1 if lengths else _LENGTH))
    values = np.random.default_rng(0).standard_normal((count, *shape))
    return _cast(np.abs(values) if layout.whole_numbers else values, layout)


def _cast(values: np.ndarray, layout: InputLayout) -> np.ndarray:
    return (np.rint(values) if layout.whole_numbers else values).astype(layout.dtype.as_numpy_dtype)


def _others(runtime: Runtime, count: int, preprocess: Preprocess | None) -> tuple[Feeds, str]:
    """Values for the other inputs that have no default, and a sentence that names them."""
    feeds: Feeds = {}
    for tensor in runtime.frozen.inputs.values():
        dtype, shape = runtime.structure.shapes[tensor]
        node = runtime.structure.nodes[node_of(tensor)]
        if tensor == runtime.image_tensor or node.op != "Placeholder" or shape is None or dtype == tf.string:
            continue
        layout = layout_of(tensor, runtime.structure)
        if not shape:  # a probability to keep, or whether it is training
            feeds[tensor] = np.asarray(dtype.is_floating, dtype.as_numpy_dtype)
        elif dtype.is_floating:
            feeds[tensor] = runtime.fitted(tensor, _noise(layout, count))
        else:
            feeds[tensor] = np.zeros([count, *(size or 1 for size in shape[1:])], dtype.as_numpy_dtype)
    names = ", ".join(repr(tensor.removesuffix(":0")) for tensor in feeds)
    return feeds, f" Other inputs are filled with 1, 0 or random numbers: {names}." if feeds else ""

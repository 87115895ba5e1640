"""Images become batches of an input, by one rule for all calls.

Pictures are paths, contents of files, PIL images and uint8 arrays. They go through ``preprocess``; without it, they are
resized to the input and keep their values, 0 to 255. All other arrays are the network's own values, in the shape of the
input or as (height, width, channels), and never go through ``preprocess``. docs/design/0024-one-rule-for-feeds.md says
why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt, prod
from typing import Any

import numpy as np
from PIL import Image

from ...errors import FeedError, described, warn_of_feed
from ...imaging.conversion import with_channels
from ...imaging.reading import is_image_source, read_image
from .feeds import Preprocess, as_array
from .image_sources import items_of
from .input_layout import InputLayout

_Shape = tuple[int | None, ...]


def batch_of(layout: InputLayout, value: Any, preprocess: Preprocess | None, *, named: bool = False) -> np.ndarray:
    """Turn images in any spelling into a batch in the layout of an input. The caller checks its dtype.

    Files are decoded one at a time; only what the network takes of them is kept.

    Args:
        layout: of the input.
        value: images (see ``image_sources.items_of``).
        preprocess: what ``load`` was given.
        named: whether the value stood under the input's own name. Integers that already fit an input of integers are
            then its own values.

    Raises:
        FeedError: there are no images, they have several sizes, or do not fit. ImageError: one cannot be read.

    Warns:
        FeedWarning: values look like those of pictures that ``preprocess`` was meant for.
    """
    fitting = _Fitting(layout, preprocess, own_integers=named and bool(layout.whole_numbers))
    parts, values = list[np.ndarray](), list[np.ndarray]()
    for item in items_of(value):
        parts.append(fitting.batch(item))
        if preprocess is not None and not fitting.is_picture(item):
            values.append(parts[-1])
    if values and preprocess is not None:
        _warn_of_range(layout, values, preprocess)
    return _stacked(parts)


def photo_of(layout: InputLayout, image: Any, preprocess: Preprocess | None) -> np.ndarray:
    """One picture of any size as float32 (1, height, width, channels), by the same rule; it is not resized.

    Raises:
        FeedError: it is no picture, or does not have the channels of the input. ImageError: it cannot be read.

    Warns:
        FeedWarning: as ``batch_of``.
    """
    item = next(items_of(image), None)
    own = None
    if item is not None and not is_image_source(item) and (array := as_array(item)).dtype != np.uint8:
        own = fitted_to(layout, array)
    fitted = layout if own is not None else _of_any_size(layout)
    batch = batch_of(fitted, [] if item is None else item, preprocess)
    if not fits(batch.shape[1:], fitted.full_shape[1:]):
        raise FeedError(
            f"Expected a picture of shape {_written(fitted.picture_shape)}. Received: shape {batch.shape[1:]}. "
            "Give one picture with the channels of the input."
        )
    return fitted.to_images(batch[:1]).astype(np.float32, copy=False)


def fits(shape: Sequence[int], wanted: Sequence[int | None]) -> bool:
    """Whether an array's shape is that of an input, in which ``None`` is a free size."""
    return len(shape) == len(wanted) and all(size in (None, got) for size, got in zip(wanted, shape, strict=True))


def fitted_to(layout: InputLayout, array: np.ndarray) -> np.ndarray | None:
    """One image or several in the layout of an input, or ``None`` where they do not fit.

    The first of these counts: the shape of the input; (height, width, channels); the same without an axis for a single
    channel; for a flat input, as many values as it takes. Each may have an axis for images in front.
    """
    own, picture = layout.full_shape[1:], layout.picture_shape
    for axes in (array[None], array):
        if fits(axes.shape[1:], own):
            return axes
    for candidate in (array, array[..., None]) if picture and picture[-1] in (None, 1) else (array,):
        for axes in (candidate[None], candidate):
            if fits(axes.shape[1:], picture):
                return layout.from_images(axes)
    if len(own) == 1 and own[0]:
        for axes in (array[None], array):
            if axes.ndim > 1 and prod(axes.shape[1:]) == own[0]:
                return axes.reshape(len(axes), own[0])
    return None


def preprocessed_range(layout: InputLayout, preprocess: Preprocess) -> tuple[np.ndarray, np.ndarray]:
    """The values that ``preprocess`` gives to a black and to a white picture: two float32 arrays (channels,).

    Raises:
        FeedError: it raises an error, or its result does not fit the input.
    """
    fitting, size = _Fitting(layout, preprocess), _picture_size(layout)
    shape = layout.picture_shape if size is None else (*size, 3 if fitting.in_colour else layout.picture_shape[-1])
    sizes = [length or 32 for length in shape]
    ends = [layout.to_images(fitting.of_picture(np.full(sizes, value, np.uint8))) for value in (0, 255)]
    low, high = (end.reshape(-1, end.shape[-1]).mean(0).astype(np.float32) for end in ends)
    return low, high


@dataclass(frozen=True)
class _Fitting:
    """How single images and arrays become batches of one input."""

    layout: InputLayout
    preprocess: Preprocess | None
    own_integers: bool = False

    def is_picture(self, item: Any) -> bool:
        """Whether an item goes through ``preprocess``."""
        if is_image_source(item):
            return True
        array = as_array(item)
        return array.dtype == np.uint8 and not (self.own_integers and fitted_to(self.layout, array) is not None)

    def batch(self, item: Any) -> np.ndarray:
        """A batch in the layout of the input, of one image or array; an array that fits in no way, as it is."""
        if is_image_source(item):
            return self.of_picture(read_image(item, channels=3 if self.in_colour else None))
        array = as_array(item)
        own = fitted_to(self.layout, array)
        if self.is_picture(item) and not (own is not None and self.preprocess is None):
            return self._of_pictures(array, own)
        if own is not None:
            return own
        if self.preprocess is not None:
            return self._of_values(array)
        return array if array.ndim >= len(self.layout.full_shape) else array[None]

    @property
    def in_colour(self) -> bool:
        """Whether pictures are handed over in colour: to ``preprocess``, unless its network takes more channels."""
        shape = self.layout.picture_shape
        return self.preprocess is not None and (len(shape) != 3 or shape[-1] in (None, 1, 3))

    def _of_pictures(self, array: np.ndarray, own: np.ndarray | None) -> np.ndarray:
        """A batch from a uint8 array of one picture or several."""
        images = _pictures_in(array, self.layout) if own is None else self.layout.to_images(own)
        if not len(images):
            raise FeedError(f"Expected at least one image. Received: an array of shape {array.shape}.")
        return _stacked([self.of_picture(image) for image in images])

    def of_picture(self, pixels: np.ndarray) -> np.ndarray:
        """A batch of one image from uint8 (height, width, channels)."""
        is_picture = pixels.ndim == 3 and pixels.shape[-1] in _channels_of_pictures(self.layout)
        if self.preprocess is None:
            return self._resized(pixels) if is_picture else pixels[None]
        picture = with_channels(pixels, 3) if is_picture and self.in_colour and pixels.shape[-1] in (1, 4) else pixels
        result = self._called(picture)
        batch = fitted_to(self.layout, result)
        size = _picture_size(self.layout)
        if batch is None and is_picture and size and None not in size:
            height, width = size  # a function that changes values only, as those of keras.applications
            result = self._called(_scaled(picture, height or 1, width or 1))
            batch = fitted_to(self.layout, result)
        if batch is None or len(batch) != 1:
            raise FeedError(
                f"Expected preprocess to turn one picture into shape {_written(self.layout.full_shape[1:])}. Received: "
                f"shape {result.shape} from a uint8 picture of shape {picture.shape}. Correct the function."
            )
        return batch

    def _called(self, picture: np.ndarray) -> np.ndarray:
        assert self.preprocess is not None
        try:
            result = np.asarray(self.preprocess(np.array(picture)))  # a copy: some functions work in place
        except Exception as error:
            raise FeedError(
                f"Expected preprocess to take a picture, uint8 (height, width, 3). Received: shape {picture.shape}, "
                f"for which it raised {described(error)}"
            ) from error
        return as_array(result)

    def _resized(self, pixels: np.ndarray) -> np.ndarray:
        """The same picture in the channels and the size of the input, where it is a picture that has these."""
        size = _picture_size(self.layout)
        if size is None:
            return pixels[None]
        (height, width), shape = size, self.layout.picture_shape
        channels = shape[-1] if len(shape) == 3 else (shape[0] or 0) // ((height or 1) * (width or 1))
        if channels in (1, 3) and pixels.shape[-1] in (1, 3, 4):
            pixels = with_channels(pixels, channels)
        if height is not None and width is not None:
            pixels = _scaled(pixels, height, width)
        batch = fitted_to(self.layout, pixels)
        return pixels[None] if batch is None else batch

    def _of_values(self, array: np.ndarray) -> np.ndarray:
        """A batch from values that fit in no way: of pictures in floating point, which are named and preprocessed."""
        least, most = (float(array.min()), float(array.max())) if array.size else (0.0, -1.0)
        is_picture = len(self.layout.picture_shape) == 3 and (array.ndim == 2 or array.shape[-1] in (1, 3, 4))
        if not is_picture or not 0 <= least <= most <= 255:
            raise FeedError(
                f"Expected values of shape {_written((None, *self.layout.full_shape[1:]))} for input "
                f"{self.layout.tensor.removesuffix(':0')!r}. Received: shape {array.shape}, {array.dtype}, from "
                f"{least:g} to {most:g}. Only pictures go through preprocess: uint8 arrays, paths, PIL images."
            )
        scale = 255 if most <= 1 else 1
        warn_of_feed(
            f"Taken as pictures with values from 0 to {255 // scale}, and preprocessed: an array of {array.dtype} and "
            f"shape {array.shape}, which does not fit the input. Pass pictures as uint8."
        )
        return self._of_pictures(np.rint(array * scale).astype(np.uint8), None)


def _of_any_size(layout: InputLayout) -> InputLayout:
    """The layout with free sizes in place of those of the pictures; a flat input that is no picture stays."""
    if layout.folded is None and len(layout.full_shape) < 3:
        return layout
    *lengths, channels = layout.picture_shape
    free = [None] * len(lengths)
    shape = (None, channels, *free) if layout.channels_first else (None, *free, channels)
    return replace(layout, shape=shape, folded=None)


def _channels_of_pictures(layout: InputLayout) -> set[int | None]:
    return {1, 3, 4, *layout.picture_shape[-1:]}


def _pictures_in(array: np.ndarray, layout: InputLayout) -> Sequence[np.ndarray]:
    """The single pictures (height, width, channels) of a uint8 array that does not fit the input."""
    known = _channels_of_pictures(layout)
    if array.ndim == 4:
        return list(array)
    if array.ndim == 3 and array.shape[-1] in known:
        return [array]
    if layout.channels_first and array.ndim == 3 and array.shape[0] in known:
        return [np.moveaxis(array, 0, -1)]
    if array.ndim in (2, 3):
        return list(array[..., None]) if array.ndim == 3 else [array[..., None]]
    return list(array) if array.ndim > 4 else [array]


def _picture_size(layout: InputLayout) -> tuple[int | None, int | None] | None:
    """(height, width) of the pictures of an input; of a flat one, those of a square; ``None`` for other inputs."""
    shape = layout.picture_shape
    if len(shape) == 3:
        return shape[0], shape[1]
    if len(shape) != 1 or not shape[0]:
        return None
    for channels in (1, 3):
        side = isqrt(shape[0] // channels)
        if side > 1 and side * side * channels == shape[0]:
            return side, side
    return None


def _scaled(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """A uint8 picture (height, width, channels) of another size, bicubic."""
    if pixels.shape[:2] == (height, width):
        return pixels
    bands = [Image.fromarray(np.ascontiguousarray(band)) for band in np.moveaxis(pixels, -1, 0)]
    return np.stack([np.asarray(band.resize((width, height), Image.Resampling.BICUBIC)) for band in bands], -1)


def _stacked(parts: list[np.ndarray]) -> np.ndarray:
    """Batches as one. Each is released as soon as it is copied, so that no image is held twice."""
    if not parts or not sum(map(len, parts)):
        raise FeedError("Expected at least one image. Received: an empty list or data set, or an iterator at its end.")
    if len(parts) == 1:
        return parts[0]
    shapes = sorted({part.shape[1:] for part in parts}, key=str)
    if len(shapes) > 1:
        raise FeedError(f"Expected images of one size. Received: {shapes}. Resize them, or pass preprocess= to load.")
    whole = np.empty((sum(map(len, parts)), *shapes[0]), np.result_type(*parts))
    start = 0
    for index in range(len(parts)):
        whole[start : start + len(parts[index])] = parts[index]
        start += len(parts[index])
        parts[index] = parts[index][:0].copy()
    return whole


def _warn_of_range(layout: InputLayout, values: list[np.ndarray], preprocess: Preprocess) -> None:
    """Warn of values that look like pictures which ``preprocess`` has not seen."""
    values = [part for part in values if part.size]
    try:
        ends = preprocessed_range(layout, preprocess)
    except FeedError:  # the function does not take a synthetic picture
        return
    if not values:
        return
    low, high = float(np.min(ends)), float(np.max(ends))
    least, most = float(min(part.min() for part in values)), float(max(part.max() for part in values))
    bright = least >= 0 and 1.5 < most <= 255 and (most > 2 * high - low or (most > high and all(map(_whole, values))))
    dark = -1 <= least < most <= 1 and high - low > 50
    if bright or dark:
        warn_of_feed(
            f"Values from {least:g} to {most:g} are fed as they are, but preprocess gives values from {low:g} to "
            f"{high:g}. Arrays other than uint8 are the network's own values and do not go through preprocess. "
            "If these are pictures, pass them as uint8, from 0 to 255."
        )


def _whole(values: np.ndarray) -> bool:
    return bool(np.array_equal(values, np.rint(values)))


def _written(shape: Sequence[int | None]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"

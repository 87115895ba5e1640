"""Feeds: any spelling becomes arrays by tensor name, which are checked and cut to batches before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import FeedError, NotEnoughMemoryError, nearest, warn_of_feed
from ..graph.floating_inputs import whole_number_range
from ..graph.layers import Shapes

Preprocess = Callable[[np.ndarray], np.ndarray]
"""From a picture, uint8 (height, width, 3), to the array that the network expects."""

Feeds = dict[str, np.ndarray]
"""Arrays by tensor name, in the dtype and shape of the network's inputs."""

_IMAGES_PER_BATCH = 16  # where the graph leaves the batch size free


def as_array(value: Any) -> np.ndarray:
    """Turn one value of a feed into an array of numbers: arrays, tensors, lists, scalars.

    Raises:
        FeedError: the values are not numbers, or have several shapes.
    """
    try:
        array = np.asarray(value)
    except Exception as error:  # whatever the value's own conversion raises: symbolic tensors, ragged ones
        raise FeedError(f"Expected values of one shape. Received: {type(value).__name__}: {error}") from error
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise FeedError(f"Expected numbers. Received: {type(value).__name__} that becomes an array of {array.dtype}.")
    return array


def key_name(key: Any) -> str:
    """The name in a key of a feed: text, a tensor, an op or a KerasTensor.

    Raises:
        FeedError: the key is none of these.
    """
    name = key if isinstance(key, str) else getattr(key, "name", None)
    if not isinstance(name, str):
        raise FeedError(
            f"Expected tensors, ops or names as keys of the feed. Received: {key!r} of type {type(key).__name__}."
        )
    return name.removeprefix("^")


def tensor_named(name: str, tensors: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """The full name of a tensor.

    Args:
        name: of an input, or 'op', or 'op:0'.
        tensors: all tensors of the network, by full name.
        inputs: the full names of the inputs, by the names that people use.

    Raises:
        FeedError: there is no such tensor. The error gives the nearest names.
    """
    named_inputs = [inputs[key] for key in (name, name.removesuffix(":0")) if key in inputs]
    for candidate in (*named_inputs, name, f"{name}:0"):
        if candidate in tensors:
            return candidate
    known = [*inputs, *(tensor.removesuffix(":0") for tensor in tensors)]
    raise FeedError(f"Expected the name of a tensor of the network. Received: {name!r}. {nearest(name, known)}")


def is_bare_list(feed: Any, inputs: int) -> bool:
    """Whether a list holds one value for each of several inputs, rather than several images."""
    return isinstance(feed, list | tuple) and inputs > 1 and len(feed) == inputs


def cast_to(array: np.ndarray, dtype: tf.DType, shape: tuple[int | None, ...] | None, name: str) -> np.ndarray:
    """Convert an array to the dtype of an input, after a check of its shape. A missing image axis is added.

    Args:
        array: the array.
        dtype, shape: of the input; ``None`` for an unknown shape or a free size.
        name: of the input, for errors.

    Raises:
        FeedError: the shape does not fit, or fractions would be lost.
    """
    if shape is not None and len(shape) == array.ndim + 1 and array.ndim >= 1:
        array = array[None]  # one image, without its batch axis
    fits = shape is None or (
        len(shape) == array.ndim
        and all(wanted in (None, got) for wanted, got in zip(shape[1:], array.shape[1:], strict=True))
    )
    if not fits:
        wanted = "(" + ", ".join("any" if size is None else str(size) for size in shape or ()) + ")"
        raise FeedError(
            f"Expected a feed of shape {wanted} for input {name!r}. Received: shape {array.shape}. "
            "Resize the images, or pass preprocess= to load."
        )
    target = dtype.as_numpy_dtype
    converted = array.astype(target)
    if not dtype.is_floating and array.dtype.kind == "f" and not np.array_equal(converted, array):
        raise FeedError(
            f"Expected {dtype.name} values for input {name!r}. Received: {array.dtype} values with fractions or out "
            f"of range ({array.min():g} to {array.max():g})."
        )
    return converted


def require_whole_numbers(array: np.ndarray, dtype: str, name: str) -> None:
    """Check what a person feeds to an input that takes whole numbers in the model, and float32 in the frozen graph.

    Fractions are accepted where the values clearly are those of the input, as those of a resized picture or a dream.

    Args:
        array: in the dtype of the frozen graph.
        dtype: of the input in the model.
        name: of the input, for errors.

    Raises:
        FeedError: values lie out of its range, or between 0 and 1.
    """
    if not array.size:
        return
    low, high = whole_number_range(dtype)
    least, most = float(array.min()), float(array.max())
    if least < low or most > high or (0 <= least <= most <= 1 and not np.array_equal(array, np.rint(array))):
        raise FeedError(
            f"Expected {dtype} values for input {name!r}. Received: {array.dtype} values from {least:g} to {most:g}. "
            "Feed the values that the model takes: pictures from 0 to 255."
        )


class Batches:
    """Cuts the feeds of one network to batches.

    Args:
        shapes: dtype and shape of every tensor of the graph.
        image: the tensor that takes the images.
    """

    def __init__(self, shapes: Shapes, image: str) -> None:
        self._shapes, self._image = shapes, image

    @property
    def fixed_size(self) -> int | None:
        """The number of images that the graph insists on, or ``None``."""
        shape = self._shapes[self._image][1]
        return shape[0] if shape else None

    def signature(self, feeds: Iterable[str]) -> list[tf.TensorSpec]:
        """What a compiled function takes for these feeds. Sizes that the graph leaves free stay free."""
        return [tf.TensorSpec(self._shapes[tensor][1], self._shapes[tensor][0]) for tensor in feeds]

    def signature_for_one(self, feeds: Feeds) -> list[tf.TensorSpec]:
        """The same for a feed of one image: with its own sizes, but a free image axis."""

        def size(tensor: str, array: np.ndarray) -> list[int | None]:
            shape = self._shapes[tensor][1]
            images = array.ndim > 0 and len(array) == 1 and (shape is None or shape[:1] in ((None,), (1,)))
            free = tensor == self._image or images
            return [None, *array.shape[1:]] if free else list(array.shape)

        return [tf.TensorSpec(size(tensor, array), self._shapes[tensor][0]) for tensor, array in feeds.items()]

    def chunks(self, feeds: Feeds, *, together: bool = False) -> Iterator[tuple[Feeds, int]]:
        """Cut the feeds to a few images at a time, or leave them together where the batch may have any size.

        Yields:
            The feeds of one batch, and how many of its images count: a batch of fixed size is filled up.
        """
        images, fixed = len(feeds[self._image]), self.fixed_size
        size = fixed or (images if together else _IMAGES_PER_BATCH)
        for start in range(0, images, size):
            count = min(size, images - start)
            yield self.rows_of(feeds, np.arange(start, start + (fixed or count)) % images), count

    def rows_of(self, feeds: Feeds, rows: np.ndarray) -> Feeds:
        """The feeds of chosen images. An array without a value for each image (a keep_prob) stays as it is."""
        images = len(feeds.get(self._image, [None]))

        def chosen(tensor: str, array: np.ndarray) -> np.ndarray:
            shape = self._shapes[tensor][1]
            batched = shape is None or shape[:1] in ((None,), (self.fixed_size,))
            return array[rows] if array.ndim > 0 and len(array) == images and batched else array

        return {tensor: chosen(tensor, array) for tensor, array in feeds.items()}

    def in_halves(
        self, feeds: Feeds, run: Callable[..., list[np.ndarray]], *, whole: bool
    ) -> Iterator[list[np.ndarray]]:
        """Run a batch, or its halves one after the other where memory is too short for all of it, and so on.

        Args:
            feeds: of the batch.
            run: takes the arrays of the feeds; its results have the images in front.
            whole: whether the results depend on which images are in the batch, so that it cannot be cut.

        Yields:
            The results of the parts, in order.

        Raises:
            NotEnoughMemoryError: memory is too short for one image.

        Warns:
            FeedWarning: the batch was cut.
        """
        images = len(feeds[self._image]) if feeds[self._image].ndim else 1
        try:
            results = run(*feeds.values())
        except NotEnoughMemoryError:
            if images < 2 or whole or self.fixed_size is not None:
                raise
        else:
            yield results
            return
        half = images // 2
        warn_of_feed(f"Memory is too short for {images} images at once, so they are computed {half} at a time.")
        for rows in (np.arange(half), np.arange(half, images)):
            yield from self.in_halves(self.rows_of(feeds, rows), run, whole=False)

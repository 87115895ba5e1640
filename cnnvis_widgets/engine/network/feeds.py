"""Feeds: any spelling becomes arrays by tensor name, which are checked and cut to batches before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from ...errors import FeedError, nearest
from ...imaging.conversion import with_channels
from ...imaging.reading import is_image_source, pixels_if_image
from ..graph.layers import Shapes

Preprocess = Callable[[np.ndarray], np.ndarray]
"""From a picture, uint8 (height, width, channels), to the array that the network expects."""

Feeds = dict[str, np.ndarray]
"""Arrays by tensor name, in the dtype and shape of the network's inputs."""

_IMAGES_PER_BATCH = 16  # where the graph leaves the batch size free


def as_array(value: Any) -> np.ndarray:
    """Turn one value of a feed into an array: arrays, tensors, lists, scalars, images, lists of images.

    Images are paths, contents of files, binary files and PIL images; grey ones become (height, width).

    Raises:
        FeedError: the values are not numbers, or have several shapes. ImageError: an image cannot be read.
    """
    value = [_flat(item) for item in value] if isinstance(value, list | tuple) else _flat(value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise FeedError(f"Expected values of one shape. Received: {type(value).__name__}: {error}") from error
    if array.dtype == object or array.dtype.kind in "US":
        raise FeedError(f"Expected numbers. Received: {type(value).__name__} that becomes an array of {array.dtype}.")
    return array


def _flat(value: Any) -> Any:
    """An image as uint8 pixels, without a channel axis if it is grey; any other value as it is."""
    pixels = pixels_if_image(value)
    return pixels[..., 0] if is_image_source(value) and pixels.shape[-1] == 1 else pixels


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


def pictures_to_batch(value: Any, picture: tuple[int | None, ...], preprocess: Preprocess | None) -> np.ndarray:
    """Turn bare images into a batch of pictures (images, height, width, channels), as the network expects them.

    Args:
        value: one image or several: arrays, paths, contents of image files, binary files, PIL images.
        picture: (height, width, channels) of the input, ``None`` where free.
        preprocess: is applied to each image. Without it, uint8 pictures are resized to the input.

    Raises:
        FeedError: there are no images, or they have several sizes. ImageError: an image cannot be read.
    """
    value = pixels_if_image(value)
    if isinstance(value, list | tuple):
        value = [pixels_if_image(item) for item in value]
    if isinstance(value, list) and not (value and np.isscalar(value[0])):
        arrays = [np.asarray(item) for item in value]
        images = [image for array in arrays for image in (array if array.ndim > len(picture) else [array])]
    else:
        array = as_array(value)
        images = list(array) if array.ndim > len(picture) else [array]
    if not images:
        raise FeedError("Expected at least one image. Received: an empty list.")
    prepared = [_prepared(image, picture, preprocess) for image in images]
    if len({image.shape for image in prepared}) > 1:
        raise FeedError(
            f"Expected images of one size. Received: {sorted({image.shape for image in prepared})}. "
            "Resize them, or pass preprocess= to load."
        )
    return np.stack(prepared)


def _prepared(image: np.ndarray, picture: tuple[int | None, ...], preprocess: Preprocess | None) -> np.ndarray:
    if len(picture) == 3 and image.dtype == np.uint8:
        image = _with_channels(image, picture[-1])
    elif image.ndim == len(picture) - 1:
        image = image[..., None]
    if preprocess is not None:
        return np.asarray(preprocess(image))
    height, width = picture[:2] if len(picture) == 3 else (None, None)
    if image.dtype == np.uint8 and height is not None and width is not None:
        return _resized(image, height, width)
    return image


def _with_channels(image: np.ndarray, channels: int | None) -> np.ndarray:
    """Convert a uint8 picture to the channels of the network, between grey, colour, and colour with transparency."""
    flat = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    have = 1 if flat.ndim == 2 else flat.shape[-1]
    if channels in (None, have) or channels not in (1, 3) or have not in (1, 3, 4):
        return flat[..., None] if flat.ndim == 2 else flat
    return with_channels(flat, channels)


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    if image.shape[:2] == (height, width) or image.shape[-1] not in (1, 3):
        return image
    flat = image[..., 0] if image.shape[-1] == 1 else image
    resized = np.asarray(Image.fromarray(flat).resize((width, height), Image.Resampling.BICUBIC))
    return resized.reshape(height, width, image.shape[-1])


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

    def chunks(self, feeds: Feeds) -> Iterator[tuple[Feeds, int]]:
        """Cut the feeds to a few images at a time.

        Yields:
            The feeds of one batch, and how many of its images count: a batch of fixed size is filled up.
        """
        images, fixed = len(feeds[self._image]), self.fixed_size
        size = fixed or _IMAGES_PER_BATCH
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

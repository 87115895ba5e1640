"""The input that takes the images: how pictures become what it takes, and what it takes become pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ...imaging.reading import pixels_if_image
from .feeds import Preprocess, pictures_to_batch
from .input_layout import ImageView


@dataclass(frozen=True)
class ImageInput:
    """One input of a network and the way in which it holds pictures.

    Attributes:
        tensor: its full name.
        dtype, shape: of the tensor, ``None`` for a shape or sizes that the network leaves free.
        view: whether it has its channels first, or pictures as flat vectors.
    """

    tensor: str
    dtype: tf.DType
    shape: tuple[int | None, ...] | None
    view: ImageView

    @property
    def picture_shape(self) -> tuple[int | None, ...]:
        """(height, width, channels) of one picture, ``None`` where a size is free."""
        return self.view.picture_shape(self.shape or (None,) * 4)

    def batch(self, images: Any, preprocess: Preprocess | None) -> np.ndarray:
        """Pictures in any spelling in the layout of the input; dtype and sizes are yet to be checked."""
        shape, folded = self.shape or (None,) * 4, self.view.folded
        if folded is not None and isinstance(images, np.ndarray) and images.shape[1 - len(shape) :] == shape[1:]:
            return images  # flat, as the network takes them
        return self.laid_out(pictures_to_batch(images, self.picture_shape, preprocess))

    def laid_out(self, batch: np.ndarray) -> np.ndarray:
        """Pictures (images, height, width, channels) in the layout of the input; nothing is preprocessed."""
        if self.view.folded is not None:
            sizes = (self.shape or (None,) * 4)[1:]
            return batch.reshape(len(batch), *(-1 if size is None else size for size in sizes))
        return np.moveaxis(batch, -1, 1) if self.view.channels_first else batch

    def photo(self, image: Any, preprocess: Preprocess | None) -> np.ndarray:
        """One picture of any size, float32 (1, height, width, channels), in the range of the input."""
        shape = self.picture_shape
        array = pixels_if_image(image)
        if isinstance(array, np.ndarray) and array.dtype.kind == "f":
            return pictures_to_batch(array, shape, None)[:1].astype(np.float32, copy=False)
        free = (*(None for _ in shape[:-1]), shape[-1])
        return pictures_to_batch(array, free, preprocess)[:1].astype(np.float32, copy=False)

    def range_of(self, preprocess: Preprocess) -> tuple[np.ndarray, np.ndarray]:
        """What ``preprocess`` makes of black and of white: one value for each channel."""
        sizes = [32 if size is None else size for size in self.picture_shape]
        sizes[-1] = 3 if self.picture_shape[-1] is None else sizes[-1]
        ends = [np.asarray(preprocess(np.full(sizes, value, np.uint8))) for value in (0, 255)]
        low, high = (end.reshape(-1, end.shape[-1]).mean(0).astype(np.float32) for end in ends)
        return low, high

    def to_input(self, images: tf.Tensor) -> tf.Tensor:
        """Channels-last pictures -> the tensor that the input takes, inside a compiled function."""
        return tf.cast(self.view.fed(images, self.shape or ()), self.dtype)


def usual_range(images: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The usual range that images fit in: [0, 1], [-1, 1] or [0, 255], else their own; [0, 255] without images."""
    if images is None:
        return np.float32(0), np.float32(255)
    least, most = float(images.min()), float(images.max())
    for low, high in ((0, 1), (-1, 1), (0, 255)):
        if low <= least and most <= high:
            return np.float32(low), np.float32(high)
    return np.float32(least), np.float32(most)

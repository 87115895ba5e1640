"""Layers of a network, and the activations that they compute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .notebook import Shown

FAMILIES = {"r": "activation functions", "p": "pooling", "c": "convolutions", "": "other layers"}
"""The short names of layer families that ``Network.select`` takes, and their titles."""


@dataclass(frozen=True)
class TensorInfo:
    """A named input or output of a network.

    ``name`` is the tensor's name without a trailing ``:0``; ``dtype`` its NumPy name; ``shape``
    has ``None`` where a size is free, and is ``None`` itself if even the rank is unknown.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Layer:
    """One named op of a network, with a floating-point output.

    Attributes:
        name: the op's name, unique in the network.
        kind: 'convolution', 'relu', 'max_pool', 'dense', 'softmax', 'add', ...
        family: 'r', 'p', 'c', or '' (see ``FAMILIES``).
        shape: of the output, batch first, ``None`` where free.
        channel_axis: the axis of the channels in ``shape`` (1 in NCHW graphs).
        keras_name: the Keras layer it belongs to, if the model came from Keras.
        tensor: the full tensor name, such as 'conv1/Relu:0'.
    """

    name: str
    kind: str
    family: str
    shape: tuple[int | None, ...]
    channel_axis: int
    keras_name: str | None = None
    tensor: str = ""

    @property
    def channels(self) -> int | None:
        """The number of channels: of feature maps, or of values of a dense layer."""
        return self.shape[self.channel_axis]

    @property
    def spatial_shape(self) -> tuple[int | None, ...]:
        """(height, width) for images, (length,) for signals, () for dense layers."""
        return tuple(size for axis, size in enumerate(self.shape) if axis not in (0, self.channel_axis))

    @property
    def label(self) -> str:
        """A line for a menu: name, kind, and shape as 'height x width x channels'."""
        sizes = [*self.spatial_shape, self.channels]
        shape = " × ".join("?" if size is None else str(size) for size in sizes)
        return f"{self.name} · {self.kind.replace('_', ' ')} · {shape}"


@dataclass(frozen=True, eq=False, repr=False)
class FeatureMaps(Shown):
    """The activations of one layer.

    ``values`` is float32 (images, height, width, channels), channels last even where the network
    keeps them first; (images, length, channels) for signals, (images, depth, height, width,
    channels) for volumes, (images, units) for dense layers.
    """

    main_array: ClassVar[str] = "values"

    layer: Layer
    values: np.ndarray

    @property
    def strengths(self) -> np.ndarray:
        """The largest activation of every map, float32 (images, channels)."""
        spatial = tuple(range(1, self.values.ndim - 1))
        return self.values.max(axis=spatial) if spatial else self.values

    def _rows(self) -> Iterator[dict[str, Any]]:
        for image, channel in np.ndindex(self.strengths.shape):
            yield {"image": image, "channel": channel, "largest": float(self.strengths[image, channel])}

"""Every layer at a glance: one small picture of what each sees of one image, from one forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import CnnvisError, OptionError
from ..results import Layer
from .graph.nonfinite import is_finite
from .network.channels import channels_last
from .network.feeds import Feeds
from .network.network import Network

KINDS = "mean", "strongest"
"""What can stand for a layer."""

CLEAR = 0.3
"""A map whose peak is below this fraction of the layer's peak does not stand for the layer, however clear it is."""


def overview(
    network: Network,
    feed: Any,
    layers: Sequence[Layer],
    *,
    kind: str = "mean",
    replaced: Mapping[str, np.ndarray] | None = None,
) -> list[np.ndarray | None]:
    """Compute one map for each layer.

    Args:
        network: the network.
        feed: of one image; see ``load``.
        layers: of the network.
        kind: 'mean' for the mean over channels, or 'strongest' for the map that stands out most; see ``one_map``.
        replaced: other values for some layers, by name, float32 (1, height, width, channels). The layers behind them
            follow, as after an intervention.

    Returns:
        For each layer float32 (height, width), (length,) for signals, (units,) for dense layers. ``None`` where it
        cannot be computed, or holds NaN or infinity.

    Raises:
        FeedError: the feed does not fit.
        OptionError: an unknown kind.

    Example:
        >>> from cnnvis_widgets import demo, load
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:1])
        >>> [picture.shape for picture in overview(network, None, network.select("r"))]
        [(32, 32), (16, 16), (8, 8)]
    """
    if kind not in KINDS:
        raise OptionError(f"Expected kind 'mean' or 'strongest'. Received: kind={kind!r}. Choose one of the two.")
    replaced = replaced or {}
    feeds = dict(network.feeds(feed))
    for name, values in replaced.items():
        layer = network.layer(name)
        feeds[layer.tensor] = np.moveaxis(values, -1, layer.channel_axis)
    computed = [layer for layer in layers if layer.name not in replaced]
    by_name = dict(zip([layer.name for layer in computed], _values(network, feeds, computed), strict=True))
    arrays = [replaced.get(layer.name, by_name.get(layer.name)) for layer in layers]
    return [None if array is None or not is_finite(array) else one_map(array[0], kind) for array in arrays]


def _values(network: Network, feeds: Feeds, layers: Sequence[Layer]) -> list[np.ndarray | None]:
    """The values of layers, channels last; where they cannot be computed together, each alone."""
    try:
        values = network.runtime.run(feeds, [layer.tensor for layer in layers]) if layers else []
    except CnnvisError:
        if len(layers) == 1:
            return [None]
        return [value for layer in layers for value in _values(network, feeds, [layer])]
    return [channels_last(array, layer) for array, layer in zip(values, layers, strict=True)]


def one_map(values: np.ndarray, kind: str = "mean") -> np.ndarray:
    """Reduce the maps of a layer to one.

    The mean over channels shows where the layer as a whole fires. Where a layer has negative values, they would cancel
    positive ones, so the root of the mean square is taken. 'strongest' takes the channel with the largest standard
    deviation in proportion to its peak, among the channels whose peak is above ``CLEAR`` of the layer's peak: it shows
    a figure and not a plane. A volume is averaged over its depth. A dense layer is returned as it is.

    Args:
        values: float32 (height, width, channels), (length, channels), (depth, height, width, channels) or (units,).
        kind: one of ``KINDS``.

    Returns:
        float32 (height, width), (length,) or (units,).

    Example:
        >>> one_map(np.array([[[6.0, -8.0, 0.0, 0.0]]], np.float32)).tolist(), one_map(np.ones((2, 2, 4))).tolist()
        ([[5.0]], [[1.0, 1.0], [1.0, 1.0]])
    """
    if values.ndim == 1:
        return values.astype(np.float32)
    if kind == "strongest":
        reduced = np.abs(values[..., _clearest(values)])
    elif values.min(initial=0.0) < 0:
        reduced = np.sqrt(np.mean(np.square(values, dtype=np.float32), axis=-1))
    else:
        reduced = values.mean(axis=-1)
    while reduced.ndim > 2:
        reduced = reduced.mean(axis=0)
    return reduced.astype(np.float32)


def _clearest(values: np.ndarray) -> int:
    """The number of the channel that stands for a layer."""
    flat = np.abs(values.reshape(-1, values.shape[-1]))
    peaks, spread = flat.max(axis=0, initial=0.0), flat.std(axis=0)
    candidates = peaks > CLEAR * peaks.max(initial=0.0)
    clearness = np.where(candidates, spread / np.where(peaks > 0, peaks, 1.0), -1.0)
    return int(clearness.argmax())

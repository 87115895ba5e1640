"""In which precision signals go back, and why: as asked for, or as measured once for the CPU and for each way back."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import numpy as np
import tensorflow as tf

from ...results import Layer
from ..network.feeds import Feeds
from ..network.network import Network
from ..runtime.tracing import eagerly
from .strategies import WayBack, way_back

_ENOUGH = 0.8  # of the time in float32; for less it is not worth the digits
_OWN_ONLY = "an op on the way knows TensorFlow's own gradient only, which keeps the network's precision"


def way_in(precision: str, network: Network, layer: Layer, rule: str, seed: str, feeds: Feeds) -> tuple[WayBack, str]:
    """The way back in a precision, and why it is that of ``WayBack.precision``.

    For 'auto' two seeds are sent back in both and timed, once for each layer, rule and size, and bfloat16 is taken
    where it needs less than 0.8 of the time; on CPUs on which its convolutions are no faster, nothing is tried and
    only one way is compiled.

    Args:
        precision: 'float32' (that of the network), 'bfloat16' or 'auto'.
        network, layer, rule, seed, feeds: as for ``way_back``.
    """
    native = tf.as_dtype(feeds[network.runtime.image_tensor].dtype)
    exact = way_back(network, layer, rule, seed, feeds, tf.bfloat16 if precision == "bfloat16" else native)
    if precision == "auto" and native == tf.float32:
        return _faster_way(network, layer, rule, seed, feeds, exact)
    if exact.precision == precision:
        return exact, "as asked for"
    if precision == "bfloat16":
        return exact, _OWN_ONLY
    return exact, "that of the network"


def _faster_way(
    network: Network, layer: Layer, rule: str, seed: str, feeds: Feeds, exact: WayBack
) -> tuple[WayBack, str]:
    share = bfloat16_share()
    if share >= _ENOUGH:
        return exact, f"on this CPU a convolution in bfloat16 takes {share:.2f} of the time"

    def measured() -> tuple[WayBack, str]:
        half = way_back(network, layer, rule, seed, feeds, tf.bfloat16)
        if half.precision != "bfloat16":
            return exact, _OWN_ONLY
        taken = _seconds(half, layer, feeds) / _seconds(exact, layer, feeds)
        return half if taken < _ENOUGH else exact, f"measured: bfloat16 takes {taken:.2f} of the time of float32"

    sizes = tuple((tensor, array.shape) for tensor, array in feeds.items())
    return network.runtime.cache.get_or_make(("faster way", layer.tensor, rule, seed, sizes), measured)


@cache
@eagerly
def bfloat16_share() -> float:
    """The time of a bfloat16 convolution on this CPU as a share of float32's; measured once, quickly."""

    def seconds(dtype: tf.DType) -> float:
        maps, kernel = tf.ones([2, 28, 28, 128], dtype), tf.ones([3, 3, 128, 128], dtype)
        return shortest(lambda: tf.nn.conv2d(maps, kernel, 1, "SAME").numpy())

    return seconds(tf.bfloat16) / seconds(tf.float32)


def _seconds(way: WayBack, layer: Layer, feeds: Feeds) -> float:
    _, kept = way.values(feeds)
    units = np.zeros((2, len(layer.spatial_shape)), int)
    return shortest(lambda: way.signals(kept, [0, 0], units))


def shortest(call: Callable[[], object], times: int = 3) -> float:
    """Seconds of the shortest of some calls, after one that does not count."""
    call()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return min(taken)

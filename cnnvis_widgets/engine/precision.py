"""Whether bfloat16 pays: asked of the CPU once, and of each way back where the CPU has instructions for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import numpy as np
import tensorflow as tf

from ..results import Layer
from .eager import eagerly
from .network import Feeds, Network
from .way_back import WayBack, way_back

_ENOUGH = 0.8  # of the time in float32; for less it is not worth the digits


def faster_way(network: Network, layer: Layer, rule: str, seed: str, feeds: Feeds) -> WayBack:
    """The way back in float32, or that in bfloat16 where it takes less than 0.8 of the time.

    Two seeds are sent back by both and timed, once for each layer, rule and size; on CPUs on which convolutions in
    bfloat16 are no faster, nothing is tried and only one way is compiled.

    Args:
        network, layer, rule, seed, feeds: as for ``way_back``.
    """
    native = tf.as_dtype(feeds[network.image_tensor].dtype)
    exact = way_back(network, layer, rule, seed, feeds, native)
    if native != tf.float32 or not pays():
        return exact

    def measured() -> WayBack:
        half = way_back(network, layer, rule, seed, feeds, tf.bfloat16)
        return half if _seconds(half, layer, feeds) < _ENOUGH * _seconds(exact, layer, feeds) else exact

    sizes = tuple((tensor, array.shape) for tensor, array in feeds.items())
    return network.once(("faster way", layer.tensor, rule, seed, sizes), measured)


@cache
@eagerly
def pays() -> bool:
    """Whether a convolution in bfloat16 takes less time on this CPU: tried once, in a fraction of a second."""

    def seconds(dtype: tf.DType) -> float:
        maps, kernel = tf.ones([2, 28, 28, 128], dtype), tf.ones([3, 3, 128, 128], dtype)
        return shortest(lambda: tf.nn.conv2d(maps, kernel, 1, "SAME").numpy())

    return seconds(tf.bfloat16) < _ENOUGH * seconds(tf.float32)


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

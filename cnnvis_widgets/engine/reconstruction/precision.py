"""The precision of signals: as asked for, or as measured once for the CPU and once for each route."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tensorflow as tf

from ...errors import OptionError
from ..devices import device_policy
from ..network.feeds import Feeds
from ..runtime.precision import PRECISIONS, WORTHWHILE, bfloat16_share, shortest
from .strategies import BackwardStrategy, Choice, Route, fastest_strategy

_OWN_GRADIENT = "an op is known to TensorFlow's own gradient only, which keeps the network's precision"


def require_precision(precision: str) -> None:
    """Check the name of a precision.

    Raises:
        OptionError: there is no such precision.
    """
    if precision not in PRECISIONS:
        raise OptionError(
            f"Expected precision to be one of {', '.join(map(repr, PRECISIONS))}. Received: precision={precision!r}."
        )


def strategy_in(precision: str, route: Route, feeds: Feeds) -> Choice:
    """Choose a backward strategy in a precision.

    For 'auto' two seeds are sent back in float32 and in bfloat16 and timed, once for each layer, rule and size.
    bfloat16 is taken where it needs less than 0.8 of the time. On CPUs on which its convolutions are no faster,
    nothing is timed and only float32 is compiled.

    Args:
        precision: 'float32' (that of the network), 'bfloat16' or 'auto'.
        route: where signals start.
        feeds: of one image.
    """
    native = tf.as_dtype(feeds[route.network.runtime.image_tensor].dtype)
    choice = fastest_strategy(route, feeds, tf.bfloat16 if precision == "bfloat16" else native)
    if precision == "auto" and native == tf.float32 and device_policy().bfloat16:
        return _faster_precision(route, feeds, choice)
    if choice.strategy.precision == precision:
        return choice
    return replace(choice, precision_reason=_OWN_GRADIENT if precision == "bfloat16" else "that of the network")


def _faster_precision(route: Route, feeds: Feeds, exact: Choice) -> Choice:
    share = bfloat16_share()
    if share >= WORTHWHILE:
        reason = f"on this CPU a convolution in bfloat16 takes {share:.2f} of the time"
        return replace(exact, precision_reason=reason)

    def measured() -> Choice:
        half = fastest_strategy(route, feeds, tf.bfloat16)
        if half.strategy.precision != "bfloat16":
            return replace(exact, precision_reason=_OWN_GRADIENT)
        taken = _seconds(half.strategy, route, feeds) / _seconds(exact.strategy, route, feeds)
        reason = f"measured: bfloat16 takes {taken:.2f} of the time of float32"
        return replace(half if taken < WORTHWHILE else exact, precision_reason=reason)

    sizes = tuple((tensor, array.shape) for tensor, array in feeds.items())
    choice: Choice = route.network.runtime.cache.get_or_make(("faster precision", *route.key, sizes), measured)
    return choice


def _seconds(strategy: BackwardStrategy, route: Route, feeds: Feeds) -> float:
    _, residuals = strategy.forward(feeds)
    units = np.zeros((2, len(route.layer.spatial_shape)), int)
    return shortest(lambda: strategy.backward(residuals, [0, 0], units))

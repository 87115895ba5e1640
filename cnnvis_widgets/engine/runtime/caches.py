"""What a network keeps between calls: compiled functions, and forward passes. A classroom has two gigabytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np

from ...caches import LRUCache
from .budget import BUDGET
from .memory import give_back
from .two_stage import Residuals

FUNCTIONS = 16
"""Functions that a network keeps. One takes about 15 MB in a network of 60 convolutions, however small its weights."""

_BYTES_OF_NODE, _SMALLEST_FUNCTION = 40_000, 2**18
"""Bytes of a function for each node of its network, and of the smallest one."""

FORWARD_PASSES = 2**26
"""Bytes of forward passes that a network keeps: a few layers of an image."""

Pass = tuple[np.ndarray, Residuals]
"""A layer's values, and what the backward pass needs of the forward pass."""


def function_cache(limit: int = FUNCTIONS, nodes: int = 0) -> LRUCache[Any]:
    """Return a cache for compiled functions, which gives the memory of dropped ones back to the system.

    Whoever still holds a dropped function can go on calling it. The budget of the process counts them.

    Args:
        limit: the most functions to keep.
        nodes: how many nodes the network has; this tells what a function takes.
    """
    cache: LRUCache[Any] = LRUCache(limit, on_drop=give_back, after_put=BUDGET.trim)
    BUDGET.watch(cache, max(_SMALLEST_FUNCTION, _BYTES_OF_NODE * nodes))
    return cache


class ForwardPasses:
    """Keeps the most recent forward passes, so that a second look at the same images starts with the backward pass.

    A hash of every byte that was fed identifies a pass, so an array that was changed in place counts as another feed.
    The weights of a network never change and need no part in the hash.

    Args:
        limit: the most bytes to keep. A larger pass is not kept.
    """

    def __init__(self, limit: int = FORWARD_PASSES) -> None:
        self._passes: LRUCache[Pass] = LRUCache(limit, after_put=BUDGET.trim)
        BUDGET.watch(self._passes, 1)

    def of(self, strategy: Hashable, feeds: Mapping[str, np.ndarray], run: Callable[[], Pass]) -> Pass:
        """Return the forward pass for a feed: a kept one, or else what ``run`` computes.

        Args:
            strategy: the name of the backward strategy that needs the pass. It is not the strategy itself, because
                the cache would then hold its compiled functions as long as its passes.
            feeds: arrays by tensor name.
            run: computes the pass.
        """
        key = strategy, digest(feeds)
        forward_pass: Pass | None = self._passes.get(key)
        if forward_pass is None:
            forward_pass = run()
            self._passes.put(key, forward_pass, bytes_of(forward_pass))
        return forward_pass

    def clear(self) -> None:
        """Drop all of them."""
        self._passes.clear()

    @property
    def bytes(self) -> int:
        """How many bytes are kept."""
        return self._passes.size


def bytes_of(forward_pass: Pass) -> int:
    """Return the size of a forward pass in bytes."""
    values, residuals = forward_pass
    return values.nbytes + sum(int(np.prod(tensor.shape)) * tensor.dtype.size for tensor in residuals)


def digest(feeds: Mapping[str, np.ndarray]) -> bytes:
    """Return a hash of names, types, shapes and values."""
    hashed = hashlib.blake2b(digest_size=20)
    for tensor, array in feeds.items():
        hashed.update(f"{tensor} {array.dtype} {array.shape};".encode())
        hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.digest()

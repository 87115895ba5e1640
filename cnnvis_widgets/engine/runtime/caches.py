"""What a network keeps between calls: compiled functions, and forward passes. A classroom has two gigabytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np

from ...caches import LRUCache
from .memory import give_back
from .two_stage import Residuals

FUNCTIONS = 16
"""Functions that a network keeps. One takes about 15 MB in a network of 60 convolutions, however small its weights."""

FORWARD_PASSES = 2**26
"""Bytes of forward passes that a network keeps: a few layers of an image."""

Pass = tuple[np.ndarray, Residuals]
"""A layer's values, and what the backward pass needs of the forward pass."""


def function_cache(limit: int = FUNCTIONS) -> LRUCache[Any]:
    """Return a cache for compiled functions, which gives the memory of dropped ones back to the system.

    Whoever still holds a dropped function can go on calling it.
    """
    return LRUCache(limit, on_drop=give_back)


class ForwardPasses:
    """Keeps the most recent forward passes, so that a second look at the same images starts with the backward pass.

    A hash of every byte that was fed identifies a pass, so an array that was changed in place counts as another feed.
    The weights of a network never change and need no part in the hash.

    Args:
        limit: the most bytes to keep. A larger pass is not kept.
    """

    def __init__(self, limit: int = FORWARD_PASSES) -> None:
        self._passes: LRUCache[Pass] = LRUCache(limit)

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

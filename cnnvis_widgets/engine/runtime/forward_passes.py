"""Forward passes kept between calls, so that a second look at the same images begins on the way back."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping

import numpy as np

from .two_stage import Kept

KEPT = 2**26
"""Bytes between calls: a few layers of an image in a classroom's 2 GB."""

Pass = tuple[np.ndarray, Kept]
"""A layer's values, and what the way back needs of the forward pass."""


class ForwardPasses:
    """The most recent forward passes within a number of bytes.

    Entries are known by what was fed, byte for byte: an array that was changed in place since is another feed.
    Weights need no part in that, as those of a network never change.

    Args:
        limit: bytes that are kept at most; the least recently used go first. A pass above the limit is not kept.
    """

    def __init__(self, limit: int = KEPT) -> None:
        self._limit = limit
        self._passes: OrderedDict[Hashable, Pass] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, way: Hashable, feeds: Mapping[str, np.ndarray], run: Callable[[], Pass]) -> Pass:
        """The pass of a way back for a feed: a kept one, or what ``run`` gives.

        ``way`` is its name and not the way itself, which would hold its compiled functions as long as its passes.
        """
        key = way, digest(feeds)
        with self._lock:
            if key in self._passes:
                self._passes.move_to_end(key)
                return self._passes[key]
        found = run()
        with self._lock:
            if size_of(found) <= self._limit:
                self._passes[key] = found
            while self.bytes > self._limit:
                self._passes.popitem(last=False)
        return found

    @property
    def bytes(self) -> int:
        """How much is kept."""
        return sum(map(size_of, self._passes.values()))


def size_of(found: Pass) -> int:
    """The bytes of a forward pass."""
    values, kept = found
    return values.nbytes + sum(int(np.prod(each.shape)) * each.dtype.size for each in kept)


def digest(feeds: Mapping[str, np.ndarray]) -> bytes:
    """A hash of names, types, shapes and values."""
    found = hashlib.blake2b(digest_size=20)
    for tensor, array in feeds.items():
        found.update(f"{tensor} {array.dtype} {array.shape};".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.digest()

"""One limit in bytes for what all networks of the process hold: weights, compiled functions and forward passes."""

from __future__ import annotations

import math
import threading
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

import tensorflow as tf

from ...arguments import checked
from ...caches import LRUCache
from ...errors import OptionError
from ...spare_memory import spare_memory
from .memory import give_back

_ALWAYS_KEPT = 4
"""Values that stay, whatever the limit: a call must find what it compiled a moment before."""


class Weighty(Protocol):
    """What holds tensors that no cache can drop."""

    def held(self) -> list[tf.Tensor]:
        """Return the tensors."""


class MemoryBudget:
    """Holds the caches of all networks within one limit. What was not used for longest goes first, in any of them.

    The weights of networks that are in use count, and cannot be dropped: the more they take, the less is left for
    the rest. Tensors that two networks share count once.

    Args:
        limit: in bytes; ``None`` for half of what the process can have when it first counts.
    """

    def __init__(self, limit: float | None = None) -> None:
        self._limit = limit
        self._caches: WeakKeyDictionary[LRUCache[Any], int] = WeakKeyDictionary()
        self._holders: WeakSet[Weighty] = WeakSet()
        self._lock = threading.Lock()

    @property
    def limit(self) -> float:
        """In bytes."""
        if self._limit is None:
            self._limit = spare_memory() / 2
        return self._limit

    @limit.setter
    def limit(self, limit: float) -> None:
        self._limit = limit
        self.trim()

    def watch(self, cache: LRUCache[Any], unit: int) -> None:
        """Count the values of a cache from now on; each takes its size times ``unit`` bytes."""
        with self._lock:
            self._caches[cache] = unit

    def hold(self, holder: Weighty) -> None:
        """Count the tensors of a holder while it lives."""
        with self._lock:
            self._holders.add(holder)

    @property
    def used(self) -> int:
        """Bytes of weights, functions and forward passes, in all networks."""
        with self._lock:
            return self._weights() + self._droppable()

    def trim(self) -> None:
        """Drop what was not used for longest, until the limit holds or little is left."""
        dropped = False
        with self._lock:
            limit = self.limit
            room = math.inf if math.isinf(limit) else limit - self._weights()
            while self._droppable() > room and (oldest := self._oldest()) is not None:
                oldest.drop_oldest()
                dropped = True
        if dropped:
            give_back()

    def _oldest(self) -> LRUCache[Any] | None:
        """The cache with the value that was not used for longest; ``None`` if only few values are left in all."""
        uses = [(ticks, cache) for cache in list(self._caches) if (ticks := cache.last_uses())]
        if sum(len(ticks) for ticks, _ in uses) <= _ALWAYS_KEPT:
            return None
        return min(uses, key=lambda entry: entry[0][0])[1]

    def _droppable(self) -> int:
        return sum(cache.size * unit for cache, unit in list(self._caches.items()))

    def _weights(self) -> int:
        tensors = {id(tensor): tensor for holder in list(self._holders) for tensor in holder.held()}
        return sum(tensor.shape.num_elements() * tensor.dtype.size for tensor in tensors.values())


BUDGET = MemoryBudget()
"""That of this process."""


@checked
def limit_memory(most: float) -> None:
    """Set how many bytes networks may hold together: weights, compiled functions and forward passes.

    By default it is half of what the process could have when it loaded the first one. What was not used for longest
    is dropped first, and is made again when it is needed. Weights of networks that you hold are never dropped; delete
    or ``close()`` those networks.

    Args:
        most: in bytes; ``math.inf`` for no limit.

    Raises:
        OptionError: a negative number, or none at all.

    Example:
        >>> limit_memory(4 * 2**30)
    """
    if not isinstance(most, int | float) or isinstance(most, bool) or not most >= 0:
        raise OptionError(
            f"Expected most as a number of bytes, 0 or more. Received: most={most!r}. "
            "Pass for instance 2**30 for one gigabyte."
        )
    BUDGET.limit = most

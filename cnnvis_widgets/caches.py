"""The one cache of the package: it keeps the values used last, within a limit.

It imports nothing of the package, so that the engine and the widgets can both use it.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")

_ABSENT: Any = object()


class LRUCache(Generic[Value]):
    """Keeps the values used last. Several threads can use it at the same time.

    A value has a size, 1 unless ``put`` is told another. When the sizes add up to more than the limit, the cache
    drops the values that were not used for longest. So a limit counts entries or bytes, as the caller chooses.

    Args:
        limit: the largest sum of sizes; without a limit nothing is dropped.
        on_drop: called after values were dropped, for instance to return their memory to the system.

    Example:
        >>> cache = LRUCache(2)
        >>> [cache.get_or_make(word, lambda word=word: len(word)) for word in ("a", "bb", "a", "ccc")]
        [1, 2, 1, 3]
        >>> list(cache)
        ['a', 'ccc']
    """

    def __init__(self, limit: float = math.inf, *, on_drop: Callable[[], object] | None = None) -> None:
        self._limit, self._on_drop = limit, on_drop
        self._entries: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._making = threading.RLock()  # one at a time: two threads that trace take turns in Python anyway

    def get(self, key: Hashable, default: Any = None) -> Any:
        """Return the value under ``key``, or ``default``. The value counts as used."""
        with self._lock:
            if key not in self._entries:
                return default
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: Hashable, value: Value, size: int = 1) -> None:
        """Keep a value, which replaces an earlier one. A value larger than the limit is not kept."""
        with self._lock:
            self._entries.pop(key, None)
            if size <= self._limit:
                self._entries[key] = value, size
            dropped = []
            while self.size > self._limit:
                dropped.append(self._entries.popitem(last=False))
        if dropped:
            del dropped  # their memory is free before ``on_drop`` runs
            if self._on_drop is not None:
                self._on_drop()

    def get_or_make(
        self, key: Hashable, make: Callable[[], Value], *, valid: Callable[[Value], bool] = lambda value: True
    ) -> Value:
        """Return the value under ``key``. If there is none, call ``make`` and keep what it returns.

        Only one thread makes a value at a time. Values that are there are returned at once, also meanwhile.

        Args:
            key: names the value.
            make: called without arguments; it may use this cache for other keys.
            valid: whether a kept value can still be used; if not, it is made anew.
        """
        value = self.get(key, _ABSENT)
        if value is _ABSENT or not valid(value):
            with self._making:
                value = self.get(key, _ABSENT)  # another thread may have made it
                if value is _ABSENT or not valid(value):
                    value = make()
                    self.put(key, value)
        return value

    def values(self) -> list[Value]:
        """Return the values, the one used last at the end."""
        with self._lock:
            return [value for value, _ in self._entries.values()]

    def clear(self) -> None:
        """Drop everything, without a call of ``on_drop``."""
        with self._lock:
            self._entries.clear()

    @property
    def size(self) -> int:
        """The sum of the sizes of the values."""
        return sum(size for _, size in self._entries.values())

    def __iter__(self) -> Iterator[Hashable]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

"""The one cache of the package: it keeps the values used last, within a limit.

It imports nothing of the package, so that the engine and the widgets can both use it.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")

_ABSENT: Any = object()
_TICKS = itertools.count()


class LRUCache(Generic[Value]):
    """Keeps the values used last. Several threads can use it at the same time.

    A value has a size, 1 unless ``put`` is told another. When the sizes add up to more than the limit, the cache
    drops the values that were not used for longest. So a limit counts entries or bytes, as the caller chooses.

    Args:
        limit: the largest sum of sizes; without a limit nothing is dropped.
        on_drop: called after values were dropped, for instance to return their memory to the system.
        after_put: called after a value was kept, for instance to drop values of other caches.

    Example:
        >>> cache = LRUCache(2)
        >>> [cache.get_or_make(word, lambda word=word: len(word)) for word in ("a", "bb", "a", "ccc")]
        [1, 2, 1, 3]
        >>> list(cache)
        ['a', 'ccc']
    """

    def __init__(
        self,
        limit: float = math.inf,
        *,
        on_drop: Callable[[], object] | None = None,
        after_put: Callable[[], object] | None = None,
    ) -> None:
        self._limit, self._on_drop, self._after_put = limit, on_drop, after_put
        self._entries: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._ticks: dict[Hashable, int] = {}
        self._size = 0
        self._lock = threading.Lock()
        self._making = threading.RLock()  # one at a time: two threads that trace take turns in Python anyway

    def get(self, key: Hashable, default: Any = None) -> Any:
        """Return the value under ``key``, or ``default``. The value counts as used."""
        with self._lock:
            if key not in self._entries:
                return default
            self._entries.move_to_end(key)
            self._ticks[key] = next(_TICKS)
            return self._entries[key][0]

    def put(self, key: Hashable, value: Value, size: int = 1) -> None:
        """Keep a value, which replaces an earlier one. A value larger than the limit is not kept."""
        with self._lock:
            replaced = self._pop(key) if key in self._entries else None
            if size <= self._limit:
                self._entries[key] = value, size
                self._ticks[key] = next(_TICKS)
                self._size += size
            dropped = []
            while self._size > self._limit:
                dropped.append(self._pop(next(iter(self._entries))))
        del replaced  # outside the lock: its end may be the end of other things
        if dropped:
            del dropped  # their memory is free before ``on_drop`` runs
            if self._on_drop is not None:
                self._on_drop()
        if self._after_put is not None:
            self._after_put()

    def _pop(self, key: Hashable) -> Value:
        value, size = self._entries.pop(key)
        del self._ticks[key]
        self._size -= size
        return value

    def last_uses(self) -> list[int]:
        """Return when each value was used last, oldest first. Larger numbers are later, over all caches."""
        with self._lock:
            return [self._ticks[key] for key in self._entries]

    def drop_oldest(self) -> None:
        """Drop the value that was not used for longest, without a call of ``on_drop``."""
        with self._lock:
            dropped = [self._pop(next(iter(self._entries)))] if self._entries else []
        del dropped  # outside the lock: its end may be the end of other things

    def drop_where(self, fits: Callable[[Any], bool]) -> None:
        """Drop the values whose key fits, without a call of ``on_drop``."""
        with self._lock:
            dropped = [self._pop(key) for key in list(self._entries) if fits(key)]
        del dropped  # outside the lock: its end may be the end of other things

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
            entries, self._entries = self._entries, OrderedDict()
            self._ticks.clear()
            self._size = 0
        del entries

    @property
    def size(self) -> int:
        """The sum of the sizes of the values."""
        return self._size

    def __iter__(self) -> Iterator[Hashable]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

"""What is compiled for a network, kept while it is in use: a classroom has two gigabytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from .memory import give_back

KEPT = 16
"""Functions that a network keeps. One takes about 15 MB in a network of 60 convolutions, however small its weights."""

_NOTHING = object()


class Compiled:
    """The functions used last, and other things that are made once; what was not used for longest is let go.

    Whoever still holds a function that was let go can go on calling it.

    Args:
        limit: how many are kept.
    """

    def __init__(self, limit: int = KEPT) -> None:
        self._limit = limit
        self._made: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()
        self._making = threading.RLock()  # one at a time: two threads that trace take turns in Python anyway

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What ``make`` gives, made once for each key as long as it is kept.

        What is there is given at once, also while another thread is making something else.
        """
        found = self._get(key)
        if found is _NOTHING:
            with self._making:
                found = self._get(key)
                if found is _NOTHING:
                    found = make()  # which may come here for other keys
                    self._put(key, found)
        return found

    def _get(self, key: Hashable) -> Any:
        with self._lock:
            if key not in self._made:
                return _NOTHING
            self._made.move_to_end(key)
            return self._made[key]

    def _put(self, key: Hashable, made: Any) -> None:
        with self._lock:
            self._made[key] = made
            dropped = [self._made.popitem(last=False) for _ in range(len(self._made) - self._limit)]
        if dropped:
            del dropped
            give_back()

    def __iter__(self) -> Iterator[Hashable]:
        return iter(tuple(self._made))

    def __len__(self) -> int:
        return len(self._made)

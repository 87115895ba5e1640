"""Giving freed memory back to the system. No object of the user is touched."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of glibc's malloc.h
_SMALL_END, _USUAL_END, _LARGEST_BLOCK = 2**23, 2**26, 2**25  # bytes


@cache
def _of_glibc(name: str) -> Any:
    """A function of glibc, or None under another C library."""
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None


def give_back() -> None:
    """Return freed memory to the system.

    glibc keeps what threads freed for each of them, between allocations that live on: after 200 MB of kept tensors
    were dropped, a kernel was as large as before. The end of each heap but the first is left alone; see
    ``keep_heap_ends_small``.

    References:
        malloc_trim(3), Linux man-pages.
    """
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


class Sweeper:
    """Gives freed memory back a while after it is asked to, in a thread of its own.

    Args:
        pause: seconds from the first request to the sweep, which serves all that came until then. A sweep takes some
            5 to 50 ms, in which other Python code goes on.
    """

    def __init__(self, pause: float = 2.0) -> None:
        self._pause, self._lock, self._waiting = pause, threading.Lock(), False

    def soon(self) -> None:
        """Give freed memory back after the pause. Returns at once."""
        with self._lock:
            if self._waiting:
                return
            self._waiting = True
        timer = threading.Timer(self._pause, self._sweep)
        timer.daemon = True
        timer.start()

    def _sweep(self) -> None:
        with self._lock:
            self._waiting = False
        give_back()


class _HeapEnds:
    """How much glibc keeps at the end of each of its heaps: little while somebody needs the room."""

    def __init__(self) -> None:
        self._users, self._lock = 0, threading.Lock()

    def count(self, change: int) -> None:
        with self._lock:
            before, self._users = self._users, self._users + change
            if bool(before) != bool(self._users):
                self._set(_SMALL_END if self._users else _USUAL_END)

    def _set(self, end: int) -> None:
        set_option = _of_glibc("mallopt")
        if set_option is not None and not _chosen_by_user():
            set_option(_MMAP_THRESHOLD, _LARGEST_BLOCK)
            set_option(_TRIM_THRESHOLD, end)


_HEAP_ENDS = _HeapEnds()


def keep_heap_ends_small() -> Callable[[], None]:
    """Let glibc keep at most 8 MB at the end of each of its heaps, until all who asked for it have called the result.

    By itself it keeps twice the largest block that was ever freed, up to 64 MB, in up to eight heaps for each core,
    where ``malloc_trim`` does not look: up to 230 MB after a dozen reconstructions, growing by the hour. These 64 MB
    are what it goes back to: glibc tells nobody what it keeps, so the very value of before cannot be restored. Where
    the environment sets one of the two thresholds, or under another C library, nothing is changed.

    Returns:
        A function that ends the request; calling it again does nothing.

    References:
        mallopt(3), Linux man-pages: M_TRIM_THRESHOLD, and M_MMAP_THRESHOLD, which is set to the largest value that
        glibc comes to by itself, since setting one of the two fixes both.
    """
    _HEAP_ENDS.count(+1)
    asked = True

    def release() -> None:
        nonlocal asked
        if asked:
            asked = False
            _HEAP_ENDS.count(-1)

    return release


def _chosen_by_user() -> bool:
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    return any(
        f"MALLOC_{name.upper()}_" in os.environ or f"glibc.malloc.{name}" in tunables
        for name in ("trim_threshold", "mmap_threshold")
    )

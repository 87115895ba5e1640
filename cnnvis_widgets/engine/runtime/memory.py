"""Returns freed memory to the system, and counts what TensorFlow keeps. It touches no object of the user."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import tensorflow as tf

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of glibc's malloc.h
_SMALL_END, _USUAL_END, _LARGEST_BLOCK = 2**23, 2**26, 2**25  # bytes


@cache
def _of_glibc(name: str) -> Any:
    """Return a function of glibc; None under another C library."""
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None


def give_back() -> None:
    """Return freed memory to the system.

    glibc keeps the memory that each thread freed, between allocations that are still in use. So a kernel that dropped
    200 MB of tensors stayed as large as before. This call leaves the end of each heap except the first alone; see
    ``keep_heap_ends_small``.

    References:
        malloc_trim(3), Linux man-pages.
    """
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def kept_by_tensorflow() -> int:
    """Return how many bytes TensorFlow has freed, but keeps for what it computes next.

    With oneDNN it has a pool of its own, which grows to the most that was ever in use and returns nothing to the
    system. Without oneDNN there is no pool, and no count.
    """
    try:
        info = tf.config.experimental.get_memory_info("CPU:0")
    except ValueError:
        return 0
    return int(info["peak"] - info["current"])


class Sweeper:
    """Returns freed memory to the system some time after a request, in a thread of its own.

    Args:
        pause: seconds from the first request to the sweep, which serves all requests until then. A sweep takes 5 to
            50 ms; other Python code runs meanwhile.
    """

    def __init__(self, pause: float = 2.0) -> None:
        self._pause, self._lock, self._waiting = pause, threading.Lock(), False

    def soon(self) -> None:
        """Request a sweep after the pause. Returns at once."""
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
    """Sets how much glibc keeps at the end of each of its heaps: little while there are users of the setting."""

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
    """Let glibc keep at most 8 MB at the end of each of its heaps, until every caller has released the setting.

    By default glibc keeps twice the largest block that was ever freed, up to 64 MB, in up to eight heaps for each core,
    and ``malloc_trim`` does not look there: 230 MB after a dozen reconstructions, and more by the hour. The last
    release sets 64 MB, since glibc does not say what it kept before. Nothing changes if the environment sets one of the
    two thresholds, or under another C library.

    Returns:
        A function that releases the setting; a second call does nothing.

    References:
        mallopt(3), Linux man-pages: M_TRIM_THRESHOLD and M_MMAP_THRESHOLD. Setting one of them fixes both, so the
        second is set to the largest value that glibc chooses by itself.
    """
    _HEAP_ENDS.count(+1)
    in_use = True

    def release() -> None:
        nonlocal in_use
        if in_use:
            in_use = False
            _HEAP_ENDS.count(-1)

    return release


def _chosen_by_user() -> bool:
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    return any(
        f"MALLOC_{name.upper()}_" in os.environ or f"glibc.malloc.{name}" in tunables
        for name in ("trim_threshold", "mmap_threshold")
    )

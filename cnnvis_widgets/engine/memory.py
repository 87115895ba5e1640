"""Giving memory back that was freed, and keeping the search for it short."""

from __future__ import annotations

import ctypes
import gc
import threading
from functools import cache
from typing import Any


@cache
def _trim() -> Any:
    """glibc's ``malloc_trim``, or None under another C library."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None


def give_back() -> None:
    """Return freed memory to the system.

    glibc keeps what threads freed for each of them, between allocations that live on: after 200 MB of kept tensors
    were dropped, a kernel was as large as before.

    References:
        malloc_trim(3), Linux man-pages.
    """
    trim = _trim()
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


@cache
def settle() -> None:
    """Collect garbage, and have the collector pass over all that is left from now on; once in a process.

    TensorFlow and Keras are 360,000 objects, a compiled function is 15,000, and a full collection looks at each while
    no other thread runs: 0.6 s with nothing compiled, during which a kernel does not answer. Of the objects passed over
    those that die in cycles are not found any more, so this is for kernels with an explorer and not for scripts. What
    died before must not be among them: a model that was just dropped would stay in memory for good.
    """
    gc.collect()
    gc.freeze()

"""Giving memory back that was freed, and keeping the search for it short."""

from __future__ import annotations

import ctypes
import gc
import threading
from functools import cache
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of glibc's malloc.h
_END, _LARGEST = 2**23, 2**25  # bytes


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
    were dropped, a kernel was as large as before. The end of each heap but the first is left alone; see ``settle``.

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


@cache
def settle() -> None:
    """Prepare a process that computes by and by for as long as a notebook is open; once in a process.

    Garbage is collected, and the collector passes over all that is left from now on: TensorFlow and Keras are 360,000
    objects, a compiled function is 15,000, and a full collection looks at each while no other thread runs: 0.6 s with
    nothing compiled, during which a kernel does not answer. Of the objects passed over those that die in cycles are not
    found any more, so this is for kernels with an explorer and not for scripts. What died before must not be among
    them: a model that was just dropped would stay in memory for good.

    glibc keeps at most 8 MB at the end of each of its heaps. By itself it keeps twice the largest block that was ever
    freed, up to 64 MB, in up to eight heaps for each core, where ``malloc_trim`` does not look: up to 230 MB after a
    dozen reconstructions, growing by the hour.

    References:
        mallopt(3), Linux man-pages: M_TRIM_THRESHOLD, and M_MMAP_THRESHOLD, which is set to the largest value that
        glibc comes to by itself, since setting one of the two fixes both.
    """
    gc.collect()
    gc.freeze()
    set_option = _of_glibc("mallopt")
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, _LARGEST)
        set_option(_TRIM_THRESHOLD, _END)

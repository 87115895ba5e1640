"""Turns: several jobs share one machine, a step at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


class Turns:
    """A lock that is handed on in the order in which it was asked for. Use it as a context manager.

    A ``threading.Lock`` would not do: a job that gives it back after each step, and asks for it again at once, gets it
    nearly every time, and the others wait for the end of its work.

    Example:
        >>> turns = Turns()
        >>> with turns:
        ...     turns.waiting
        0
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()  # the first one has the turn
        self._holder: int | None = None

    @property
    def waiting(self) -> int:
        """How many threads wait for their turn."""
        return max(0, len(self._queue) - 1)

    def __enter__(self) -> None:
        own = threading.Event()
        with self._lock:
            self._queue.append(own)
            if len(self._queue) == 1:
                own.set()
        own.wait()
        self._holder = threading.get_ident()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._holder = None
            self._queue.popleft()
            if self._queue:
                self._queue[0].set()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Lend this thread's turn, if it has it, to the others meanwhile: for work that waits for the user."""
        if self._holder != threading.get_ident():
            yield
            return
        self.__exit__(None, None, None)
        try:
            yield
        finally:
            self.__enter__()

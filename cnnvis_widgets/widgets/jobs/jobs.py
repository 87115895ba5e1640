"""Work in the background: a job consumes a generator of steps in a thread of its own.

The generator does the work. The job is a thin shell around it, which cancels between steps and
shows the newest result a few times a second. Callbacks set traits in the job's thread. Such messages
reach the page both when the kernel is idle and while a cell runs; the kernel's event loop would hold
them back until the cell ends.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing, nullcontext
from typing import Any
from weakref import WeakSet

from ...engine.runtime.memory import Sweeper
from .turns import Turns

_SWEEPER = Sweeper()  # the memory that a job frees stays with its thread: a few MB a job, hundreds in an hour

FRAMES_PER_SECOND = 12.0
"""Nothing between kernel and page slows down a fast sender: at more frames the page lags behind by seconds."""


class Pacer:
    """Tells when the next frame may be sent.

    Args:
        rate: frames a second.
        clock: seconds, monotonic.
    """

    def __init__(self, rate: float = FRAMES_PER_SECOND, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval, self._clock = 1.0 / rate, clock
        self._due = clock()

    def ready(self) -> bool:
        """Whether a frame is due now. If it is, the next frame is due an interval later."""
        now = self._clock()
        if now < self._due:
            return False
        # The interval counts from the due time: from ``now``, 12 Hz would become 6 where steps come at 15 Hz.
        self._due = max(self._due + self._interval, now)
        return True


class Job:
    """One computation: steps in, pictures out.

    Args:
        steps: called in the job's thread; its generator does the work, a short piece a step.
        show: ``show(step, final)`` draws a step. Steps between two due times are not drawn. The last step always
            comes again with ``final=True``, also after a cancel or an error.
        done: called once at the end with the job, also after a cancel or an error.
        pacer: tells when steps are drawn.
        turns: each step waits for its turn there; without it, the job computes beside all others.

    Attributes:
        latest: the newest step; None after ``done`` has been called. ``show`` and ``done`` often refer to the job, and
            such a reference cycle would hold tens of MB until Python collects cycles.
        error: the exception that ended the work, if any.
        end: set when the job has ended.
    """

    def __init__(
        self,
        steps: Callable[[], Generator[Any, None, None]],
        *,
        show: Callable[[Any, bool], None] = lambda step, final: None,
        done: Callable[[Job], None] = lambda job: None,
        pacer: Pacer | None = None,
        turns: Turns | None = None,
    ) -> None:
        self.latest: Any = None
        self.error: Exception | None = None
        self._steps, self._show, self._done = steps, show, done
        self._pacer, self._turn = pacer or Pacer(), turns or nullcontext()
        self._cancel, self.end = threading.Event(), threading.Event()

    def cancel(self) -> None:
        """Ask the job to end after the step it is in. Returns at once."""
        self._cancel.set()

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    @property
    def finished(self) -> bool:
        return self.end.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most ``timeout`` seconds. Returns whether the job has ended."""
        return self.end.wait(timeout)

    def rest(self, seconds: float) -> bool:
        """Let all others compute for so long; called within a step. Returns whether the job goes on after it."""
        with TURNS.resting():
            return not self._cancel.wait(seconds)

    def run(self) -> None:
        """Do the work in this thread."""
        try:
            self._consume()
        except SystemExit as error:  # of a user's own rule or function: it would end the thread of the slot
            self.error = RuntimeError(f"The work called sys.exit({error.code!r}).")
        except Exception as error:  # for the page: an exception that ends a thread appears nowhere
            self.error = error
        finally:
            try:
                self._done(self)
            except Exception as error:
                self.error = self.error or error
            self.latest = None
            self.end.set()
            _SWEEPER.soon()

    def _consume(self) -> None:
        if self.cancelled:
            return
        with closing(self._steps()) as steps:
            try:
                while self._advance(steps):
                    if self._pacer.ready():
                        self._show(self.latest, False)
            finally:
                if self.latest is not None:
                    self._show(self.latest, True)

    def _advance(self, steps: Generator[Any, None, None]) -> bool:
        """Compute the next step. Returns whether there was one and the work goes on."""
        with self._turn:
            if self.cancelled:  # while it waited
                return False
            try:
                self.latest = next(steps)
            except StopIteration:
                return False
        return not self.cancelled


class Slot:
    """Runs one job at a time, in one thread: the next job cancels those before it, and waits for their end.

    However many jobs come while one is inside a long step, there is one thread. It ends when no job is left.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: deque[Job] = deque()  # the first one runs
        self._end: threading.Event | None = None  # of the newest job; the job itself may hold a whole explorer

    def start(self, job: Job, *, replace: bool = True) -> None:
        """Run ``job`` in the background; with ``replace=False`` the jobs before it finish first."""
        with self._lock:
            if replace:
                self._cancel_all()
            self._jobs.append(job)
            self._end = job.end
            if len(self._jobs) == 1:
                threading.Thread(target=self._work, name="cnnvis-job", daemon=True).start()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the newest job has ended."""
        end = self._end
        if end is not None:
            end.wait(timeout)

    def stop(self, timeout: float | None = None) -> None:
        """Cancel all jobs and wait for their end."""
        with self._lock:
            self._cancel_all()
        self.wait(timeout)

    def _cancel_all(self) -> None:
        for job in self._jobs:
            job.cancel()

    def _work(self) -> None:
        job = self._jobs[0]
        while True:
            job.run()
            with self._lock:
                self._jobs.popleft()
                if not self._jobs:
                    return
                job = self._jobs[0]


TURNS = Turns()
"""Whose turn it is to compute with a network: the explorers of the process share the machine, a step at a time."""

WRITING = Slot()
"""The slot for writing files, one set after the other, while other work is being computed."""

_SLOTS: WeakSet[Slot] = WeakSet()


def new_slot() -> Slot:
    """A new slot. It is stopped when the interpreter ends: a thread that is still inside TensorFlow would crash it."""
    slot = Slot()
    _SLOTS.add(slot)
    return slot


@atexit.register
def _stop_all(timeout: float = 5.0) -> None:
    slots = list(_SLOTS)
    for slot in slots:  # all of them are asked first, so that they end together
        slot.stop(0.0)
    end = time.monotonic() + timeout
    for slot in slots:
        slot.stop(max(0.0, end - time.monotonic()))

"""Work in the background: a job consumes a generator of steps in a thread of its own.

The generator is the work; this is only the thin shell around it that cancels between steps and
shows the newest result a few times a second. Traits are set straight from the job's thread, which
reaches the page both when the kernel is idle and while a cell runs; going through the kernel's
event loop would wait for the cell to end.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

from ...engine.runtime.memory import Sweeper

_SWEEPER = Sweeper()  # what a job freed is kept for its thread: a few MB each, hundreds in an hour

FRAMES_PER_SECOND = 12.0
"""Nothing between kernel and page pushes back: faster senders build up seconds of lag."""


class Pacer:
    """Says when the next frame may be sent.

    Args:
        rate: frames a second.
        clock: seconds, monotonic.
    """

    def __init__(self, rate: float = FRAMES_PER_SECOND, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval, self._clock = 1.0 / rate, clock
        self._due = clock()

    def ready(self) -> bool:
        """Whether a frame is due now; if so, the next one is due an interval later."""
        now = self._clock()
        if now < self._due:
            return False
        # Counted from the due time: counting from ``now`` turns 12 Hz into 6 where steps come at 15.
        self._due = max(self._due + self._interval, now)
        return True


class Job:
    """One computation: steps in, pictures out.

    Args:
        steps: called in the job's thread; its generator does the work, a short piece a step.
        show: ``show(step, final)`` draws a step. Steps between two due times are left out; the
            last one always comes again with ``final=True``, also after a cancel or an error.
        done: called once at the end with the job, whatever happened.
        pacer: when steps are shown.

    Attributes:
        latest: the newest step, until ``done`` has been called: ``show`` and ``done`` often know the job itself, and
            what is in such a circle stays in memory, tens of MB, until Python looks for circles.
        error: what the work ended with, if anything.
    """

    def __init__(
        self,
        steps: Callable[[], Generator[Any, None, None]],
        *,
        show: Callable[[Any, bool], None] = lambda step, final: None,
        done: Callable[[Job], None] = lambda job: None,
        pacer: Pacer | None = None,
    ) -> None:
        self.latest: Any = None
        self.error: Exception | None = None
        self._steps, self._show, self._done = steps, show, done
        self._pacer = pacer or Pacer()
        self._cancel, self._finished = threading.Event(), threading.Event()

    def cancel(self) -> None:
        """Ask the job to end after the step it is in. Returns at once."""
        self._cancel.set()

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    @property
    def finished(self) -> bool:
        return self._finished.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most ``timeout`` seconds; whether it came."""
        return self._finished.wait(timeout)

    def run(self, previous: Job | None = None) -> None:
        """Do the work in this thread, once ``previous`` has ended."""
        try:
            if previous is not None:
                previous.wait()
            self._consume()
        except Exception as error:  # goes to the pane: an exception that ends a thread is seen nowhere
            self.error = error
        finally:
            try:
                self._done(self)
            except Exception as error:
                self.error = self.error or error
            self.latest = None
            self._finished.set()
            _SWEEPER.soon()

    def _consume(self) -> None:
        if self.cancelled:
            return
        with closing(self._steps()) as steps:
            try:
                for self.latest in steps:
                    if self.cancelled:
                        break
                    if self._pacer.ready():
                        self._show(self.latest, False)
            finally:
                if self.latest is not None:
                    self._show(self.latest, True)


class Slot:
    """Room for one running job: the next one cancels it and waits, in its own thread, for its end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: Job | None = None

    def start(self, job: Job, *, replace: bool = True) -> None:
        """Run ``job`` in a new thread; with ``replace=False`` the job before it may finish first."""
        with self._lock:
            previous, self._current = self._current, job
            if previous is not None and replace:
                previous.cancel()
            threading.Thread(target=job.run, args=(previous,), name="cnnvis-job", daemon=True).start()

    def stop(self, timeout: float | None = None) -> None:
        """Cancel the running job and wait for its end."""
        job = self._current
        if job is not None:
            job.cancel()
            job.wait(timeout)


COMPUTING = Slot()
"""The one place in this process where networks run: a cell that is run again stops its old job."""

WRITING = Slot()
"""Where files are written, one set after the other, without disturbing what is being computed."""

# A thread that is still inside TensorFlow while the interpreter is taken down ends in a crash.
atexit.register(COMPUTING.stop, 5.0)


def live_slot() -> Slot:
    """A slot for short work beside the long, such as what the network says of the image: each explorer has its own."""
    slot = Slot()
    atexit.register(slot.stop, 5.0)
    return slot

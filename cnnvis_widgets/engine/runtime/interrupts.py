"""Lets Ctrl-C and the stop button of a kernel end a call while TensorFlow computes.

Python notices an interrupt between two lines of Python, and only in the main thread. While that thread waits for
TensorFlow there are no lines, for minutes or, in an endless loop of a model, for ever. So the main thread has the work
done by another one and waits for it in a way that can be interrupted. Nothing is shared with work that was left alone:
its results are dropped when it ends.
"""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

_Result = TypeVar("_Result")

_LOOK = 0.5  # seconds; on Windows, an interrupt is noticed between two waits


class _Job:
    """One call, and what came of it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call, self.done = call, threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.call()
        except BaseException as error:  # whatever it is, the main thread raises it
            self.error = error
        finally:
            del self.call  # what it refers to should be gone when the caller goes on
            self.done.set()


class _Worker:
    """A thread that does one job after the other. Left alone, it ends after its job."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        threading.Thread(target=self._work, name="cnnvis-computing", daemon=True).start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()
            del job  # it holds arrays

    def do(self, job: _Job) -> None:
        self._jobs.put(job)

    def end(self) -> None:
        self._jobs.put(None)


_idle: list[_Worker] = []


def interruptible(call: Callable[[], _Result]) -> _Result:
    """Return what a call returns, or raise what it raises; in the main thread, an interrupt ends the wait at once.

    Example:
        >>> interruptible(lambda: 1 + 1)
        2
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    worker = _idle.pop() if _idle else _Worker()
    job = _Job(partial(contextvars.copy_context().run, call))
    try:
        worker.do(job)
        while not job.done.wait(_LOOK):
            pass
    except BaseException:
        worker.end()
        raise
    _idle.append(worker)
    if job.error is not None:
        try:
            raise job.error
        finally:
            job.error = None  # otherwise its traceback would hold this frame, and this frame the job
    result: _Result = job.result
    job.result = None
    return result


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # threads do not follow into a forked process

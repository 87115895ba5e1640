"""Short work that follows a slider or a dragged square: the newest request counts."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from . import jobs


class Live:
    """Computes for the newest request, beside the long work.

    A request that was replaced while it waited is dropped; one that was being computed is still shown, since a
    drag replaces each before it has ended, and nothing would be seen until the hand rests.

    Args:
        show: called with every result, in the work's thread.
        fail: called with the error of a request.
    """

    def __init__(self, show: Callable[[Any], None], fail: Callable[[Exception], None]) -> None:
        self._show, self._fail, self._slot = show, fail, jobs.live_slot()

    def ask(self, compute: Callable[[], Any]) -> None:
        """Have ``compute()`` done a moment later."""

        def steps() -> Generator[Any, None, None]:
            yield compute()

        def done(job: jobs.Job) -> None:
            if job.error is not None:
                self._fail(job.error)
            elif job.latest is not None:
                self._show(job.latest)

        self._slot.start(jobs.Job(steps, done=done))

"""Short work that follows a slider or a dragged square: only the newest request counts."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from . import jobs


class NewestRequest:
    """Computes the newest request, while the long work goes on.

    A request that is replaced while it waits is dropped. A request that is replaced while it is computed is still
    shown: a drag replaces every request before it has ended, and the picture would stand still until the drag ends.

    Args:
        show: called with every result, in the work's thread.
        fail: called with the error of a request.
    """

    def __init__(self, show: Callable[[Any], None], fail: Callable[[Exception], None]) -> None:
        self._show, self._fail, self._slot = show, fail, jobs.new_slot()

    def submit(self, compute: Callable[[], Any]) -> None:
        """Have ``compute()`` called a moment later, in another thread."""

        def steps() -> Generator[Any, None, None]:
            yield compute()

        def done(job: jobs.Job) -> None:
            if job.error is not None:
                self._fail(job.error)
            elif job.latest is not None:
                self._show(job.latest)

        self._slot.start(jobs.Job(steps, done=done))

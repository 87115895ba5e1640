"""Fixtures for tests of the widgets: run jobs at once, and find the ones left running."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from cnnvis_widgets.widgets import jobs


class InlineSlot:
    """Runs each job to its end inside ``start``."""

    def start(self, job: jobs.Job, *, replace: bool = True) -> None:
        job.run()

    def stop(self, timeout: float | None = None) -> None:
        pass


@pytest.fixture
def inline_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "COMPUTING", InlineSlot())
    monkeypatch.setattr(jobs, "WRITING", InlineSlot())
    monkeypatch.setattr(jobs, "live_slot", InlineSlot)


@pytest.fixture
def no_leaked_jobs() -> Iterator[None]:
    """Fails a test that leaves a job's thread behind."""
    yield
    left = [thread for thread in threading.enumerate() if thread.name == "cnnvis-job"]
    for thread in left:  # a job that has just been cancelled may still be on its way out
        thread.join(5)
    assert not [thread for thread in left if thread.is_alive()], "a job was left running"

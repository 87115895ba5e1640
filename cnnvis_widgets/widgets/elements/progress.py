"""How far the work of the explorer is, how it ended, and what went wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import RLock, Timer
from typing import Any

import ipywidgets as w

from ..state.explorer_state import ExplorerState
from . import controls as c
from .shared_layouts import create, set_visible

GRACE = 0.15
"""Seconds from the beginning of work until it is reported. Cached results are on the screen before anybody could read a
report of them, and sooner without it: the page takes messages one after the other, at five to ten milliseconds each."""


class ProgressReport:
    """A bar and a button that stops the work, both only while it runs, and the progress in words: screen readers do not
    read out a bar.

    Args:
        state: has the progress.
        stop: called by the button.

    Attributes:
        widget: the bar, the button and the words, in a line.
        error: what went wrong, in a line of its own.
    """

    def __init__(self, state: ExplorerState, stop: Callable[[], Any]) -> None:
        self._state, self._silent_until, self._lock = state, 0.0, RLock()
        self._bar = create(w.FloatProgress, min=0.0, max=1.0, layout={"width": "220px", "margin": "2px 0"})
        self._stop = c.button("Stop", stop, "Stop and keep the last picture")
        self._status, self._detail, self.error = create(w.HTML), create(w.HTML), create(w.HTML)
        line = c.row(self._bar, self._stop, self._status, self._detail, min_height="34px")  # also without the button
        self.widget = line
        state.observe(self._follow, ["progress", "status", "detail", "error", "running"])
        self._show()

    def _follow(self, change: Any) -> None:
        if change["name"] == "running" and change["new"]:
            self._silent_until = time.monotonic() + GRACE
            timer = Timer(GRACE, self._show_if_due)
            timer.daemon = True
            timer.start()
        self._show_if_due()

    def _show_if_due(self) -> None:
        if self._state.error or time.monotonic() >= self._silent_until:  # not where newer work has begun meanwhile
            self._show()

    def _show(self) -> None:
        state = self._state
        with self._lock:  # so that what is read last is shown last
            self._bar.value = state.progress
            for widget in (self._bar, self._stop):
                set_visible(widget, state.running)
            self._status.value = c.text(state.status, role="status")
            self._detail.value = c.text(state.detail)
            self.error.value = c.text(state.error, "error", role="alert")

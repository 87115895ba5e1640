"""What the explorer says of its work: how far it is, how it ended, what went wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import RLock, Timer
from typing import Any

import ipywidgets as w

from ..state.explorer_state import ExplorerState
from . import controls as c
from .shared_layouts import made

GRACE = 0.15
"""Seconds after the beginning of work until something is said of it, also of its end: what is at hand is on the screen
before anything could be read of it, and sooner, because the page takes messages one after the other, some five to ten
milliseconds each."""


class Report:
    """A bar, a button that stops, and the same in words, because a bar says nothing to a screen reader.

    Args:
        state: what is reported.
        stop: called by the button.
    """

    def __init__(self, state: ExplorerState, stop: Callable[[], Any]) -> None:
        self._state, self._silent_until, self._lock = state, 0.0, RLock()
        self._bar = made(w.FloatProgress, min=0.0, max=1.0, layout={"width": "220px", "margin": "2px 0"})
        self._stop = c.button("Stop", stop, "Stop and keep the last picture")
        self._status, self._detail, self._error = made(w.HTML), made(w.HTML), made(w.HTML)
        line = c.row(self._bar, self._stop, self._status, self._detail)
        self.widget = made(w.VBox, [line, self._error], layout={"min_width": "0"})
        state.observe(self._follow, ["progress", "status", "detail", "error", "running"])
        self._show()

    def _follow(self, change: Any) -> None:
        if change["name"] == "running" and change["new"]:
            self._silent_until = time.monotonic() + GRACE
            later = Timer(GRACE, self._show_if_due)
            later.daemon = True
            later.start()
        self._show_if_due()

    def _show_if_due(self) -> None:
        if self._state.error or time.monotonic() >= self._silent_until:  # not for work that others have replaced
            self._show()

    def _show(self) -> None:
        state = self._state
        with self._lock:  # so that what is read last is put up last
            ended = "success" if state.progress == 1 else "warning"
            with self._bar.hold_sync():
                self._bar.value = state.progress
                self._bar.bar_style = "danger" if state.error else "" if state.running else ended
            self._stop.disabled = not state.running
            self._status.value = c.text(state.status, role="status")
            self._detail.value = c.text(state.detail)
            self._error.value = c.text(state.error, "error", role="alert")

"""The switch of TensorBoard logging, how to read the logs, and why nothing is logged."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w

from ..state.explorer_state import ExplorerState
from . import controls as c
from .shared_layouts import create


class LogControls:
    """A switch, the folder of the logs with the line that opens TensorBoard, and a note where logging failed.

    Args:
        state: has the switch and the note.
        logdir: the folder of the logs; without one there is nothing to switch on.

    Attributes:
        switches: the switch, for the menu of files; empty without a folder.
        words: the other two, for a place where they are always seen.
    """

    def __init__(self, state: ExplorerState, logdir: Path | None) -> None:
        self._state, self._logdir = state, logdir
        self.words = create(w.HTML)
        tooltip = "Log every finished result, and one step a second of a dream, for TensorBoard"
        self.switches: list[w.Widget] = []
        if logdir is not None:
            self.switches = [c.switch(state, "log_to_tensorboard", "Log every result", tooltip=tooltip)]
        state.observe(self._forget_note, "log_to_tensorboard")
        state.observe(self._show, ["log_to_tensorboard", "log_note"])
        self._show()

    def _forget_note(self, change: Any) -> None:
        if change["new"]:
            self._state.log_note = ""

    def _show(self, change: Any = None) -> None:
        state = self._state
        if state.log_note:
            self.words.value = c.text(state.log_note, role="status")
        elif state.log_to_tensorboard and self._logdir is not None:
            self.words.value = f'<div class="cnnvis-note">{how_to_read(self._logdir)}</div>'
        else:
            self.words.value = ""


def how_to_read(logdir: Path) -> str:
    """HTML of the line that opens TensorBoard on a folder.

    Example:
        >>> how_to_read(Path("Log"))
        'TensorBoard: run <code>%load_ext tensorboard</code> and <code>%tensorboard --logdir Log</code> in a cell'
    """
    name = str(logdir)
    quoted = f'"{name}"' if " " in name else name
    command = escape(f"%tensorboard --logdir {quoted}", quote=False)
    return f"TensorBoard: run <code>%load_ext tensorboard</code> and <code>{command}</code> in a cell"

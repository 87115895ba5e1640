"""The most probable classes as bars, in plain HTML: it works in any theme, at any width and in screen readers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from ...results import Predictions
from ..state.explorer_state import ExplorerState
from .shared_layouts import shared

Row = tuple[int, str, float]
"""Number and name of a class, and its probability."""


class ClassBars(anywidget.AnyWidget):
    """Shows bars; a click on a bar chooses its class.

    Args:
        state: a click calls its ``choose_class``.

    Attributes:
        value: the HTML that ``class_bars`` returns, or a message.
        chosen: the chosen class; its bar is marked.
    """

    _esm = Path(__file__).with_name("class_bars.js")

    value = t.Unicode("").tag(sync=True)
    chosen = t.Int(0).tag(sync=True)

    def __init__(self, state: ExplorerState) -> None:
        super().__init__(layout=shared(w.Layout), chosen=state.target)
        self._state = state
        t.dlink((state, "target"), (self, "chosen"))
        self.on_msg(self._receive)

    def _receive(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        if content.get("event") == "choose":
            self._state.choose_class(content["class"])


def class_bars(rows: Sequence[Row], before: Sequence[float] = (), title: str = "Prediction of the network") -> str:
    """HTML of a list of bars.

    Args:
        rows: the classes, in the order of the list.
        before: their earlier probabilities, shown as a mark and in words.
        title: screen readers read it before the list.
    """
    earlier: list[float | None] = [*before] or [None] * len(rows)
    items = "".join(_bar(row, probability) for row, probability in zip(rows, earlier, strict=True))
    return f'<ul class="cnnvis-bars" aria-label="{escape(title)}">{items}</ul>'


def changed_bars(before: Predictions, after: Predictions, count: int = 5) -> str:
    """HTML of the classes that were most probable before, and of the one that is now, each with both probabilities."""
    numbers = [number for number, *_ in before.top(count)]
    numbers += [number for number, *_ in after.top(1) if number not in numbers]
    rows = [(number, after.names[number], float(after.probabilities[0, number])) for number in numbers]
    probabilities_before = [float(before.probabilities[0, number]) for number in numbers]
    return class_bars(rows, probabilities_before, "Prediction of the network, before and after")


def _bar(row: Row, before: float | None) -> str:
    number, name, probability = row
    words = _percent(probability) if before is None else f"{_percent(before)} → {_percent(probability)}"
    mark = "" if before is None else f'<i style="left:{100 * before:.1f}%"></i>'
    bar = f'<span class="cnnvis-bar" aria-hidden="true"><b style="width:{100 * probability:.1f}%"></b>{mark}</span>'
    opening = f'<button type="button" data-class="{number}" title="Choose class {number}">'
    return f"<li>{opening}<span>{escape(name)}</span> <span>{words}</span>{bar}</button></li>"


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f} %" if probability >= 0.0995 else f"{100 * probability:.1f} %"

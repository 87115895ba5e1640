"""The most probable classes as bars, in plain HTML: it reads well in any theme, at any width and aloud."""

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
    """Shows bars, each a button that makes its class the one that is asked about.

    Args:
        state: whose ``choose_class`` is called.

    Attributes:
        value: the HTML, of ``class_bars``, or a message in their place.
        chosen: the class that is asked about; its bar is marked.
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


def class_bars(rows: Sequence[Row], before: Sequence[float] = (), title: str = "The network says") -> str:
    """HTML of a list of bars.

    Args:
        rows: the classes, in the order to be shown.
        before: what their probabilities were, shown as a mark and in words.
        title: read by screen readers before the list.
    """
    earlier: list[float | None] = [*before] or [None] * len(rows)
    items = "".join(_bar(row, was) for row, was in zip(rows, earlier, strict=True))
    return f'<ul class="cnnvis-bars" aria-label="{escape(title)}">{items}</ul>'


def changed_bars(before: Predictions, after: Predictions, count: int = 5) -> str:
    """HTML of the classes that were most probable, and the one that is now, each with what it was."""
    numbers = [number for number, *_ in before.top(count)]
    numbers += [number for number, *_ in after.top(1) if number not in numbers]
    rows = [(number, after.names[number], float(after.probabilities[0, number])) for number in numbers]
    was = [float(before.probabilities[0, number]) for number in numbers]
    return class_bars(rows, was, "The network says, before and after")


def _bar(row: Row, before: float | None) -> str:
    number, name, probability = row
    said = _percent(probability) if before is None else f"{_percent(before)} → {_percent(probability)}"
    mark = "" if before is None else f'<i style="left:{100 * before:.1f}%"></i>'
    bar = f'<span class="cnnvis-bar" aria-hidden="true"><b style="width:{100 * probability:.1f}%"></b>{mark}</span>'
    opening = f'<button type="button" data-class="{number}" title="Class {number}: ask about it">'
    return f"<li>{opening}<span>{escape(name)}</span> <span>{said}</span>{bar}</button></li>"


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f} %" if probability >= 0.0995 else f"{100 * probability:.1f} %"

"""The most probable classes as bars, in plain HTML: it works in any theme, at any width and in screen readers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from ...demo.class_names import imagenet_name
from ...results import Predictions
from ..state.explorer_state import ExplorerState
from .page_files import page_files
from .shared_layouts import shared

ASK = "Ask about it in the views that explain a class"

Row = tuple[int, str, float]
"""Number and name of a class, and its probability or value."""


class ClassBars(anywidget.AnyWidget):
    """Shows bars; a click on a bar chooses its class.

    Args:
        state: a click calls its ``choose_class``.

    Attributes:
        value: the HTML that ``class_bars`` returns, or a message.
        chosen: the chosen class; its bar is marked.
    """

    _esm = page_files(__file__, "class_bars.js")

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


def prediction_bars(predictions: Predictions, count: int = 5) -> str:
    """HTML of the classes that a network is surest of in one image."""
    return class_bars(predictions.top(count), percent=predictions.probabilities is not None)


def class_bars(
    rows: Sequence[Row],
    before: Sequence[float] = (),
    title: str = "Prediction of the network",
    *,
    percent: bool = True,
) -> str:
    """HTML of a list of bars.

    Args:
        rows: the classes, in the order of the list.
        before: their earlier probabilities or values, shown as a mark and in words.
        title: screen readers read it before the list.
        percent: whether the numbers are probabilities. Otherwise bars show their size, and words their sign.
    """
    earlier: list[float | None] = [*before] or [None] * len(rows)
    whole = 1.0 if percent else max((abs(number) for number in [*before, *(row[2] for row in rows)]), default=0.0)
    words = _percent if percent else _signed
    items = "".join(_bar(row, number, whole or 1.0, words) for row, number in zip(rows, earlier, strict=True))
    return f'<ul class="cnnvis-bars" aria-label="{escape(title)}">{items}</ul>'


def changed_bars(before: Predictions, after: Predictions, count: int = 5) -> str:
    """HTML of the classes that a network was surest of, and of the one that it is now, each with both numbers."""
    numbers = [number for number, *_ in before.top(count)]
    numbers += [number for number, *_ in after.top(1) if number not in numbers]
    rows = [(number, after.names[number], float(after.amounts[0, number])) for number in numbers]
    earlier = [float(before.amounts[0, number]) for number in numbers]
    percent = after.probabilities is not None
    return class_bars(rows, earlier, "Prediction of the network, before and after", percent=percent)


def signed_bars(rows: Sequence[Row], title: str) -> str:
    """HTML of bars that begin in the middle: to the right where a number is positive, to the left where not."""
    largest = max((abs(amount) for *_, amount in rows), default=0.0) or 1.0
    items = []
    for number, name, amount in rows:
        width = 50 * abs(amount) / largest
        side, left = ("for", 50.0) if amount >= 0 else ("against", 50 - width)
        bar = f'<b class="cnnvis-{side}" style="left:{left:.1f}%;width:{width:.1f}%"></b>'
        words = f"<span>{escape(name)}</span> <span>{_signed(amount)}</span>"
        opening = f'<button type="button" data-class="{number}" title="{escape(name)}: {_tooltip(number, name)}">'
        items.append(f'<li>{opening}{words}<span class="cnnvis-bar" aria-hidden="true">{bar}</span></button></li>')
    return f'<ul class="cnnvis-bars cnnvis-signed" aria-label="{escape(title)}">{"".join(items)}</ul>'


def _bar(row: Row, before: float | None, whole: float, in_words: Callable[[float], str]) -> str:
    number, name, amount = row
    words = in_words(amount) if before is None else f"{in_words(before)} → {in_words(amount)}"
    mark = "" if before is None else f'<i style="left:{100 * abs(before) / whole:.1f}%"></i>'
    width = f"{100 * abs(amount) / whole:.1f}%"
    bar = f'<span class="cnnvis-bar" aria-hidden="true"><b style="width:{width}"></b>{mark}</span>'
    opening = f'<button type="button" data-class="{number}" title="{_tooltip(number, name)}">'
    return f"<li>{opening}<span>{escape(name)}</span> <span>{words}</span>{bar}</button></li>"


def _tooltip(number: int, name: str) -> str:
    own = imagenet_name(number, name)
    return f"{f'in ImageNet: {escape(own)}. ' if own else ''}{ASK} (number {number})"


def rows_in_words(predictions: Predictions, count: int = 5) -> list[tuple[str, float, str]]:
    """Name, length of the bar from 0 to 1, and number in words of the classes that a network is surest of."""
    rows, percent = predictions.top(count), predictions.probabilities is not None
    whole = 1.0 if percent else max((abs(amount) for *_, amount in rows), default=0.0) or 1.0
    words = _percent if percent else _signed
    return [(name, abs(amount) / whole, words(amount)) for _, name, amount in rows]


def _signed(value: float) -> str:
    return f"{value:+.4g}".replace("-", "−")


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f} %" if probability >= 0.0995 else f"{100 * probability:.1f} %"

"""The most probable classes as bars, in plain HTML: it reads well in any theme, at any width and aloud."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..results import Predictions

Row = tuple[int, str, float]
"""Number and name of a class, and its probability."""


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
    return f'<li title="class {number}"><span>{escape(name)}</span> <span>{said}</span>{bar}</li>'


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f} %" if probability >= 0.0995 else f"{100 * probability:.1f} %"

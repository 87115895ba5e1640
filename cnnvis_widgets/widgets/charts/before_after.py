"""The classes that change most when something in a network is changed: a bar before and a bar after for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bqplot
import ipywidgets as w
import numpy as np

from ..elements.shared_layouts import shared
from .ticks import round_ticks

NOTHING: tuple[w.Widget, ...] = ()

COUNT, LONGEST = 6, 22
"""How many classes are drawn, and how many letters of a name."""
BEFORE, AFTER = "#9a9aa3", "#2f6fed"
LEAST = 0.01
"""The part of the largest change that a class must change by to be drawn."""
ROW = 30
"""Pixels of height for a class."""


class BeforeAfter(w.VBox):
    """Two bars for each class, the one that changes most on top.

    Args:
        on_choose: called with the number of the class whose bar is clicked.

    Attributes:
        numbers: of the classes, from top to bottom.
        bars: their values: ``bars.y`` is float64 (2, classes), before and after, from bottom to top.
    """

    def __init__(self, on_choose: Callable[[int], None]) -> None:
        self._on_choose = on_choose
        self.numbers: list[int] = []
        self._names, self._amounts = bqplot.OrdinalScale(), bqplot.LinearScale(min=0.0)
        self.bars = bqplot.Bars(
            x=[],
            y=[],
            scales={"x": self._names, "y": self._amounts},
            type="grouped",
            orientation="horizontal",
            colors=[BEFORE, AFTER],
            padding=0.25,
            labels=["before", "after"],
            display_legend=False,
        )
        self.bars.on_element_click(self._clicked)
        names = bqplot.Axis(
            scale=self._names, orientation="vertical", grid_lines="none", tick_style={"text-anchor": "end"}
        )
        self._axis = bqplot.Axis(scale=self._amounts, num_ticks=4)
        self._figure = bqplot.Figure(
            marks=[self.bars],
            axes=[names, self._axis],
            display_toolbar=False,
            fig_margin={"top": 2, "bottom": 24, "left": 142, "right": 16},
            layout=w.Layout(width="100%", min_width="0", min_height="0"),
        )
        self._figure.add_class("cnnvis-chart-classes")
        super().__init__(layout=shared(w.Layout, min_width="0"))

    def show(self, before: np.ndarray, after: np.ndarray, names: Sequence[str], *, percent: bool) -> None:
        """Draw the classes that change most.

        Args:
            before, after: float (classes,): probabilities or values.
            names: of all classes.
            percent: whether they are probabilities.
        """
        self.numbers = most_changed(before, after)
        if not self.numbers:
            self.children = NOTHING
            return
        rising = self.numbers[::-1]  # the first one is drawn at the bottom
        pairs = np.stack([before[rising], after[rising]]).astype(np.float64)
        with self.bars.hold_sync():
            low, high = min(0.0, float(pairs.min())), max(1e-6, float(pairs.max()))
            self._axis.tick_format = ".3~%" if percent else ".3~g"
            self._axis.tick_values = round_ticks(low, high, 4)
            self._amounts.min, self._amounts.max = low, high
            self._figure.layout.height = f"{ROW * len(rising) + 30}px"
            self.bars.x, self.bars.y = [_short(names[number], number) for number in rising], pairs
        if not self.children:  # an empty figure is laid out with a negative size
            self.children = (self._figure,)

    def _clicked(self, _: Any, content: dict[str, Any]) -> None:
        place = int(content["data"]["index"])
        if 0 <= place < len(self.numbers):
            self._on_choose(self.numbers[::-1][place])


def most_changed(before: np.ndarray, after: np.ndarray, count: int = COUNT) -> list[int]:
    """The numbers of the classes that change most, at most ``count``, the largest change first; no unchanged ones.

    Example:
        >>> most_changed(np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6]))
        [0, 2]
    """
    changes = np.abs(np.asarray(after, np.float64) - before)
    order = np.argsort(-np.round(changes, 6), kind="stable")[:count].tolist()
    least = max(1e-6, LEAST * float(changes.max(initial=0.0)))
    return [number for number in order if changes[number] > least]


def _short(name: str, number: int) -> str:
    """A name that fits beside its bars, and differs from those of other classes."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 5].rstrip()}… {number}"

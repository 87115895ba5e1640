"""How often a channel has which value, with a brush that chooses a range of values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bqplot
import ipywidgets as w
import numpy as np
from bqplot.interacts import BrushIntervalSelector

from ..elements.shared_layouts import shared
from .ticks import round_ticks

BINS = 30


class ValueHistogram(w.VBox):
    """Bars of the numbers of values, on a logarithmic scale: one strong unit among thousands must be seen.

    Args:
        on_range: ``on_range(low, high)`` is called when the user has drawn a range with the brush.
    """

    def __init__(self, on_range: Callable[[float, float], None]) -> None:
        self._on_range = on_range
        self._scales = {"x": bqplot.LinearScale(min=0.0, max=1.0), "y": bqplot.LinearScale(min=0.0, max=1.0)}
        self._bars = bqplot.Bars(x=[], y=[], scales=self._scales, colors=["#71717a"], padding=0.08)
        self._mark = bqplot.Lines(
            x=[], y=[], scales=self._scales, colors=["#2f6fed"], line_style="dashed", stroke_width=2
        )
        self._axis = bqplot.Axis(scale=self._scales["x"], grid_lines="none", tick_format=".3~g")
        self.brush = BrushIntervalSelector(scale=self._scales["x"], marks=[self._bars], color="#2f6fed")
        self.brush.observe(self._brushed, "brushing")
        self.figure = bqplot.Figure(
            marks=[self._bars, self._mark],
            axes=[self._axis],
            interaction=self.brush,
            display_toolbar=False,
            fig_margin={"top": 4, "bottom": 24, "left": 12, "right": 12},
            layout=shared(w.Layout, width="100%", height="104px", min_width="0", min_height="0"),
        )
        self.figure.add_class("cnnvis-chart-values")
        super().__init__([self.figure], layout=shared(w.Layout, min_width="0"))

    @property
    def counts(self) -> np.ndarray:
        """How many values lie in each bar."""
        return np.rint(10 ** np.asarray(self._bars.y) - 1).astype(int)

    def show(self, values: np.ndarray, ends: tuple[float, float], marked: float | None = None) -> None:
        """Count values.

        Args:
            values: of any shape.
            ends: the least and the largest value of the axis.
            marked: a value to draw a line at.
        """
        low, high = ends if ends[1] > ends[0] else (ends[0], ends[0] + 1.0)
        counts, edges = np.histogram(values, BINS, (low, high))
        heights = np.log10(1 + counts)
        with self._bars.hold_sync(), self._mark.hold_sync():
            self._scales["x"].min, self._scales["x"].max = float(low), float(high)
            self._scales["y"].max = float(heights.max(initial=0.1)) * 1.05
            self._bars.x, self._bars.y = (edges[:-1] + edges[1:]) / 2, heights
            self._axis.tick_values = round_ticks(low, high)
            top = self._scales["y"].max
            self._mark.x, self._mark.y = ([marked, marked], [0.0, top]) if marked is not None else ([], [])

    def clear_range(self) -> None:
        """Take the brush away."""
        self.brush.reset()

    def _brushed(self, change: Any) -> None:
        selected: Sequence[float] | None = self.brush.selected
        if change["new"] or selected is None or len(selected) != 2 or selected[0] == selected[1]:
            return
        self._on_range(float(min(selected)), float(max(selected)))

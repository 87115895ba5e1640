"""The values of a feature map along a signal, as a line with axes."""

from __future__ import annotations

import bqplot
import ipywidgets as w
import numpy as np

from ..elements.shared_layouts import shared
from .score_chart import ticks
from .ticks import round_ticks

NOTHING: tuple[w.Widget, ...] = ()


class SignalChart(w.VBox):
    """A line from the first position to the last, and a dot at the largest value; nothing until there are values.

    Attributes:
        line: ``line.x`` are positions, ``line.y`` float64 values.
        peak: the dot.
    """

    def __init__(self) -> None:
        self._across, self._up = bqplot.LinearScale(min=0.0), bqplot.LinearScale()
        scales = {"x": self._across, "y": self._up}
        self.line = bqplot.Lines(x=[], y=[], scales=scales, colors=["#2f6fed"], stroke_width=2)
        self.peak = bqplot.Scatter(x=[], y=[], scales=scales, colors=["#2f6fed"], default_size=40)
        self._positions = bqplot.Axis(scale=self._across, label="position", tick_format="d", grid_lines="none")
        self._values = bqplot.Axis(
            scale=self._up, orientation="vertical", label="activation", label_offset="42px", tick_format=".3~g"
        )
        self._figure = bqplot.Figure(
            marks=[self.line, self.peak],
            axes=[self._positions, self._values],
            display_toolbar=False,
            fig_margin={"top": 8, "bottom": 36, "left": 54, "right": 10},
            layout=w.Layout(width="100%", height="160px", min_width="0", min_height="0"),
        )
        super().__init__(layout=shared(w.Layout, min_width="0"))

    def show(self, values: np.ndarray | None) -> None:
        """Draw values (length,); ``None`` takes the chart away."""
        if values is None or not values.size:
            self.children = NOTHING
            return
        heights, peak = values.astype(np.float64), int(values.argmax())
        low, high = min(0.0, float(heights.min())), max(1e-6, float(heights.max()))
        with self.line.hold_sync(), self.peak.hold_sync():
            self._across.max, self._up.min, self._up.max = float(len(heights) - 1), low, 1.05 * high
            self._positions.tick_values = ticks(max(1, len(heights) - 1))
            self._values.tick_values = round_ticks(low, high, 4)
            self.line.x, self.line.y = np.arange(len(heights)), heights
            self.peak.x, self.peak.y = np.array([peak]), heights[[peak]]
        if not self.children:  # an empty figure is laid out with a negative size
            self.children = (self._figure,)

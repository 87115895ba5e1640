"""The line of a dream's score."""

from __future__ import annotations

import bqplot
import ipywidgets as w
import numpy as np

from ..elements.shared_layouts import shared


class ScoreChart(w.VBox):
    """A line that grows with every step of a dream."""

    def __init__(self) -> None:
        scales = {"x": bqplot.LinearScale(min=0.0), "y": bqplot.LinearScale()}
        self._line = bqplot.Lines(x=[], y=[], scales=scales, colors=["#f57c00"], stroke_width=2)
        self._steps = bqplot.Axis(scale=scales["x"], label="step", side="bottom", tick_format="d", grid_lines="none")
        score = bqplot.Axis(scale=scales["y"], label="score", side="left", tick_format=".3~g")
        score.label_offset, score.num_ticks = "44px", 4
        self._figure = bqplot.Figure(
            marks=[self._line],
            axes=[self._steps, score],
            display_toolbar=False,
            fig_margin={"top": 10, "bottom": 40, "left": 62, "right": 14},
            layout=w.Layout(width="100%", max_width="520px", height="180px", min_width="0", min_height="0"),
        )
        self._placed = False
        super().__init__(layout=shared(w.Layout, width="100%", min_width="0"))

    @property
    def points(self) -> list[tuple[int, float]]:
        """(step, score) of every point drawn."""
        return list(zip(self._line.x.tolist(), self._line.y.tolist(), strict=True))

    def add(self, step: int, score: float) -> None:
        """Add a point; a step that is not later than the last one begins a new line."""
        points = [point for point in self.points if point[0] < step] if step else []
        x, y = zip(*points, (step, score), strict=True)
        with self._line.hold_sync():
            self._line.x, self._line.y = np.array(x), np.array(y, np.float64)
        if self._steps.tick_values is None or not np.array_equal(ticks(step), self._steps.tick_values):
            self._steps.tick_values = ticks(step)
        if not self._placed:  # an empty or hidden figure is laid out with a negative size
            self.children, self._placed = [self._figure], True


def ticks(last: int) -> np.ndarray:
    """Up to six steps from 0 to the last one whose numbers stand below the line: multiples of 1, 2, 5, 10, 20 ...

    Example:
        >>> ticks(3).tolist(), ticks(127).tolist()
        ([0, 1, 2, 3], [0, 50, 100])
    """
    unit = next(unit for unit in (d * 10**power for power in range(9) for d in (1, 2, 5)) if last <= 5 * unit)
    return np.arange(0, last + 1, unit)

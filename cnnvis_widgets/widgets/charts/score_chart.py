"""The lines of a dream: its score, and the probability of the class that it grows."""

from __future__ import annotations

from collections.abc import Sequence

import bqplot
import ipywidgets as w
import numpy as np

from ..elements.shared_layouts import shared
from .ticks import round_ticks

MARGIN = {"top": 10, "bottom": 38, "left": 58, "right": 16}


class ScoreChart(w.VBox):
    """A line that grows with every step of a dream, and below it one of probabilities, once there is a first one."""

    def __init__(self) -> None:
        self._across = bqplot.LinearScale(min=0.0)
        self._line, score = self._chart(bqplot.LinearScale(), "score", ".3~g", "#f57c00")
        self._chances, chance = self._chart(bqplot.LinearScale(min=0.0, max=1.0), "probability", ".0%", "#15803d")
        self._figures = score, chance
        score.add_class("cnnvis-chart-score")
        for figure, values in zip(self._figures, (None, [0.0, 0.5, 1.0]), strict=True):
            figure.axes[1].tick_values = values
        super().__init__(layout=shared(w.Layout, width="100%", min_width="0"))

    def _chart(
        self, scale: bqplot.LinearScale, label: str, numbers: str, colour: str
    ) -> tuple[bqplot.Lines, bqplot.Figure]:
        """An empty line and its figure."""
        scales = {"x": self._across, "y": scale}
        line = bqplot.Lines(x=[], y=[], scales=scales, colors=[colour], stroke_width=2)
        steps = bqplot.Axis(scale=self._across, label="step", side="bottom", tick_format="d", grid_lines="none")
        axis = bqplot.Axis(scale=scale, label=label, side="left", tick_format=numbers, label_offset="44px")
        layout = w.Layout(width="100%", max_width="520px", height="168px", min_width="0", min_height="0")
        figure = bqplot.Figure(
            marks=[line], axes=[steps, axis], display_toolbar=False, fig_margin=MARGIN, layout=layout
        )
        return line, figure

    @property
    def points(self) -> list[tuple[int, float]]:
        """(step, score) of every point drawn."""
        return _points(self._line)

    @property
    def probabilities(self) -> list[tuple[int, float]]:
        """(step, probability) of every point drawn."""
        return _points(self._chances)

    def clear(self) -> None:
        """Take the lines of an earlier dream away."""
        for line in (self._line, self._chances):
            with line.hold_sync():
                line.x, line.y = np.zeros(0), np.zeros(0)
        self.children = ()

    def add(self, step: int, score: float) -> None:
        """Add a point; a step that is not later than the last one begins a new line."""
        _add(self._line, step, score)
        for figure in self._figures:
            axis = figure.axes[0]
            if axis.tick_values is None or not np.array_equal(ticks(step), axis.tick_values):
                axis.tick_values = ticks(step)
        self._figures[0].axes[1].tick_values = round_ticks(float(self._line.y.min()), float(self._line.y.max()), 4)
        self._place(self._figures[:1])

    def add_probability(self, step: int, probability: float) -> None:
        """Add a point to the line of probabilities."""
        _add(self._chances, step, probability)
        self._place(self._figures)

    def _place(self, figures: Sequence[bqplot.Figure]) -> None:
        """Put figures into the page when they have something to show: an empty one gets a negative size."""
        if len(figures) > len(self.children):
            self.children = tuple(figures)


def ticks(last: int) -> np.ndarray:
    """Up to six steps from 0 to the last one whose numbers stand below the line: multiples of 1, 2, 5, 10, 20 ...

    Example:
        >>> ticks(3).tolist(), ticks(127).tolist()
        ([0, 1, 2, 3], [0, 50, 100])
    """
    unit = next(unit for unit in (d * 10**power for power in range(9) for d in (1, 2, 5)) if last <= 5 * unit)
    return np.arange(0, last + 1, unit)


def _points(line: bqplot.Lines) -> list[tuple[int, float]]:
    return list(zip(line.x.tolist(), line.y.tolist(), strict=True))


def _add(line: bqplot.Lines, step: int, value: float) -> None:
    points = [point for point in _points(line) if point[0] < step] if step else []
    x, y = zip(*points, (step, value), strict=True)
    with line.hold_sync():
        line.x, line.y = np.array(x), np.array(y, np.float64)

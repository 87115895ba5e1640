"""How strongly each channel of a layer fires, the strongest first; a click chooses one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bqplot
import ipywidgets as w
import numpy as np

from ..elements.shared_layouts import shared
from .ticks import round_ticks

MOST = 256
"""Bars that are drawn: more would be thinner than a pixel."""


class ChannelStrengths(w.VBox):
    """A bar for each channel.

    Args:
        on_choose: called with the channel whose bar is clicked.

    Attributes:
        channels: of the bars, from left to right.
    """

    def __init__(self, on_choose: Callable[[int], None]) -> None:
        self._on_choose = on_choose
        self.channels: list[int] = []
        scales = {"x": bqplot.LinearScale(min=-0.5), "y": bqplot.LinearScale()}
        self._scale = scales["x"]
        self.bars = bqplot.Bars(
            x=[],
            y=[],
            scales=scales,
            colors=["#8e8e98"],
            padding=0.1,
            interactions={"click": "select", "hover": "tooltip"},
            selected_style={"fill": "#2f6fed"},
            tooltip=bqplot.Tooltip(fields=["name", "y"], labels=["rank", "largest activation"]),
        )
        self.bars.on_element_click(self._clicked)
        self._heights = scales["y"]
        self._axis = bqplot.Axis(scale=scales["y"], orientation="vertical", tick_format=".3~g")
        figure = bqplot.Figure(
            marks=[self.bars],
            axes=[self._axis],
            display_toolbar=False,
            fig_margin={"top": 4, "bottom": 6, "left": 36, "right": 8},
            layout=shared(w.Layout, width="100%", height="84px", min_width="0", min_height="0"),
        )
        figure.add_class("cnnvis-chart-strengths")
        super().__init__([figure], layout=shared(w.Layout, min_width="0"))

    def show(self, strengths: np.ndarray, chosen: int) -> None:
        """Draw the strengths of channels, (channels,), and mark the chosen one."""
        order = np.argsort(-strengths, kind="stable")[:MOST].tolist()
        if order != self.channels or not np.array_equal(strengths[order], self.bars.y):
            with self.bars.hold_sync():
                self.channels = order
                self._scale.max = len(order) - 0.5
                low, high = min(0.0, float(strengths[order].min())), max(float(strengths[order].max()), 1e-6)
                self._heights.min, self._heights.max = low, 1.05 * high
                self._axis.tick_values = round_ticks(low, high, 4)
                self.bars.x, self.bars.y = np.arange(len(order)), strengths[order].astype(np.float64)
        self.bars.selected = [order.index(chosen)] if chosen in order else []

    def _clicked(self, _: Any, content: dict[str, Any]) -> None:
        place = int(content["data"]["index"])
        if 0 <= place < len(self.channels):
            self._on_choose(self.channels[place])

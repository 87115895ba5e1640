"""The anchors of a detector that speak most for the chosen class. A click asks about one of them."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np

from ...results import Predictions
from ..elements.controls import LABEL, refill
from ..elements.shared_layouts import create, set_visible
from ..state.explorer_state import ExplorerState

COUNT = 12
"""Anchors in the list."""
_ALL = -1


class AnchorList:
    """A list of anchors with their numbers and probabilities, for heads whose places lie along one axis.

    Args:
        state: a click writes its ``place``; its ``target`` is the class by which anchors are ordered.

    Attributes:
        widget: the list; hidden for other heads.
    """

    def __init__(self, state: ExplorerState) -> None:
        self._state = state
        self._values: np.ndarray | None = None  # (anchors, classes)
        self._names: tuple[str, ...] = ()
        self.widget = create(
            w.Select,
            options=[],
            rows=6,
            description="Anchor",
            tooltip="The anchors surest of the class asked about; choose one to ask about it alone",
            style=LABEL,
            layout={"width": "auto", "max_width": "100%"},
        )
        self.widget.observe(self._choose, "value")
        state.observe(self._draw, ["target", "place"])
        set_visible(self.widget, False)

    def show(self, predictions: Predictions) -> None:
        """List the anchors of new predictions, if the head has anchors and says of which class they are."""
        head, values = predictions.head, predictions.values
        listed = len(head.output.spatial_shape) == 1 and head.meaning != "values" and values is not None
        self._values = values[0] if listed and values is not None else None
        self._names = predictions.names
        self._draw()

    def clear(self) -> None:
        """Hide the list."""
        self._values = None
        self._draw()

    def _draw(self, change: Any = None) -> None:
        set_visible(self.widget, self._values is not None)
        if self._values is None:
            return
        single = self._values.shape[-1] == 1  # a sigmoid: yes
        told = self._values[:, 0 if single else self._state.target]
        name = self._names[-1 if single else self._state.target]
        surest = np.argsort(-told, kind="stable")[:COUNT].tolist()
        chosen = self._state.place[0] if len(self._state.place) == 1 else _ALL
        numbers = surest if chosen in (_ALL, *surest) else [chosen, *surest]
        options = [("all of them, on average", _ALL)]
        options += [(f"{number} · {name} {told[number]:.2f}", number) for number in numbers]
        refill(self.widget, options, chosen, self._choose)

    def _choose(self, change: Any) -> None:
        self._state.place = () if change["new"] in (_ALL, None) else (change["new"],)

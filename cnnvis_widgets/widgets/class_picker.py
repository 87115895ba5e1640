"""Find a class by typing a part of its name."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from .controls import refill, text
from .looks import made, shared
from .state import ExplorerState


class ClassPicker(w.VBox):
    """A search field over the list of matching classes; writes ``state.target``.

    Every class is listed with its index, since names repeat (ImageNet has two cranes and two
    maillots).
    """

    def __init__(self, state: ExplorerState) -> None:
        self._state = state
        wide = {"style": {"description_width": "70px"}, "layout": {"width": "auto"}}
        self.search = made(w.Text, description="Find class", placeholder="part of a name, or a number", **wide)
        self.matches = made(w.Select, description="Class", rows=16, **wide)
        self.chosen = made(w.HTML)
        super().__init__([self.search, self.matches, self.chosen], layout=shared(w.Layout))
        self.search.observe(self._filter, "value")
        self.matches.observe(self._choose, "value")
        state.observe(self._follow, "target")
        self._filter()
        self._name()

    def _filter(self, change: Any = None) -> None:
        words = self.search.value.lower().split()
        labels = [(f"{index} · {name}", index) for index, name in enumerate(self._state.classes)]
        found = [each for each in labels if all(word in each[0].lower() for word in words)]
        refill(self.matches, found, self._state.target, self._choose)

    def _choose(self, change: Any) -> None:
        if change["new"] is not None:
            self._state.target = change["new"]

    def _follow(self, change: Any) -> None:
        if change["new"] not in dict(self.matches.options).values():
            self.search.value = ""
        self.matches.value = change["new"]
        self._name()

    def _name(self) -> None:
        state = self._state
        name = state.classes[state.target] if state.classes else "none"
        self.chosen.value = text(f"Chosen class: {state.target} · {name}")

"""The menus, switches and buttons, each tied to a trait of the state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any

import ipywidgets as w
import traitlets as t

from ...results import Layer
from ..state.explorer_state import FAMILY_FILTERS, METHODS, ExplorerState
from .shared_layouts import made

_SHORT_FAMILY = {"r": "activation", "c": "convolution", "p": "pooling", "": "other"}
LABEL = {"description_width": "initial"}


def refill(menu: Any, options: Iterable[tuple[str, Any]], value: Any, on_choice: Callable[[Any], None]) -> None:
    """Give a menu other options, keeping ``value`` where it is among them.

    The menu chooses its first option by itself then; ``on_choice``, its observer, must not take
    that for a choice of the user.
    """
    options = list(options)
    if options == list(menu.options) and menu.value == value:
        return
    menu.unobserve(on_choice, "value")
    with menu.hold_sync():
        menu.options = options
        menu.value = value if any(value == each for _, each in options) else None
    menu.observe(on_choice, "value")


def text(words: str, kind: str = "note", role: str = "") -> str:
    """Escaped HTML for a line of the pane."""
    live = {"status": ' role="status" aria-live="polite"', "alert": ' role="alert"'}.get(role, "")
    return f'<div class="cnnvis-{kind}"{live}>{escape(words)}</div>' if words or role == "status" else ""


def caption(lines: Iterable[str]) -> str:
    """Escaped HTML of lines below a picture, the first one in bold."""
    first, *rest = map(escape, lines)
    return f'<div class="cnnvis-caption">{"<br>".join([f"<b>{first}</b>", *rest])}</div>'


def side_by_side(*children: w.Widget, **layout: str) -> w.HBox:
    """Columns side by side, below each other where the page is narrow."""
    layout = {"flex_flow": "row wrap", "grid_gap": "16px", "align_items": "flex-start", **layout}
    return made(w.HBox, children, layout={"min_width": "0", **layout})


def row(*children: w.Widget, **layout: str) -> w.HBox:
    """Widgets side by side, wrapping where the page is narrow."""
    layout = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "4px 14px", **layout}
    return made(w.HBox, children, layout=layout)


def column(*children: w.Widget, grow: str, widest: str) -> w.VBox:
    """Widgets below each other; ``grow`` is the flex value of the column, ``widest`` its largest width."""
    return made(w.VBox, children, layout={"flex": grow, "max_width": widest, "min_width": "0"})


def stack(*children: w.Widget) -> w.VBox:
    """Parts of a view below each other."""
    return made(w.VBox, children, layout={"min_width": "0", "grid_gap": "10px"})


def dropdown(state: ExplorerState, trait: str, label: str, options: Any, width: str = "auto") -> w.Dropdown:
    """A menu tied to a trait that has a fixed list of values."""
    menu = made(
        w.Dropdown,
        options=options,
        value=getattr(state, trait),
        description=label,
        style=LABEL,
        layout={"width": width, "max_width": "100%"},
    )
    t.link((state, trait), (menu, "value"))
    return menu


def fraction(
    state: ExplorerState,
    trait: str,
    label: str,
    low: float = 0.0,
    high: float = 1.0,
    *,
    live: bool = True,
    width: str = "260px",
) -> w.FloatSlider:
    """A slider tied to a trait, which follows while it is dragged if ``live``."""
    slider = made(
        w.FloatSlider,
        value=getattr(state, trait),
        min=low,
        max=high,
        step=0.01,
        continuous_update=live,
        description=label,
        style=LABEL,
        layout={"width": width, "max_width": "100%"},
    )
    t.link((state, trait), (slider, "value"))
    return slider


def whole(state: ExplorerState, trait: str, label: str, low: int, high: int) -> w.IntSlider:
    """A slider of whole numbers tied to a trait; it acts when it is let go, and grows with values set from Python."""
    slider = made(
        w.IntSlider,
        value=getattr(state, trait),
        min=low,
        max=high,
        continuous_update=False,
        description=label,
        style=LABEL,
        layout={"width": "260px", "max_width": "100%"},
    )
    state.observe(lambda change: setattr(slider, "max", max(slider.max, change["new"])), trait)
    t.link((state, trait), (slider, "value"))
    return slider


def switch(state: ExplorerState, trait: str, label: str) -> w.Checkbox:
    """A checkbox tied to a trait."""
    box = made(w.Checkbox, value=getattr(state, trait), description=label, indent=False, layout={"width": "auto"})
    t.link((state, trait), (box, "value"))
    return box


def button(label: str, on_click: Callable[[], Any], tooltip: str, style: str = "") -> w.Button:
    """A button that calls ``on_click()``. Without an icon: its glyph would be read out as part of the name."""
    pressed = made(w.Button, description=label, tooltip=tooltip, button_style=style, layout={"width": "auto"})
    pressed.on_click(lambda _: on_click())
    return pressed


class LayerMenu:
    """The family filter and the layers of that family; under 'all layers' they are grouped by family.

    Attributes:
        family, layer: the two menus.
    """

    def __init__(self, state: ExplorerState) -> None:
        self._state = state
        families = [(self._title(key), key) for key in state.families]
        self.family = dropdown(state, "family", "Layers", families, "270px")
        layout = {"flex": "1 1 340px", "min_width": "0", "max_width": "620px"}
        self.layer = made(w.Dropdown, description="Layer", style=LABEL, layout=layout)
        self.layer.observe(self._choose, "value")
        state.observe(self._follow, ["layer", "family"])
        self._follow()

    def _title(self, family: str) -> str:
        layers = self._state.network.layers
        count = sum(family in ("all", layer.family) for layer in layers)
        return f"{FAMILY_FILTERS[family]} ({count})"

    def _label(self, layer: Layer) -> str:
        prefix = f"{_SHORT_FAMILY[layer.family]} · " if self._state.family == "all" else ""
        return prefix + self._state.labels[layer.name]

    def _choose(self, change: Any) -> None:
        self._state.layer = change["new"]

    def _follow(self, change: Any = None) -> None:
        options = [(self._label(layer), layer.name) for layer in self._state.listed_layers()]
        if options != list(self.layer.options):
            refill(self.layer, options, self._state.layer, self._choose)
        self.layer.value = self._state.layer


def method_toggle(state: ExplorerState) -> w.ToggleButtons:
    """The ways of looking."""
    toggle = made(
        w.ToggleButtons,
        options=[(name.capitalize(), name) for name in METHODS],
        value=state.method,
        style={"button_width": "auto"},
        layout={"width": "auto"},
    )
    t.link((state, "method"), (toggle, "value"))
    return toggle

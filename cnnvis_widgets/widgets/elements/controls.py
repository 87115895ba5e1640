"""Menus, switches and buttons, each linked with a trait of the state, and the rows and columns they stand in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as w
import traitlets as t

from ...errors import described
from ...results import Layer
from ..state.explorer_state import FAMILY_FILTERS, ExplorerState
from .shared_layouts import create
from .switch import Switch

_SHORT_FAMILY = {"r": "activation", "c": "convolution", "p": "pooling", "": "other"}
LABEL = {"description_width": "initial"}


def refill(menu: Any, options: Iterable[tuple[str, Any]], value: Any, on_choice: Callable[[Any], None]) -> None:
    """Give a menu other options, and choose ``value`` where it is among them.

    A menu with new options chooses the first one by itself. That is no choice of the user, so the observer
    ``on_choice`` is detached meanwhile.
    """
    options = list(options)
    if options == list(menu.options) and menu.value == value:
        return
    menu.unobserve(on_choice, "value")
    with menu.hold_sync():
        menu.options = options
        menu.value = value if value in [option for _, option in options] else None
    menu.observe(on_choice, "value")


def text(words: str, kind: str = "note", role: str = "") -> str:
    """HTML of one line, escaped. A ``role`` of 'status' or 'alert' has screen readers read out its changes."""
    live = {"status": ' role="status" aria-live="polite"', "alert": ' role="alert"'}.get(role, "")
    return f'<div class="cnnvis-{kind}"{live}>{escape(words)}</div>' if words or role == "status" else ""


def error_text(error: BaseException) -> str:
    """HTML of an error, which screen readers read out at once."""
    return text(described(error), "error", role="alert")


def caption(lines: Iterable[str]) -> str:
    """HTML of lines below a picture, escaped, the first one in bold."""
    first, *rest = map(escape, lines)
    return f'<div class="cnnvis-caption">{"<br>".join([f"<b>{first}</b>", *rest])}</div>'


def side_by_side(*children: w.Widget, **layout: str) -> w.HBox:
    """Columns side by side, below each other where the page is narrow."""
    layout = {"flex_flow": "row wrap", "grid_gap": "16px", "align_items": "flex-start", **layout}
    return create(w.HBox, children, layout={"min_width": "0", **layout})


def row(*children: w.Widget, **layout: str) -> w.HBox:
    """Widgets side by side, wrapping where the page is narrow."""
    layout = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "4px 14px", **layout}
    return create(w.HBox, children, layout=layout)


def column(*children: w.Widget, grow: str, widest: str) -> w.VBox:
    """Widgets below each other; ``grow`` is the flex value of the column, ``widest`` its largest width."""
    return create(w.VBox, children, layout={"flex": grow, "max_width": widest, "min_width": "0"})


def stack(*children: w.Widget) -> w.VBox:
    """Parts of a view below each other."""
    return create(w.VBox, children, layout={"min_width": "0", "grid_gap": "10px"})


def dropdown(
    state: ExplorerState, trait: str, label: str, options: Any, *, tooltip: str, width: str = "auto"
) -> w.Dropdown:
    """A menu linked with a trait that has a fixed list of values."""
    menu = create(
        w.Dropdown,
        options=options,
        value=getattr(state, trait),
        description=label,
        tooltip=tooltip,
        style=LABEL,
        layout={"width": width, "max_width": "100%"},
    )
    t.link((state, trait), (menu, "value"))
    return menu


def slider(
    state: ExplorerState, trait: str, label: str, *, tooltip: str, live: bool = True, width: str = "260px"
) -> w.FloatSlider:
    """A slider linked with a trait, over the trait's range. With ``live`` the trait follows while the user drags."""
    limits: Any = state.traits()[trait]
    widget = create(
        w.FloatSlider,
        value=getattr(state, trait),
        min=limits.min,
        max=limits.max,
        step=0.01,
        continuous_update=live,
        description=label,
        tooltip=tooltip,
        style=LABEL,
        layout={"width": width, "max_width": "100%"},
    )
    t.link((state, trait), (widget, "value"))
    return widget


def whole_slider(state: ExplorerState, trait: str, label: str, *, low: int, high: int, tooltip: str) -> w.IntSlider:
    """A slider of whole numbers linked with a trait. The trait changes when the slider is released; the slider's range
    grows with values that are set from Python."""
    widget = create(
        w.IntSlider,
        value=getattr(state, trait),
        min=low,
        max=high,
        continuous_update=False,
        description=label,
        tooltip=tooltip,
        style=LABEL,
        layout={"width": "260px", "max_width": "100%"},
    )
    state.observe(lambda change: setattr(widget, "max", max(widget.max, change["new"])), trait)
    t.link((state, trait), (widget, "value"))
    return widget


def switch(state: ExplorerState, trait: str, label: str, *, tooltip: str) -> Switch:
    """A checkbox linked with a trait."""
    box = Switch(value=getattr(state, trait), description=label, tooltip=tooltip)
    t.link((state, trait), (box, "value"))
    return box


def button(label: str, on_click: Callable[[], Any], tooltip: str, style: str = "") -> w.Button:
    """A button that calls ``on_click()``. Without an icon: its glyph would be read out as part of the name."""
    widget = create(w.Button, description=label, tooltip=tooltip, button_style=style, layout={"width": "auto"})
    widget.on_click(lambda _: on_click())
    return widget


class LayerMenu:
    """The family filter and the layers of that family; under 'all layers' they are grouped by family.

    Attributes:
        family, layer: the two menus.
    """

    def __init__(self, state: ExplorerState) -> None:
        self._state = state
        families = [(self._title(key), key) for key in state.families]
        tooltip = "Which layers the next menu lists"
        self.family = dropdown(state, "family", "Layers", families, tooltip=tooltip, width="270px")
        layout = {"flex": "1 1 340px", "min_width": "0", "max_width": "460px"}
        tooltip = "The layer to look at: its name, its op and the shape of what it returns"
        self.layer = create(w.Dropdown, description="Layer", tooltip=tooltip, style=LABEL, layout=layout)
        self.layer.observe(self._choose, "value")
        state.observe(self._update, ["layer", "family"])
        self._update()

    def _title(self, family: str) -> str:
        layers = self._state.network.layers
        count = sum(family in ("all", layer.family) for layer in layers)
        return f"{FAMILY_FILTERS[family]} ({count})"

    def _label(self, layer: Layer) -> str:
        prefix = f"{_SHORT_FAMILY[layer.family]} · " if self._state.family == "all" else ""
        return prefix + self._state.labels[layer.name]

    def _choose(self, change: Any) -> None:
        self._state.layer = change["new"]

    def _update(self, change: Any = None) -> None:
        options = [(self._label(layer), layer.name) for layer in self._state.listed_layers()]
        if options != list(self.layer.options):
            refill(self.layer, options, self._state.layer, self._choose)
        self.layer.value = self._state.layer


@dataclass(frozen=True)
class Choice:
    """A view as its button tells it.

    Attributes:
        title: on the button; ``name``: the value of ``state.method``.
        tooltip: what the view shows.
        reason: why it cannot apply; '' if it can.
    """

    title: str
    name: str
    tooltip: str
    reason: str = ""


def method_toggle(state: ExplorerState, choices: Iterable[Choice]) -> w.HBox:
    """The buttons that choose a view; those of views that cannot apply are disabled, and say why."""
    choices = list(choices)
    usable = [(choice.title, choice.name) for choice in choices if not choice.reason]
    toggle = create(
        w.ToggleButtons,
        options=usable,
        tooltips=[choice.tooltip for choice in choices if not choice.reason],
        value=state.method if state.method in [name for _, name in usable] else None,
        style={"button_width": "auto"},
        layout={"width": "auto"},
    )

    def follow(change: Any) -> None:  # from Python, any view can be chosen; one without a button says why
        toggle.value = change["new"] if change["new"] in [name for _, name in usable] else None

    def choose(change: Any) -> None:
        if change["new"] is not None:
            state.method = change["new"]

    state.observe(follow, "method")
    toggle.observe(choose, "value")
    others = [
        create(w.Button, description=choice.title, tooltip=choice.reason, disabled=True, layout={"width": "auto"})
        for choice in choices
        if choice.reason
    ]
    return row(toggle, *others)


def growing_text(description: str, placeholder: str, tooltip: str, *, narrowest: str) -> w.Text:
    """A text field that takes the room left in its row; the value follows on return or when the focus moves on."""
    return create(
        w.Text,
        description=description,
        placeholder=placeholder,
        continuous_update=False,
        tooltip=tooltip,
        style={"description_width": "initial"},
        layout={"width": "auto", "flex": f"1 1 {narrowest}", "min_width": "0"},
    )

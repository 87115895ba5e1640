"""A widget as HTML that needs no kernel and no script, drawn from the state that the kernel had of it."""

from __future__ import annotations

from html import escape
from typing import Any

VIEW = "application/vnd.jupyter.widget-view+json"
NOTE = "As it was when the notebook ended; in Jupyter it is live."
MENUS = "DropdownModel", "SelectModel", "SelectionSliderModel", "ToggleButtonsModel"

_KINDS = {"iVBOR": "png", "Qk": "bmp"}  # by how their first bytes look in base64


def of(model: str, states: dict[str, Any]) -> str:
    """The still of a widget: its pictures, texts and choices, laid out as they were.

    Args:
        model: the id of its model.
        states: of all models, by id, as a notebook stores them.
    """
    return f'<div class="still">{_drawn(model, states)}<p class="still-note">{NOTE}</p></div>'


def _drawn(model: str, states: dict[str, Any]) -> str:
    state, name = states[model]["state"], states[model]["model_name"]
    layout = states.get(_id(state.get("layout")), {"state": {}})["state"]
    if layout.get("display") == "none" or layout.get("visibility") == "hidden":
        return ""
    if "children" in state:
        inside = "".join(_drawn(_id(child), states) for child in state["children"])
        across = "still-row" if name == "HBoxModel" else "still-column"
        style = f"flex: {layout.get('flex') or '0 1 auto'}; max-width: {layout.get('max_width') or '100%'}"
        return inside and f'<div class="{across}" style="{style}">{inside}</div>'
    if name == "HTMLModel":
        return state["value"] and f"<div>{state['value']}</div>"
    if name in MENUS and state["index"] is not None:
        return _choice(state["description"], state["_options_labels"][state["index"]])
    return "".join(_picture(each, state) for each in states[model].get("buffers", ()) if each["data"])


def _id(reference: Any) -> str:
    return str(reference).removeprefix("IPY_MODEL_")


def _choice(label: str, chosen: str) -> str:
    return f'<span class="still-choice">{escape(label)} <b>{escape(str(chosen))}</b></span>'


def _picture(buffer: dict[str, Any], state: dict[str, Any]) -> str:
    """An image, not larger than it was."""
    data, alt = buffer["data"], escape(str(state.get("alt", "")))
    kind = next((kind for begin, kind in _KINDS.items() if data.startswith(begin)), "jpeg")
    size = f"max-width: {state['width']}px" if str(state.get("width", "")).isdigit() else ""
    image = f'<img src="data:image/{kind};base64,{data}" alt="{alt}" style="{size}">'
    return f"<figure>{image}</figure>"

"""Closes all widgets of a part of the page. Ipywidgets keeps each widget until it is closed, in a page or not."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from .elements.shared_layouts import is_shared


def close_all(owner: Any) -> None:
    """Close every widget that an object has in its attributes, at any depth, shared layouts and styles excepted.

    Args:
        owner: an object of this package's widgets; it is closed first, if it is a widget itself.
    """
    for widget in _widgets_of(owner):
        w.Widget.close(widget)  # a widget's own ``close`` ends its work, too, which its owner has done


def _widgets_of(owner: Any) -> list[w.Widget]:
    found: list[w.Widget] = []
    seen, left = {id(owner)}, [owner]
    while left:
        part = left.pop()
        if isinstance(part, w.Widget):
            if is_shared(part):
                continue
            found.append(part)
        for inner in _parts(part):
            if id(inner) not in seen:
                seen.add(id(inner))
                left.append(inner)
    return found


def _parts(part: Any) -> list[Any]:
    """What a container holds, and the attributes of widgets and of the objects that arrange them."""
    if isinstance(part, dict):
        return list(part.values())
    if isinstance(part, list | tuple | set | frozenset):
        return list(part)
    if isinstance(part, w.Widget) or type(part).__module__.startswith(f"{__package__}."):
        return list(vars(part).values()) if hasattr(part, "__dict__") else []
    return []

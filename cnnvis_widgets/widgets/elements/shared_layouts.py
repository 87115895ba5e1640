"""Layouts and styles that controls share.

Each layout is a model of its own, which the page fetches when it is reloaded. With a layout for every control an
explorer had 396 models. JupyterLab's widget manager waits two seconds for a model, and gave some of them up.
"""

from __future__ import annotations

from typing import Any, TypeVar
from weakref import WeakSet

import ipywidgets as w

from ...caches import LRUCache

_SHARED: LRUCache[Any] = LRUCache()
_ALL: WeakSet[Any] = WeakSet()

Kind = TypeVar("Kind", bound=w.Widget)


def shared(kind: type[Kind], **traits: Any) -> Kind:
    """The one layout or style with these traits. All its users share it, so nobody may change it."""
    layout: Kind = _SHARED.get_or_make(
        (kind, tuple(sorted(traits.items()))),
        lambda: kind(**traits),
        valid=lambda model: model.comm is not None,  # all widgets of the kernel may have been closed
    )
    _ALL.add(layout)
    return layout


def is_shared(widget: w.Widget) -> bool:
    """Whether other widgets may have this layout or style, too."""
    return widget in _ALL


def create(kind: type[Kind], *args: Any, **traits: Any) -> Kind:
    """Create a widget with a shared layout and style; ``layout`` and ``style`` are dicts of their traits."""
    known = kind.class_traits()
    for name in {"layout", "style"} & known.keys():
        traits[name] = shared(known[name].klass, **traits.get(name, {}))
    return kind(*args, **traits)


def set_visible(widget: w.DOMWidget, visible: bool) -> None:
    """Show or hide a widget, by giving it another one of the shared layouts.

    The page does not see another layout of an anywidget: show and hide a box around it.
    """
    display = None if visible else "none"
    layout = widget.layout
    if layout.display != display:
        traits = {name: getattr(layout, name) for name in layout.keys if not name.startswith("_")}
        traits["display"] = display
        widget.layout = shared(w.Layout, **{name: value for name, value in traits.items() if value is not None})

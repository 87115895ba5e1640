"""Layouts and styles that controls share.

Each is a model of its own, which the page fetches when it is loaded anew. With one for every control an explorer had
396 models, and JupyterLab's widget manager, which looks for a model during two seconds, gave some of them up.
"""

from __future__ import annotations

from typing import Any, TypeVar

import ipywidgets as w

from ...caches import LRUCache

_SHARED: LRUCache[Any] = LRUCache()

Kind = TypeVar("Kind", bound=w.Widget)


def shared(kind: type[Kind], **traits: Any) -> Kind:
    """The one layout or style with these traits; nobody may change it."""
    layout: Kind = _SHARED.get_or_make(
        (kind, tuple(sorted(traits.items()))),
        lambda: kind(**traits),
        valid=lambda model: model.comm is not None,  # all widgets of the kernel may have been closed
    )
    return layout


def made(kind: type[Kind], *args: Any, **traits: Any) -> Kind:
    """A widget of a kind, with a shared layout and style; ``layout`` and ``style`` are dicts of their traits."""
    known = kind.class_traits()
    for name in {"layout", "style"} & known.keys():
        traits[name] = shared(known[name].klass, **traits.get(name, {}))
    return kind(*args, **traits)


def show(widget: w.DOMWidget, shown: bool) -> None:
    """Show or hide a widget, which then has another of the shared layouts."""
    display = None if shown else "none"
    layout = widget.layout
    if layout.display != display:
        traits = {name: getattr(layout, name) for name in layout.keys if not name.startswith("_")}
        given = {name: value for name, value in {**traits, "display": display}.items() if value is not None}
        widget.layout = shared(w.Layout, **given)

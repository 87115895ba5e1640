"""A small canvas: encoded pictures in; clicks, keys, hovering and drags out.

Why our own: docs/design/0005-canvas.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from ...imaging.busy_regions import Box
from .page_files import page_files
from .shared_layouts import shared

ARROWS = {"ArrowLeft": (0, -1), "ArrowRight": (0, 1), "ArrowUp": (-1, 0), "ArrowDown": (1, 0)}
"""The rows and columns by which a key moves."""


_PARTS = (
    "accessibility",
    "pacing",
    "canvas_zoom",
    "canvas_picture",
    "canvas_frame",
    "canvas_pointer",
    "canvas_keys",
    "canvas",
)
"""The files that are joined to one JavaScript module, in this order. They share its names; the last one exports."""


class PictureCanvas(anywidget.AnyWidget):
    """Shows one encoded picture, and reports clicks, keys, hovering and drags; zoom and pan stay in the page.

    Attributes:
        name: tells the pictures of an explorer apart; an attribute ``data-picture`` in the page.
        data: a whole PNG, JPEG or BMP file. BMP, of 8 or 24 bits, is drawn at once. Of the frames that come
            while another one is being decoded, only the newest is drawn.
        alt: the text alternative, read by screen readers in place of the picture.
        width: the largest width in CSS pixels; the canvas shrinks with the page.
        smooth: whether enlarged pixels are blended; feature maps need hard pixels.
        interactive: whether it takes clicks and the keyboard.
        selected: the frame drawn over the picture, (left, top, width, height) in its pixels, or ().
        tag: a few words at the frame; set it after ``selected``, which removes it.
        drag: in 'move' the user drags the frame, in 'brush' draws another one, with the mouse, a finger
            or the arrow keys. In 'region' it is drawn as in 'brush', but the arrow keys select as without a
            frame, and with Shift are reported as keys of their own.
        cover: whether the frame hides what lies in it, in the grey of an occluder.
        hover: whether the page reports the place of the pointer; ``on_hover`` sets it.
        readout: a line on the picture while the pointer is over it.
        measured: whether the page reports the room that it has for the picture, to ``on_room``.
        zoomable: whether the user can zoom, by wheel, pinch, buttons and the keys + - 0.
    """

    _esm = page_files(__file__, *(f"{part}.js" for part in _PARTS))
    _css = page_files(__file__, "canvas.css")

    name = t.Unicode("").tag(sync=True)
    data = t.Bytes(b"").tag(sync=True)
    alt = t.Unicode("No picture yet").tag(sync=True)
    width = t.Int(448).tag(sync=True)
    smooth = t.Bool(False).tag(sync=True)
    interactive = t.Bool(False).tag(sync=True)
    selected = t.Tuple().tag(sync=True)
    tag = t.Unicode("").tag(sync=True)
    drag = t.Enum(("", "move", "brush", "region"), "").tag(sync=True)
    cover = t.Bool(False).tag(sync=True)
    hover = t.Bool(False).tag(sync=True)
    readout = t.Unicode("").tag(sync=True)
    measured = t.Bool(False).tag(sync=True)
    zoomable = t.Bool(False).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**{"layout": shared(w.Layout), **traits})
        self._clicks: list[Callable[[float, float], None]] = []
        self._keys: list[Callable[[str], None]] = []
        self._hovers: list[Callable[[float, float], None]] = []
        self._rooms: list[Callable[[float, float], None]] = []
        self._drags: list[Callable[[int, int, int, int, bool], None]] = []
        self.on_msg(self._receive)
        self.observe(lambda change: setattr(self, "tag", ""), "selected")  # words about another frame

    def on_click(self, callback: Callable[[float, float], None]) -> None:
        """Have ``callback(x, y)`` called with the place of every click, in picture pixels."""
        self._clicks.append(callback)

    def on_key(self, callback: Callable[[str], None]) -> None:
        """Have ``callback(key)`` called with 'ArrowLeft', '...Right', '...Up', '...Down', 'Home' or 'End'; in
        'region' also 'Shift+ArrowLeft' and so on."""
        self._keys.append(callback)

    def on_hover(self, callback: Callable[[float, float], None]) -> None:
        """Have ``callback(x, y)`` called with the place of the pointer, in picture pixels, at most 15 times a
        second; it answers by setting ``readout``."""
        self._hovers.append(callback)
        self.hover = True

    def on_room(self, callback: Callable[[float, float], None]) -> None:
        """Have ``callback(width, height)`` called when the page has other room: the width of the place and the height
        of the window, in CSS pixels."""
        self._rooms.append(callback)

    def on_drag(self, callback: Callable[[int, int, int, int, bool], None]) -> None:
        """Have ``callback(left, top, width, height, final)`` called while the frame is dragged or drawn.

        At most 15 times a second, in whole picture pixels within the picture, with ``selected`` set to the same.
        ``final`` is true once, at the end of each drag.
        """
        self._drags.append(callback)

    def show(self, data: bytes, alt: str, selected: Box | tuple[()] = ()) -> None:
        """Show another picture, in one message to the page."""
        with self.hold_sync():
            self.data, self.alt, self.selected = data, alt, selected

    def _receive(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        if content.get("event") == "click":
            for on_click in self._clicks:
                on_click(content["x"], content["y"])
        elif content.get("event") == "key":
            for on_key in self._keys:
                on_key(content["key"])
        elif content.get("event") == "hover":
            for on_hover in self._hovers:
                on_hover(content["x"], content["y"])
        elif content.get("event") == "room":
            for on_room in self._rooms:
                on_room(content["width"], content["height"])
        elif content.get("event") == "drag":
            box = content["left"], content["top"], content["width"], content["height"]
            with self._lock_property(selected=list(box)):  # the page shows this frame already, or a newer one
                self.selected = box
            for on_drag in self._drags:
                on_drag(*box, content["final"])

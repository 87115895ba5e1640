"""How the explorer is laid out, and which controls are there for which method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from . import controls as c
from .class_picker import ClassPicker
from .pictures import Pictures
from .state import ExplorerState


class Panes:
    """Builds ``children``: menus above, pictures in the middle, files and messages below.

    Args:
        state: what the controls write and the messages read.
        pictures: the canvases.
        start, stop: called by the buttons of a dream.
        save_png, log: called by the buttons that write files.
    """

    def __init__(
        self,
        state: ExplorerState,
        pictures: Pictures,
        *,
        start: Callable[[], Any],
        stop: Callable[[], Any],
        save_png: Callable[[], Any],
        log: Callable[[], Any],
    ) -> None:
        self._state, self._pictures = state, pictures
        self._start = c.button("Start dreaming", start, "Grow the class or map", "primary")
        self._stop = c.button("Stop", stop, "Stop and keep the last picture")
        self._picker = ClassPicker(state)
        self._deconvolution = c.deconvolution_options(state)
        self._dream = c.dream_options(state)
        self._dream.children = (*self._dream.children, self._start)
        menu = c.LayerMenu(state)
        self._pages = _Pages(state, pictures)
        files = [
            c.switch(state, "save_png", "Write PNG files"),
            c.switch(state, "log_to_tensorboard", "Log to TensorBoard"),
            c.button("Save PNG now", save_png, "Write what is shown as PNG files"),
            c.button("Log now", log, "Write what is shown as a TensorBoard summary"),
        ]
        self.children = [
            c.row(c.dropdown(state, "image", "Image", _numbered(state.images), "200px"), menu.family, menu.layer),
            c.row(c.method_toggle(state), self._deconvolution, self._dream),
            self._report(),
            self._middle(),
            c.row(*files, margin="6px 0 0 0"),
            self._files(),
        ]
        state.observe(self._follow, ["method", "climb", "running"])
        self._follow()

    def _middle(self) -> w.HBox:
        """The montage left, photo and selected map right; below each other where it is narrow."""
        pictures = self._pictures
        self._maps = _column(pictures.montage, self._pages, grow="5 1 280px", widest="720px")
        self._classes = _column(self._picker, grow="2 1 260px", widest="360px")
        photo = [pictures.photo, pictures.photo_caption, pictures.chart]
        columns = [
            _column(*photo, grow="2 1 200px", widest="330px"),
            _column(pictures.large, pictures.caption, grow="3 1 260px", widest="500px"),
        ]
        wrapped = {"flex_flow": "row wrap", "grid_gap": "16px", "align_items": "flex-start"}
        right = w.HBox(columns, layout=w.Layout(flex="6 1 300px", min_width="0", **wrapped))
        return w.HBox([self._maps, self._classes, right], layout=w.Layout(margin="8px 0 0 0", **wrapped))

    def _report(self) -> w.VBox:
        """Progress, status and error; each in words, because a bar says nothing to a screen reader."""
        state = self._state
        bar = w.FloatProgress(min=0.0, max=1.0, layout=w.Layout(width="220px", margin="2px 0"))
        status, detail, error = w.HTML(), w.HTML(), w.HTML()

        def follow(change: Any = None) -> None:
            bar.value = state.progress
            ended = "success" if state.progress == 1 else "warning"
            bar.bar_style = "danger" if state.error else "" if state.running else ended
            status.value = c.text(state.status, role="status")
            detail.value = c.text(state.detail)
            error.value = c.text(state.error, "error", role="alert")

        state.observe(follow, ["progress", "status", "detail", "error", "running"])
        follow()
        return w.VBox([c.row(bar, self._stop, status, detail), error], layout=w.Layout(min_width="0"))

    def _files(self) -> w.HTML:
        written = w.HTML()

        def follow(change: Any) -> None:
            shown = [str(path) for path in self._state.files]
            more = f" and {len(shown) - 6} more" if len(shown) > 6 else ""
            written.value = c.text(f"Written: {', '.join(shown[:6])}{more}" if shown else "")

        self._state.observe(follow, "files")
        return written

    def _follow(self, change: Any = None) -> None:
        method, dreaming = self._state.method, self._state.method == "deep dream"
        climbs_class = dreaming and self._state.climb == "class"
        _show(self._deconvolution, method == "deconvolution")
        for widget in (self._dream, self._pictures.chart):
            _show(widget, dreaming)
        _show(self._classes, climbs_class)
        _show(self._maps, not climbs_class)
        self._start.description = "Start again" if dreaming and self._state.running else "Start dreaming"
        self._stop.disabled = not self._state.running


class _Pages(w.HBox):
    """The number of the selected map, and the way to the other pages of a layer with very many maps."""

    def __init__(self, state: ExplorerState, pictures: Pictures) -> None:
        self._state, self._pictures = state, pictures
        self._channel = w.BoundedIntText(
            description="Map", style={"description_width": "initial"}, layout=w.Layout(width="120px")
        )
        self._back = c.button("Previous", lambda: self._turn(-1), "The page of maps before this one")
        self._on = c.button("Next", lambda: self._turn(1), "The next page of maps")
        self._text = w.HTML()
        layout = w.Layout(align_items="center", flex_flow="row wrap")
        super().__init__([self._channel, self._back, self._text, self._on], layout=layout)
        self._channel.observe(self._choose, "value")
        state.observe(self._follow, ["layer", "channel", "page", "method"])
        self._follow()

    def _turn(self, by: int) -> None:
        self._state.page = min(max(0, self._state.page + by), self._pictures.pages - 1)

    def _choose(self, change: Any) -> None:
        self._state.channel = change["new"]

    def _follow(self, change: Any = None) -> None:
        count, pages = self._state.current_layer.channels or 1, self._pictures.pages
        self._channel.unobserve(self._choose, "value")
        self._channel.max = count - 1
        self._channel.value = self._state.channel or 0
        self._channel.observe(self._choose, "value")
        paged = pages > 1 and self._state.method != "deconvolution"
        for widget in (self._back, self._text, self._on):
            _show(widget, paged)
        self._text.value = c.text(f"page {self._state.page + 1} of {pages}", "caption")


def _column(*children: w.Widget, grow: str, widest: str) -> w.VBox:
    return w.VBox(children, layout=w.Layout(flex=grow, max_width=widest, min_width="0"))


def _show(widget: w.DOMWidget, shown: bool) -> None:
    widget.layout.display = None if shown else "none"


def _numbered(names: tuple[str, ...]) -> list[tuple[str, int]]:
    return [(name, index) for index, name in enumerate(names)]

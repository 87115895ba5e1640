"""How the explorer is laid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as w

from ..results import Layer
from .elements import controls as c
from .elements.code_button import CodeButton
from .elements.network_strip import NetworkStrip
from .elements.progress import Report
from .elements.shared_layouts import made
from .input_image.image_pane import ImagePane
from .state.explorer_state import ExplorerState
from .views.view import View


class Panes:
    """Builds ``children``: menus above, photo and view in the middle, files and messages below.

    Args:
        state: what the controls write and the messages read.
        image_pane: stands left of every view.
        views: by the value of ``state.method``; one at a time is in the page.
        layers: of the network, as fed.
        stop: called by the button that ends what runs.
        save_png, log, save_page: called by the buttons that write files.
        code: gives the code of what is shown.
    """

    def __init__(
        self,
        state: ExplorerState,
        image_pane: ImagePane,
        views: Mapping[str, View],
        layers: Sequence[Layer],
        *,
        stop: Callable[[], Any],
        save_png: Callable[[], Any],
        log: Callable[[], Any],
        save_page: Callable[[], Any],
        code: Callable[[], str],
    ) -> None:
        self._state, self._image_pane, self._views = state, image_pane, views
        self._options = c.row()
        self._panel = made(w.VBox, layout={"flex": "5 1 420px", "min_width": "0"})
        middle = c.side_by_side(image_pane.widget, self._panel, margin="8px 0 0 0")
        menu = c.LayerMenu(state)
        files = [
            c.switch(state, "save_png", "Write PNG files"),
            c.switch(state, "log_to_tensorboard", "Log to TensorBoard"),
            c.button("Save PNG now", save_png, "Write what is shown as PNG files"),
            c.button("Log now", log, "Write what is shown as a TensorBoard summary"),
            c.button("Save page", save_page, "Write all that was computed as a page that needs no kernel"),
        ]
        self.children = [
            c.row(menu.family, menu.layer),
            NetworkStrip(state, layers),
            c.method_toggle(state),
            self._options,
            Report(state, stop).widget,
            middle,
            c.row(*files, margin="6px 0 0 0"),
            self._files(),
            CodeButton(code),
        ]
        state.observe(self._follow, "method")
        self._follow()

    def _files(self) -> w.HTML:
        written = made(w.HTML)

        def follow(change: Any) -> None:
            shown = [str(path) for path in self._state.files]
            more = f" and {len(shown) - 6} more" if len(shown) > 6 else ""
            written.value = c.text(f"Written: {', '.join(shown[:6])}{more}" if shown else "")

        self._state.observe(follow, "files")
        return written

    def _follow(self, change: Any = None) -> None:
        view = self._views[self._state.method]
        self._options.children, self._panel.children = tuple(view.options), (view.panel,)

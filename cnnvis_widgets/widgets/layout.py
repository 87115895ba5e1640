"""Where the parts of the explorer stand in the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets as w

from ..results import Layer
from .elements import controls as c
from .elements.code_button import CodeButton
from .elements.network_strip import NetworkStrip
from .elements.progress import ProgressReport
from .elements.shared_layouts import create
from .input_image.image_pane import ImagePane
from .state.explorer_state import ExplorerState
from .views.view import View

NAMED_FILES = 6
"""How many written files are named below the explorer; of more only the number."""


@dataclass(frozen=True)
class Actions:
    """What the buttons of the explorer call.

    Attributes:
        stop: ends the running work.
        save_png, log, export_html: write files.
        code: returns the code for what is on the screen.
    """

    stop: Callable[[], Any]
    save_png: Callable[[], Any]
    log: Callable[[], Any]
    export_html: Callable[[], Any]
    code: Callable[[], str]


class ExplorerLayout:
    """Builds ``children``: menus above, photo and view in the middle, files and messages below.

    Args:
        state: what the controls write and the messages read.
        image_pane: stands left of every view.
        views: by the value of ``state.method``; one at a time is in the page.
        layers: of the network, as fed.
        actions: what the buttons call.
    """

    def __init__(
        self,
        state: ExplorerState,
        image_pane: ImagePane,
        views: Mapping[str, View],
        layers: Sequence[Layer],
        actions: Actions,
    ) -> None:
        self._state, self._views = state, views
        self._options = c.row()
        self._panel = create(w.VBox, layout={"flex": "5 1 420px", "min_width": "0"})
        menu = c.LayerMenu(state)
        self.children = [
            c.row(menu.family, menu.layer),
            NetworkStrip(state, layers),
            c.method_toggle(state, [_choice(view) for view in views.values()]),
            self._options,
            ProgressReport(state, actions.stop).widget,
            c.side_by_side(image_pane.widget, self._panel, margin="8px 0 0 0"),
            c.row(*self._file_controls(actions), margin="6px 0 0 0"),
            self._written_files(),
            CodeButton(actions.code),
        ]
        state.observe(self._show_view, "method")
        self._show_view()

    def _file_controls(self, actions: Actions) -> list[w.Widget]:
        return [
            c.switch(self._state, "save_png", "Write PNG files", tooltip="Write every finished result as PNG files"),
            c.switch(
                self._state,
                "log_to_tensorboard",
                "Log every result",
                tooltip="Log every finished result, and each step of a dream, for TensorBoard",
            ),
            c.button("Save PNG now", actions.save_png, "Write the result on the screen as PNG files"),
            c.button("Log to TensorBoard", actions.log, "Write the result on the screen as a TensorBoard summary"),
            c.button("Export HTML", actions.export_html, "Write all results so far as a page that needs no kernel"),
        ]

    def _written_files(self) -> w.HTML:
        html = create(w.HTML)

        def update(change: Any) -> None:
            paths = [str(path) for path in self._state.files]
            more = f" and {len(paths) - NAMED_FILES} more" if len(paths) > NAMED_FILES else ""
            html.value = c.text(f"Written: {', '.join(paths[:NAMED_FILES])}{more}" if paths else "")

        self._state.observe(update, "files")
        return html

    def _show_view(self, change: Any = None) -> None:
        view = self._views[self._state.method]
        reason = view.unavailable()
        if reason:
            self._options.children, self._panel.children = (), (create(w.HTML, value=c.text(reason, role="status")),)
        else:
            self._options.children, self._panel.children = tuple(view.options), (view.panel,)


def _choice(view: View) -> c.Choice:
    return c.Choice(view.title, view.name, view.tooltip, view.unavailable())

"""Where the parts of the explorer stand in the page.

Above: what network this is, its layers, the views. Below, in three columns: the photo, the view, and the card of the
channel. On a narrow page the card stands under the view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ipywidgets as w

from .elements import controls as c
from .elements.code_button import CodeButton
from .elements.disclosure import folded
from .elements.kernel_notice import KernelNotice
from .elements.log_controls import LogControls
from .elements.page_buttons import PageButtons
from .elements.progress import ProgressReport
from .elements.shared_layouts import create
from .elements.title_bar import TitleBar
from .input_image.image_pane import ImagePane
from .overview.film_strip import FilmStrip
from .state.explorer_state import ExplorerState
from .views.view import View

FILES_MENU = "Save pictures, log to TensorBoard, export a page, copy the code"
EXPLAINING = "attribution"
"""The view that explains a class."""
NAMED_FILES = 6
"""How many written files are named below the explorer; of more only the number."""


@dataclass(frozen=True)
class Actions:
    """What the buttons of the explorer call.

    Attributes:
        stop: ends the running work.
        save_png, log, export_html: write files.
        code: returns the code for what is on the screen.
        logdir: the folder of the logs; ``None`` where nothing is logged.
    """

    stop: Callable[[], Any]
    save_png: Callable[[], Any]
    log: Callable[[], Any]
    export_html: Callable[[], Any]
    code: Callable[[], str]
    logdir: Path | None


class ExplorerLayout:
    """Builds ``children``.

    Args:
        state: what the controls write and the messages read.
        image_pane: stands left of every view.
        views: by the value of ``state.method``; one at a time is in the page.
        strip: the layers of the network.
        actions: what the buttons call.
        heading: the first line.

    Attributes:
        card: the place of the card of a channel, in the right-hand column, below what a view puts there; it takes no
            room while it is empty.
        columns: photo, view and, where there is something in it, the right-hand column.
    """

    def __init__(
        self,
        state: ExplorerState,
        image_pane: ImagePane,
        views: Mapping[str, View],
        strip: FilmStrip,
        actions: Actions,
        heading: TitleBar,
    ) -> None:
        self._state, self._views = state, views
        self.card = _classed(create(w.VBox), "cnnvis-card")
        self._options, self._panel = c.row(), create(w.VBox)
        self._image, self._left = image_pane, _classed(create(w.VBox), "cnnvis-left")
        self._explain = c.button("", self._explain_class, "See which parts of the image speak for this class")
        menu = c.LayerMenu(state)
        self._families = menu.family
        self._fold = folded(label="More options", tooltip="Controls that you need less often")
        controls = _classed(create(w.Box, [self._options, self._fold]), "cnnvis-controls")
        self._middle = _classed(create(w.VBox, [controls, self._panel]), "cnnvis-middle")
        self._side = _classed(create(w.VBox), "cnnvis-side")
        self.columns = _classed(create(w.Box), "cnnvis-columns")
        self._sentence, self._reason = create(w.HTML), create(w.HTML)
        log, code = LogControls(state, actions.logdir), CodeButton(actions.code)
        methods = c.method_toggle(state, [_choice(view) for view in views.values()])
        progress = ProgressReport(state, actions.stop)
        self.children = [
            self._first_line(heading, image_pane, self._files_menu(actions, log, code)),
            strip.element,
            _classed(create(w.Box, [_classed(methods, "cnnvis-methods"), progress.widget]), "cnnvis-tabs"),
            progress.error,
            self._written_files(),
            _classed(create(w.Box, [menu.layer, self._sentence]), "cnnvis-sentence"),
            self.columns,
            log.words,
            KernelNotice(),
        ]
        self._follow(code)

    def _follow(self, code: CodeButton) -> None:
        """Keep what stands in the page as the state says."""
        state = self._state
        state.observe(self._show_view, "method")
        state.observe(self._say, list(state.traits(report=None)))
        self.card.observe(self._arrange, "children")
        state.observe(self._arrange, ["target", "head", *(["explained"] if state.has_trait("explained") else [])])
        self._show_view()
        state.observe(lambda change: code.refresh(), list(state.trait_names(report=None)))

    def _first_line(self, heading: TitleBar, image_pane: ImagePane, menu: w.Box) -> w.Box:
        """The network, the images and the ways to another one, help, the menu."""
        images = image_pane.thumbnails, image_pane.incoming.tools
        return _classed(create(w.Box, [heading, *images, PageButtons(), menu]), "cnnvis-head")

    def _files_menu(self, actions: Actions, log: LogControls, code: CodeButton) -> w.Box:
        """Whatever writes a file or copies code, behind one button."""
        controls = [*log.switches, *self._file_controls(actions)]
        return folded(*controls, code, label="Save and copy", tooltip=FILES_MENU, kind="menu")

    def _file_controls(self, actions: Actions) -> list[w.Widget]:
        about_log = "Write the result on the screen as a TensorBoard summary"
        return [
            c.switch(self._state, "save_png", "Write PNG files", tooltip="Write every finished result as PNG files"),
            c.button("Save PNG now", actions.save_png, "Write the result on the screen as PNG files"),
            *([] if actions.logdir is None else [c.button("Log to TensorBoard", actions.log, about_log)]),
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
            self._reason.value = c.text(reason, role="status")
            self._options.children, self._panel.children = (), (self._reason,)
        else:
            self._options.children, self._panel.children = tuple(view.options), (view.panel,)
        self._fold.children[1].children = (*(() if reason else view.more), self._families)
        self._arrange()
        self._say()

    def _say(self, change: Any = None) -> None:
        view = self._views[self._state.method]
        self._sentence.value = "" if view.unavailable() else c.text(view.sentence())

    def _arrange(self, change: Any = None) -> None:
        """Put into the page what stands beside the view; without anything on its right the view is wider."""
        view = self._views[self._state.method]
        below, beside = ((), ()) if view.unavailable() else (tuple(view.below_photo), tuple(view.side))
        self._left.children = (self._image.widget, *self._explaining(view), *below, *self._image.below)
        card = (self.card,) if self.card.children and view.has_card and not view.unavailable() else ()
        self._side.children = (*beside, *card)
        self.columns.children = (self._left, self._middle, *([self._side] if beside or card else []))

    def _explaining(self, view: View) -> tuple[w.Widget, ...]:
        """The button that explains the class whose bar was clicked, beside views that tell nothing about a class."""
        state: Any = self._state
        clicked = getattr(state, "explained", "") == "chosen" and state.has_predictions
        if not clicked or view.asks_class or self._views[EXPLAINING].unavailable():
            return ()
        self._explain.description = f"Explain {state.class_name(state.target)}"
        return (self._explain,)

    def _explain_class(self) -> None:
        self._state.method = EXPLAINING


def _classed(widget: w.DOMWidget, name: str) -> Any:
    """The widget, with a class for the style of the page."""
    widget.add_class(name)
    return widget


def _choice(view: View) -> c.Choice:
    return c.Choice(view.title, view.name, view.tooltip, view.unavailable())

"""The images of a survey to which the channel of a card responds most, and the controls of that survey."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock

import ipywidgets as w
import traitlets as t

from ...errors import CnnvisError, described
from ...imaging import encode
from ...imaging.grid import Grid
from ...imaging.patches import patches_picture
from ...results import StrongestPatches
from ..elements.canvas import ARROWS, PictureCanvas
from ..elements.controls import button, error_text, growing_text, row, stack, text
from ..elements.shared_layouts import create, set_visible, shared
from ..jobs.newest_request import NewestRequest
from ..surveying.image_survey import NO_SURVEY, ImageSurvey
from .figure_view import words

SIDE, GAP = 72, 4
"""Height and width of a patch in pixels, and the space between two pairs."""


class Elsewhere(w.VBox):
    """Nine patches, each beside its projection; a click on one opens its image.

    Args:
        survey: is begun, ended and asked.
        open_image: called with the key of a surveyed image.

    Attributes:
        canvas: the patches.
        patches: that are shown; ``None`` where there are none.
    """

    def __init__(self, survey: ImageSurvey, open_image: Callable[[str], None]) -> None:
        self._survey, self._state, self._open_image = survey, survey.state, open_image
        self._asked: tuple[str, int] | None = None
        self._marked, self._lock = 0, RLock()
        self.patches: StrongestPatches | None = None
        self.canvas = PictureCanvas(name="elsewhere", smooth=True, interactive=True, width=720)
        self.canvas.on_click(self._click)
        self.canvas.on_key(self._key)
        self._request = NewestRequest(self._show, self._fail)
        self._words, self._note, self._error = create(w.HTML), create(w.HTML), create(w.HTML)
        self._bar = create(w.IntProgress, min=0, max=100, layout={"width": "120px"})
        self._begin = button("Survey these images", self._start, "Find out which images each channel responds to most")
        self._end = button("Cancel survey", survey.stop, "End the survey, and keep what it has found")
        about = "A folder of image files to survey instead of the images above"
        self._folder = growing_text("or those of a folder", "the path of a folder", about, narrowest="210px")
        t.link((self._state, "survey_folder"), (self._folder, "value"))
        controls = row(self._begin, self._end, self._bar, self._folder)
        self._pictures = stack(self.canvas)
        parts = [self._words, self._pictures, self._note, controls, self._error]
        super().__init__(parts, layout=shared(w.Layout, min_width="0"))
        self._state.observe(self._report, ["survey_running", "survey_done", "survey_total", "survey_status"])
        self._state.observe(self._ask_again, "survey_step")
        self._report()
        self._show(None)

    def ask(self, layer: str, channel: int) -> None:
        """Show the patches of a channel, a moment later; first alone, then beside their projections."""
        self._asked = layer, channel
        if self._survey.found is None:
            self._show(None)
            return
        if self.patches is not None and (self.patches.layer.name, self.patches.channel) == (layer, channel):
            self._submit(layer, channel, self._state.rule)
            return
        self._show(_Answer(layer, channel, None, "Looking for its patches ..."))
        self._submit(layer, channel, None)

    def _submit(self, layer: str, channel: int, rule: str | None) -> None:
        survey = self._survey
        self._request.submit(lambda: _answer(survey, layer, channel, rule))

    def _start(self) -> None:
        self._error.value = ""
        try:
            self._survey.start()
        except CnnvisError as error:
            self._fail(error)

    def _ask_again(self, change: object) -> None:
        if self._asked is not None:
            self.ask(*self._asked)

    def _show(self, answer: _Answer | None) -> None:
        with self._lock:
            if answer is not None and (answer.layer, answer.channel) != self._asked:
                return
            self.patches, self._marked = None if answer is None else answer.patches, 0
            title, found = "Strongest elsewhere", self.patches is not None and bool(self.patches.patches)
            set_visible(self._pictures, found)
            self._words.value = words(title, self._reason(answer) if not found else "")
            self._note.value = ""
            if self.patches is not None and found:
                pictures = patches_picture(self.patches.patches, self.patches.value_range, side=SIDE)
                self.canvas.show(encode.jpeg(pictures, quality=92), self._alt(self.patches))
                rule = next((patch.rule for patch in self.patches.patches if patch.rule), "")
                pair = f"each beside its projection by {rule}" if rule else "without projections"
                count = len(self.patches.patches)
                self._note.value = text(f"{count} of {self._count()} images, {pair}. Click one to open its image.")
                if answer is not None and not rule and not answer.projected:
                    self._submit(answer.layer, answer.channel, self._state.rule)

    def _count(self) -> int:
        found = self._survey.found
        return 0 if found is None else len(found)

    def _reason(self, answer: _Answer | None) -> str:
        if answer is not None and answer.words:
            return answer.words
        if answer is None:
            return "Nothing is found yet." if self._state.survey_running else NO_SURVEY
        return "This layer was not surveyed. Choose it, and survey the images again."

    def _alt(self, patches: StrongestPatches) -> str:
        best = patches.patches[0]
        return (
            f"The patches of surveyed images to which channel {patches.channel} responds most, each beside its "
            f"projection; the strongest is {best.value:.4g}"
        )

    def _fail(self, error: Exception) -> None:
        self._error.value = error_text(error)

    def _report(self, change: object = None) -> None:
        state = self._state
        running = state.survey_running
        for widget, visible in ((self._begin, not running), (self._end, running), (self._bar, running)):
            set_visible(widget, visible)
        self._bar.value = round(100 * state.survey_done / state.survey_total) if state.survey_total else 0
        counted = f"{state.survey_done} of {state.survey_total or '?'} images" if running else ""
        self._error.value = text(f"{state.survey_status} {counted}".strip())

    # ---- choosing a patch

    def _grid(self) -> Grid:
        patches = () if self.patches is None else self.patches.patches
        pairs = any(patch.projection is not None for patch in patches)
        return Grid(len(patches), SIDE, 2 * SIDE if pairs else SIDE, gap=GAP)

    def _click(self, x: float, y: float) -> None:
        place = self._grid().locate(int(y), int(x))
        if place is not None:
            self._open(place[0])

    def _key(self, key: str) -> None:
        """Arrow keys walk through the patches, and open each."""
        grid = self._grid()
        if key in ARROWS and grid.count:
            down, across = ARROWS[key]
            self._open(min(max(0, self._marked + down * grid.columns + across), grid.count - 1))

    def _open(self, number: int) -> None:
        patches = self.patches
        if patches is None:
            return
        self._marked = number
        grid = self._grid()
        top, left = grid.corner(number)
        self.canvas.selected = left, top, grid.width, grid.height
        try:
            self._open_image(patches.patches[number].key)
        except CnnvisError as error:
            self._error.value = text(described(error), "error", role="alert")


@dataclass(frozen=True)
class _Answer:
    """The patches of a channel of a layer, or words in their place; ``projected``: whether projections were tried."""

    layer: str
    channel: int
    patches: StrongestPatches | None
    words: str = ""
    projected: bool = False


def _answer(survey: ImageSurvey, layer: str, channel: int, rule: str | None) -> _Answer:
    return _Answer(layer, channel, survey.patches(layer, channel, rule), projected=rule is not None)

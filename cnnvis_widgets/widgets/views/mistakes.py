"""The surveyed images that the network gets wrong, and the channels that misled it."""

from __future__ import annotations

from html import escape

import ipywidgets as w
import numpy as np

from ...imaging import encode
from ...imaging.cropping import fitted_picture
from ...imaging.render import picture
from ...results import Mistake, Mistakes
from ..elements.canvas import PictureCanvas
from ..elements.controls import button, row, stack, text
from ..elements.shared_layouts import create
from ..jobs.computations import Progress
from .view import Context, Steps, View

MOST = 8
"""Mistakes on the screen; those with the largest lead of the wrong class come first."""

SIDE = 128
"""Height and width of an image, in pixels."""

NEEDS_LABELS = (
    "This view needs a survey of images with labels: explorer.survey(images, labels=...), or a folder with a folder "
    "for each class, surveyed with labels='folder'."
)


class MistakesView(View):
    """Wrong predictions of the survey: each image beside the most similar one that is right, and the channels that
    speak most for the wrong class.

    Attributes:
        mistakes: on the screen.
    """

    name, title = "mistakes", "Mistakes"
    tooltip = "See which surveyed images the network gets wrong, and which channels misled it"
    has_pictures = False

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.mistakes: Mistakes | None = None
        self._list = create(w.VBox, layout={"min_width": "0", "grid_gap": "14px"})
        self._words = create(w.HTML)
        self.panel = stack(self._words, self._list)

    def is_stale(self, trait: str) -> bool:
        return trait == "survey_running" and not self.context.state.survey_running

    def work(self) -> tuple[str, Steps] | None:
        surveying, layer = self.context.surveying, self.state.layer
        if surveying.found is None or not surveying.has_labels:
            self.mistakes, self._list.children = None, ()
            self._words.value = text(NEEDS_LABELS, role="status")
            return None

        def steps() -> Steps:
            yield Progress(surveying.mistakes(MOST, layer), layer)

        return "Looking for mistakes", steps()

    def draw(self, progress: Progress, final: bool) -> None:
        if not final:
            return
        self.mistakes = mistakes = progress.result
        count, labelled = len(mistakes), mistakes.labelled
        found = f"The network gets all {labelled} surveyed images with a label right."
        if count:
            found = f"{mistakes.wrong} of {labelled} predictions are wrong; here are the {count} clearest."
        reading = " Click an image to open it, or a channel to see its card." if count else ""
        self._words.value = text(found + reading, role="status")
        self._list.children = [self._row(number, mistake) for number, mistake in enumerate(mistakes)]

    def code(self) -> str:
        lines = [
            "labels = []  # fill in: the class of each image that you feed, by name or number",
            "if labels:",
            "    found = cnnvis_widgets.survey(network, feed, labels=labels)",
            f"    mistakes = found.errors(count={MOST})",
        ]
        return "\n".join(lines)

    def _row(self, number: int, mistake: Mistake) -> w.HBox:
        lead = mistake.scores[1] - mistake.scores[0]
        words = (
            f"<b>{escape(mistake.prediction)}</b>, but it is <b>{escape(mistake.label)}</b>."
            f"<br>The score of the wrong class leads by {lead:.3g}."
        )
        if mistake.nearest is not None:
            right = escape(str(mistake.nearest_label))
            words += f"<br>Most similar image that is right: {right}, similarity {mistake.similarity:.2f}."
        channels = [self._channel(mistake, evidence.channel) for evidence in mistake.channels]
        opened = button("Open image", lambda: self._open(mistake.key), "Look at this image in the explorer")
        caption = create(w.HTML, value=f'<div class="cnnvis-caption">{words}</div>')
        told = create(w.VBox, [caption, row(opened, *channels)], layout={"min_width": "0", "flex": "1 1 260px"})
        words = f"Predicted as {mistake.prediction}"
        pictures = [self._picture(f"mistake-{number}", mistake.key, mistake.pixels, words)]
        if mistake.nearest is not None and mistake.nearest_pixels is not None:
            words = f"Right: {mistake.nearest_label}"
            pictures.append(self._picture(f"nearest-{number}", mistake.nearest, mistake.nearest_pixels, words))
        return row(*pictures, told)

    def _picture(self, name: str, key: str, image: np.ndarray, words: str) -> PictureCanvas:
        canvas = PictureCanvas(name=name, smooth=True, interactive=True, width=SIDE, layout=w.Layout(width=f"{SIDE}px"))
        canvas.show(encode.png(self._drawn(image)), f"{words}; click to open the image")
        canvas.on_click(lambda x, y: self._open(key))
        return canvas

    def _drawn(self, image: np.ndarray) -> np.ndarray:
        values = self.context.fed_images.value_range if self.mistakes is None else self.mistakes.value_range
        drawn = picture(image, values)
        large = max(drawn.shape[:2]) > 2 * SIDE
        return fitted_picture(drawn, SIDE, SIDE) if large else drawn

    def _channel(self, mistake: Mistake, channel: int) -> w.Button:
        def choose() -> None:
            self._open(mistake.key)
            self.state.layer = mistake.layer.name
            self.state.channel = channel
            self.state.method = self.state.methods[0]

        return button(f"Channel {channel}", choose, f"See channel {channel} of {mistake.layer.name} for this image")

    def _open(self, key: str) -> None:
        self.context.surveying.open(key, self.context.image_pane.incoming)

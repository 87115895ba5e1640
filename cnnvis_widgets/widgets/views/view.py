"""What a view is: the work it needs for a state, how it draws a step of it, and which code gives the same arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import ipywidgets as w

from ...outputs.pictures import Picture
from ..input_image.image_pane import ImagePane
from ..jobs.computations import Progress, Steps
from ..state.explorer_state import ExplorerState
from ..state.fed_images import FedImages, FedLayer
from ..surveying.image_survey import ImageSurvey
from .gallery import Gallery


@dataclass(frozen=True)
class Context:
    """What all views of one explorer share.

    Attributes:
        state: what the controls write and the pictures read; it has the traits of every view.
        fed_images: the network and its images.
        image_pane: the photo, its canvas and what stands below it.
        gallery: the montage and the large map.
        begin: ``begin(view, status, steps)`` abandons the running work and consumes ``steps`` in the
            background; each step goes to the view's ``draw``.
        outdir: the folder of files that a view writes itself.
        surveying: the survey of many images.
    """

    state: Any
    fed_images: FedImages
    image_pane: ImagePane
    gallery: Gallery
    begin: Callable[[View, str, Steps], None]
    outdir: Path
    surveying: ImageSurvey

    def fed_layer(self, layer: str | None = None) -> FedLayer:
        """The chosen layer, or another one, fed the chosen image."""
        return self.fed_images.at(self.state.image, self.state.layer if layer is None else layer)


class View:
    """One way of looking at a network. It is on the screen while ``state.method`` is its ``name``.

    A view with traits of its own declares them in a subclass of ``ExplorerState`` and narrows the type of ``state``
    to it. ``views.registry`` lists all views.

    Attributes:
        name: the value of ``state.method``.
        title: on the button that chooses the view; ``tooltip``: what the view shows, in a sentence.
        depends_on: the traits that the picture depends on, beside ``layer``, ``image`` and ``method``.
        options: controls above the picture.
        more: controls that few people need, in a fold beside them.
        panel: what is shown beside the photo.
        below_photo: what stands in the left-hand column, below the photo and the prediction.
        side: what stands in the right-hand column, above the card of the channel; on a narrow page below ``panel``.
        asks_class: whether it shows something about the chosen class.
        has_card: whether the card of the chosen channel stands beside it.
        has_pictures: whether its results are written as PNG files and TensorBoard summaries, which draw the result of
            the work and ``extra_pictures``. A view of text says False: the switches write nothing, and the buttons say
            why.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    tooltip: ClassVar[str] = ""
    depends_on: ClassVar[Sequence[str]] = ()
    has_pictures: ClassVar[bool] = True
    asks_class: ClassVar[bool] = False
    has_card: ClassVar[bool] = False
    options: Sequence[w.Widget] = ()
    more: Sequence[w.Widget] = ()
    panel: w.Widget
    below_photo: Sequence[w.Widget] = ()
    side: Sequence[w.Widget] = ()
    state: ExplorerState

    def __init__(self, context: Context) -> None:
        self.context, self.state = context, context.state

    def work(self) -> tuple[str, Steps] | None:
        """The status line and the steps of the work for the state as it is; None where there is nothing to do.

        Read the state here and not in the generator, which runs in another thread, later.
        """
        raise NotImplementedError

    def draw(self, progress: Progress, final: bool) -> None:
        """Draw a step of the work, in the job's thread; the last step comes with ``final=True``."""
        raise NotImplementedError

    def unavailable(self) -> str:
        """Why the view cannot show anything of this network and its input; '' if it can."""
        return ""

    def is_stale(self, trait: str) -> bool:
        """Whether the work must begin again after a change of this trait."""
        return trait in self.depends_on

    def sentence(self) -> str:
        """What is on the screen and how to read it, in a sentence or two; by default the tooltip.

        It is asked again after each change of the state.
        """
        return self.tooltip + "."

    def on_enter(self) -> None:
        """Called when the view comes to the screen, before its work begins."""

    def on_leave(self) -> None:
        """Called before another view takes its place: take back what was drawn on shared canvases."""

    def writes(self, result: Any) -> bool:
        """Whether the switches write this finished result.

        Say False for results that only prepare another one, such as maps to choose from. The buttons ('Save PNG now')
        write any result.
        """
        return True

    def extra_pictures(self) -> list[Picture]:
        """Pictures on the screen, beside the result of the work, that belong into files."""
        return []

    def code(self) -> str:
        """Python that gives what is on the screen as arrays, from ``network`` and ``feed``."""
        raise NotImplementedError

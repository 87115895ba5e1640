"""What a way of looking is: what it computes for a state, how it is drawn, and which code gives the same."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import ipywidgets as w

from ...outputs.pictures import Picture
from ..input_image.image_pane import ImagePane
from ..jobs.computations import Progress
from ..state.explorer_state import ExplorerState
from ..state.fed_images import Subject, Where
from .gallery import Gallery

Steps = Generator[Progress, None, None]


@dataclass(frozen=True)
class Context:
    """What all views of one explorer share.

    Attributes:
        state: what the controls write and the pictures read.
        subject: the network and its images.
        image_pane: the photo, its canvas and what stands below it.
        gallery: the montage and the large map.
        begin: ``begin(view, status, steps)`` abandons whatever runs and consumes ``steps`` in the
            background; each of them comes to the view's ``draw``.
    """

    state: ExplorerState
    subject: Subject
    image_pane: ImagePane
    gallery: Gallery
    begin: Callable[[View, str, Steps], None]

    def where(self, layer: str | None = None) -> Where:
        """Network, feed of the chosen image, a key for it, and layer, as ``work`` wants them."""
        return self.subject.where(self.state.image, self.state.layer if layer is None else layer)


class View:
    """One way of looking, on the screen while ``state.method`` is its ``name``.

    Attributes:
        name: the value of ``state.method``.
        stale: the traits whose change makes what is shown stale, beside ``layer``, ``image`` and
            ``method``; the work then begins again.
        options: controls for the row below the choice of method.
        panel: what is shown beside the photo.
    """

    name: ClassVar[str]
    stale: ClassVar[Sequence[str]] = ()
    options: Sequence[w.Widget] = ()
    panel: w.Widget

    def __init__(self, context: Context) -> None:
        self.context, self.state = context, context.state

    def steps(self) -> tuple[str, Steps] | None:
        """The status line and the work for the state as it is; None where there is nothing to do now.

        Read the state here and not in the generator, which runs in another thread, later.
        """
        raise NotImplementedError

    def draw(self, progress: Progress, final: bool) -> None:
        """Show a step of the work, in the job's thread; the last one comes with ``final=True``."""
        raise NotImplementedError

    def concerns(self, trait: str) -> bool:
        """Whether the change of a trait makes what is shown stale."""
        return trait in self.stale

    def left(self) -> None:
        """Called when another view takes its place: take back what was drawn on the photo."""

    def beside(self) -> list[Picture]:
        """Pictures for files of what is on the screen beside the result of the work."""
        return []

    def code(self) -> str:
        """Python that gives what is on the screen as arrays, from ``network`` and ``feed``."""
        raise NotImplementedError

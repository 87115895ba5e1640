"""The survey of an explorer: begun and ended by the user, asked by the card and by the views."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine.network.labelled_images import count_of, labelled_images, listed
from ...engine.network.network import Network
from ...errors import CnnvisError, OptionError, described
from ...extras import needed
from ...results import Mistakes, StrongestPatches
from ...surveys.frames import selectivity
from ...surveys.options import Labels
from ..input_image.new_images import NewImages
from ..jobs import jobs
from ..state.fed_images import FedImages
from ..state.surveys import SurveyTraits

if TYPE_CHECKING:  # at run time they are imported with the first survey: they need pyarrow, which an explorer does not
    from ...surveys.survey import Survey

PARTS = 12
"""In about how many parts a survey is written, so that there is something to see early."""

REPORTS_PER_SECOND = 4.0
"""How often the state tells how far the survey is."""

NO_SURVEY = "No images are surveyed yet. Click 'Survey these images'."


class _Cancelled(Exception):  # noqa: N818  (ends the reading of images; nobody sees it)
    pass


@dataclass(frozen=True, eq=False)
class _Images:
    """The images of a survey: they can be read as often as wanted.

    Attributes:
        network: that takes them.
        source: a folder, a pattern, or (array, label, key) of each.
    """

    network: Network
    source: Any

    def __iter__(self) -> Iterator[tuple[Any, str | None, str]]:
        layout = self.network.runtime.layout
        for image in labelled_images(layout, self.source):
            yield image.source, image.label, image.key


class ImageSurvey:
    """Surveys the images of an explorer, or those of a folder, in the background.

    Args:
        state: reports how far it is.
        fed_images: the network and the explorer's own images, whose keys are their numbers.
    """

    def __init__(self, state: SurveyTraits, fed_images: FedImages) -> None:
        self.state, self._fed_images = state, fed_images
        self._slot = jobs.new_slot()
        self._job: jobs.Job | None = None
        self._cancel = threading.Event()
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._folder: Path | None = None
        self._images: _Images | None = None
        self._open: tuple[int, Survey] | None = None

    def start(
        self,
        images: Any = None,
        *,
        labels: Labels = None,
        layers: str | Sequence[str] | None = None,
        out: str | Path | None = None,
    ) -> None:
        """Begin a survey, abandoning the one that runs.

        Args:
            images: as for ``cnnvis_widgets.survey``; ``None`` for the folder of the state, or else the explorer's own.
            labels: as for ``cnnvis_widgets.survey``.
            layers: as for ``cnnvis_widgets.survey``; ``None`` for the activation functions and the chosen layer.
            out: the folder of the index; ``None`` for one that is removed with the explorer.

        Raises:
            FeedError, ImageError: there are no images. MissingPackageError: the extra 'survey' is not installed.
        """
        needed("pyarrow")
        from ...surveys.run import survey_steps

        self.stop()
        state, network = self.state, self._fed_images.network
        folder = state.survey_folder.strip()
        source = listed(images if images is not None else folder or self._own())
        total = count_of(network.runtime.layout, source) or 0
        self._images = _Images(network, source)
        self._folder, self._open = self._new_folder() if out is None else Path(out), None
        self._cancel = cancel = threading.Event()
        state.survey_running, state.survey_done, state.survey_total = True, 0, total
        state.survey_status = "Surveying"
        options: dict[str, Any] = {"labels": labels, "out": self._folder, "progress": False, "batch": 8}
        options["partition"] = max(4, min(64, -(-total // PARTS)))
        chosen = self._layers() if layers is None else layers
        taken = self._taken(self._images, cancel)

        def steps() -> Generator[Survey, None, None]:
            with suppress(_Cancelled):
                yield from survey_steps(network, taken, chosen, **options)

        self._job = jobs.Job(
            steps,
            show=lambda found, final: self._more(cancel),
            done=lambda job: self._done(job, cancel),
            pacer=jobs.Pacer(REPORTS_PER_SECOND),
        )
        self._slot.start(self._job)

    def stop(self) -> None:
        """End the survey; what it has found stays."""
        self._cancel.set()

    def close(self) -> None:
        """End the survey and remove its files."""
        self.stop()
        if self._job is not None:
            self._job.wait(10)
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def wait(self, timeout: float | None = None) -> Survey | None:
        """Wait until the survey has ended, for scripts and tests.

        Raises:
            TimeoutError: it took longer. Exception: whatever it raised.
        """
        if self._job is not None:
            if not self._job.wait(timeout):
                raise TimeoutError(f"Expected the survey to end within {timeout} seconds; it is still running.")
            if self._job.error is not None:
                raise self._job.error
        return self.found

    @property
    def found(self) -> Survey | None:
        """What is found so far; ``None`` before the first images are done."""
        if self._folder is None or self._images is None or not self._folder.is_dir():
            return None
        step = self.state.survey_step
        if self._open is None or self._open[0] != step:
            from ...surveys.survey import Survey

            opened = Survey.open(self._folder, self._images.network, self._images)
            if not opened.index.partitions():
                return None
            self._open = step, opened
        return self._open[1]

    @property
    def has_labels(self) -> bool:
        """Whether a surveyed image has a label."""
        found = self.found
        return found is not None and any(label is not None for label in found.labels)

    # ---- answers

    def patches(self, layer: str, channel: int, rule: str | None) -> StrongestPatches | None:
        """The strongest patches of a channel so far, each with its projection by a rule; ``None`` if not surveyed."""
        found = self.found
        if found is None or not len(found) or layer not in [each.name for each in found.layers]:
            return None
        try:
            return found.patches(layer, channel, rule=rule)
        except CnnvisError:  # such as a layer from which nothing flows to the image
            return found.patches(layer, channel, rule=None)

    def selectivities(self, layer: str, target: int) -> np.ndarray:
        """How much more each channel of a layer responds to a class than to all others; see ``selectivity``.

        Raises:
            OptionError: nothing is surveyed. LayerError, ChannelError: not this layer, or not this class.
        """
        found = self.found
        if found is None:
            raise OptionError(f"Expected a survey, to sort by selectivity. Received: none. {NO_SURVEY}")
        count = len(found.layer_summary(found.layer(layer)).counts.images)
        table = selectivity(found, target, layer, count).sort_values("channel")
        values: np.ndarray = table["selectivity"].to_numpy(np.float64)
        return values

    def mistakes(self, count: int, layer: str) -> Mistakes:
        """The images whose prediction is not their label; channels are those of a layer where it is surveyed.

        Raises:
            OptionError: nothing is surveyed, images have no labels, or the network has no class scores.
        """
        found = self.found
        if found is None:
            raise OptionError(f"Expected a survey of images with labels. Received: none. {NO_SURVEY}")
        surveyed = [each.name for each in found.layers]
        return found.errors(count=count, layer=layer if layer in surveyed[:-1] else None)

    def source(self, key: str) -> Any:
        """What can be fed of a surveyed image.

        Raises:
            OptionError: it cannot be read again.
        """
        found = self.found
        if found is None:
            raise OptionError(f"Expected a survey. Received: none. {NO_SURVEY}")
        return found.sources({key})[key].source

    def is_own(self, key: str) -> bool:
        """Whether a key is the number of one of the explorer's own images."""
        own = self._images is not None and isinstance(self._images.source, _Own)
        return own and key.isdecimal() and int(key) < len(self._fed_images.images)

    def open(self, key: str, incoming: NewImages) -> None:
        """Look at a surveyed image; one that the explorer does not have is added to its images.

        Raises:
            OptionError, FeedError: it cannot be read again.
        """
        state = self.state
        if self.is_own(key):
            state.image = int(key)
            return
        name = Path(key).name if Path(key).suffix else f"surveyed {key}"
        if name in state.images:
            state.image = list(state.images).index(name)
        else:
            incoming.add(self.source(key), name)

    # ---- work

    def _own(self) -> _Own:
        tensor = self._fed_images.network.runtime.image_tensor
        feeds = [self._fed_images.feed(number) for number in range(len(self._fed_images.images))]
        return _Own((feed[tensor][0], None, str(number)) for number, feed in enumerate(feeds))

    def _layers(self) -> list[str]:
        layers = self._fed_images.network.layers
        names = [layer.name for layer in layers if layer.family == "r" or layer.name == self.state.layer]
        return list(dict.fromkeys(names))

    def _new_folder(self) -> Path:
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="cnnvis_survey_")
        return Path(tempfile.mkdtemp(dir=self._scratch.name))

    def _taken(self, images: _Images, cancel: threading.Event) -> Iterator[tuple[Any, str | None, str]]:
        """The images one by one; reports how many are taken, a few times a second."""
        state, pacer, count = self.state, jobs.Pacer(REPORTS_PER_SECOND), 0
        for count, image in enumerate(images, 1):
            if cancel.is_set():
                raise _Cancelled
            if pacer.ready():
                state.survey_done = count
            yield image
        state.survey_done = count

    def _more(self, cancel: threading.Event) -> None:
        """Report that more of the survey is written."""
        if cancel is self._cancel:
            self.state.survey_step += 1

    def _done(self, job: jobs.Job, cancel: threading.Event) -> None:
        if cancel is not self._cancel:
            return
        state = self.state
        if job.error is not None:
            state.survey_status = described(job.error)
        else:
            self._open = None  # partitions may have been written since the last step
            found = self.found
            count = 0 if found is None else len(found)
            state.survey_status = f"{'Stopped: ' if cancel.is_set() else ''}{count} images surveyed"
        state.survey_running = False
        state.survey_step += 1


class _Own(list[tuple[Any, None, str]]):
    """The explorer's own images."""

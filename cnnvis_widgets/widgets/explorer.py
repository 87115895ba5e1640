"""``ModelExplorer``: a network in a notebook cell. State in, jobs started, pictures out."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import ipywidgets as w
import numpy as np

from .. import demo
from ..engine.loading import load
from ..engine.network import Network
from ..results import DreamStep
from . import jobs, work
from .files import Files, Result
from .panes import Panes
from .pictures import Pictures
from .state import ExplorerState


class ModelExplorer(w.VBox):
    """Looks inside a network, live: feature maps, deconvolution and deep dream.

    Choose a layer and its feature maps appear; click one to see it large. 'Deconvolution' shows
    what in the image made the strongest maps fire; 'Deep dream' grows a class or a map before your
    eyes. Everything on the screen is in ``state`` and can be set from Python; work runs in the
    background, and a new choice abandons the old work.

    Args:
        model: a ``Network`` or anything ``cnnvis_widgets.load`` takes. Without model and feed the
            embedded network opens on its own photographs.
        feed: what to look at: one or more images, or a dict or list of all the network's inputs.
        class_names: names of the classes, in the order of the class scores.
        preprocess: turns a picture, uint8 (h, w, 3), into what the network eats.
        image_input: the input the images go to, where it is not obvious.
        logdir: where TensorBoard logs go, if they are switched on.
        outdir: where PNG files go, if they are switched on.

    Attributes:
        network: the ``Network`` that is explored.
        state: the ``ExplorerState``; ``explorer.state.layer = 'conv2'`` does what the menu does.
        result: the ``FeatureMaps``, ``Reconstruction`` or last ``DreamStep`` on the screen.
        traceback: of the last error, as text; the pane shows only its message.

    Raises:
        ModelError, FeedError: see ``cnnvis_widgets.load``.
    """

    def __init__(
        self,
        model: Any = None,
        feed: Any = None,
        *,
        class_names: Any = None,
        preprocess: Callable[..., Any] | None = None,
        image_input: Any = None,
        logdir: str | Path = "Log",
        outdir: str | Path = "Output",
    ) -> None:
        names: tuple[str, ...] = ()
        if model is None and feed is None:
            photos = demo.photos()
            model, feed, names = demo.network(), list(photos.values()), tuple(photos)
        options = {"class_names": class_names, "preprocess": preprocess, "image_input": image_input}
        self.network: Network = load(model, feed, **options)
        self._feeds = self.network.feeds(feed)
        images = self.network.images(feed)
        labels = {layer.name: layer.label for layer in self.network.layers_as_fed(feed)}
        self.state = ExplorerState(self.network, names or [f"image {index}" for index in range(len(images))], labels)
        self.result: Result | None = None
        self.traceback = ""
        self._job: jobs.Job
        self._writing: list[jobs.Job] = []
        self._key = object()
        self._began = 0.0
        self._files = Files(Path(outdir), Path(logdir), self.network.layers)
        self._pictures = Pictures(self.state, images, self.network.value_range(feed))
        panes = Panes(
            self.state,
            self._pictures,
            start=self.start,
            stop=self.stop,
            save_png=self.save_png,
            log=self.log_to_tensorboard,
        )
        super().__init__(panes.children, layout=w.Layout(width="100%", max_width="1600px"))
        self.add_class("cnnvis-explorer")
        self.state.observe(self._browse, ["layer", "image", "method", "rule", "seed"])
        self.state.observe(self._complete, "channel")
        self._browse()

    def start(self) -> None:
        """Begin a deep dream of the chosen class or map, abandoning whatever runs."""
        state = self.state
        state.method = "deep dream"
        climbs_class = state.climb == "class" and self.network.logits is not None
        layer = self.network.logits.name if climbs_class and self.network.logits else state.layer
        channel = state.target if climbs_class else state.channel
        start = "feed" if state.start == "photo" else None
        steps = work.dreaming(
            *self._where(layer), channel=channel, start=start, octaves=state.octaves, steps=state.steps
        )
        self._begin(self._logged(steps), "Dreaming")

    def stop(self) -> None:
        """Stop after the step being computed; what is shown stays and can be saved."""
        self._job.cancel()

    def wait(self, timeout: float | None = None) -> Result | None:
        """Wait until everything begun is computed and written, for scripts and stored notebooks.

        Args:
            timeout: seconds, for the computation and again for each set of files.

        Returns:
            ``result``.

        Raises:
            TimeoutError: it took longer.
            Exception: whatever the work raised.
        """
        _await(self._job, timeout)
        for job in self._writing:  # filled when the job ends
            _await(job, timeout)
        return self.result

    def save_png(self) -> None:
        """Write what is shown as PNG files below ``outdir``; ``state.files`` will name them."""
        self._write(self._files.save_png)

    def log_to_tensorboard(self) -> None:
        """Write what is shown as TensorBoard summaries below ``logdir``."""
        self._write(self._files.log)

    def close(self) -> None:
        """Stop the work, close the files and remove the widget from the page."""
        self.stop()
        self._files.close()
        super().close()

    def _where(self, layer: str) -> tuple[Network, Any, Any, str]:
        """Network, feed of the chosen image, a key for it, and layer, as ``work`` wants them."""
        index = self.state.image
        feed = self.network.rows_of(self._feeds, np.array([index]))
        return self.network, feed, (self._key, index), layer

    def _browse(self, change: Any = None) -> None:
        """Begin what the state asks for, unless the change does not concern it."""
        state = self.state
        where = self._where(state.layer)
        if state.method == "deconvolution":
            options = {"channel": state.channel, "rule": state.rule, "seed": state.seed}
            self._begin(work.deconvolve(*where, **options), f"Reconstructing from {state.layer}")
        elif change is None or change["name"] not in ("rule", "seed"):
            self._begin(work.browse(*where), f"Computing {state.layer}")

    def _complete(self, change: Any) -> None:
        """Begin again where a map is chosen that is not going to be reconstructed."""
        if self.state.method == "deconvolution" and not self._pictures.will_show(self.state.channel):
            self._browse()

    def _begin(self, steps: Generator[work.Progress, None, None], status: str) -> None:
        job = jobs.Job(lambda: steps, show=lambda *step: self._show(job, *step), done=self._done)
        self._job, self._began, self._writing = job, time.monotonic(), []
        state = self.state
        state.error, state.detail, state.files, state.progress = "", "", (), 0.0
        state.status, state.running = status, True
        jobs.COMPUTING.start(job)

    def _show(self, job: jobs.Job, step: work.Progress, final: bool) -> None:
        """Draw a step, in the job's thread. A complete one is drawn once, as the final one."""
        if job is not self._job or (step.done == step.total and not final):
            return
        self.result = step.result
        self._pictures.draw(step, final)
        self.state.progress = step.done / step.total
        self.state.detail = _progress_text(step.done, step.total, time.monotonic() - self._began)

    def _done(self, job: jobs.Job) -> None:
        """Report how a job ended, in its thread; one that was replaced has nothing to say any more."""
        if job is not self._job:
            return
        state = self.state
        if job.error is not None:
            self._report(job.error)
        else:
            took = f"Done in {time.monotonic() - self._began:.1f} s"
            state.status = "Stopped" if job.cancelled else took
            self._write(*self._wanted())
        state.detail, state.running = "", False

    def _report(self, error: Exception) -> None:
        self.traceback = "".join(traceback.format_exception(error))
        self.state.status, self.state.error = "Failed", f"{type(error).__name__}: {error}"

    def _wanted(self) -> list[Callable[..., list[Path]]]:
        """What is to be written at the end of a job, by the switches of the state."""
        state, dream = self.state, isinstance(self.result, DreamStep)
        if state.method == "deep dream" and not dream:
            return []
        log = state.log_to_tensorboard and not dream  # a dream has logged every step already
        return [self._files.save_png] * state.save_png + [self._files.log] * log

    def _logged(self, steps: Generator[work.Progress, None, None]) -> Generator[work.Progress, None, None]:
        """The steps of a dream, each logged as it comes while the switch is on."""
        with closing(steps):
            for step in steps:
                if self.state.log_to_tensorboard:
                    self._name_files(self._files.log(step.result, None))
                yield step

    def _write(self, *writers: Callable[..., list[Path]]) -> None:
        """Write the result in the background, next to what is being computed."""
        result, image = self.result, self.state.image if len(self.state.images) > 1 else None

        def steps() -> Generator[None, None, None]:
            for writer in writers:
                self._name_files(writer(result, image))
                yield

        def done(job: jobs.Job) -> None:
            if job.error is not None:
                self._report(job.error)

        if result is not None and writers:
            job = jobs.Job(steps, done=done)
            self._writing.append(job)
            jobs.WRITING.start(job, replace=False)

    def _name_files(self, paths: list[Path]) -> None:
        self.state.files = tuple(dict.fromkeys([*self.state.files, *paths]))


def _await(job: jobs.Job, timeout: float | None) -> None:
    if not job.wait(timeout):
        raise TimeoutError(f"Expected the work to end within {timeout} seconds; it is still running.")
    if job.error is not None:
        raise job.error


def _progress_text(done: int, total: int, elapsed: float) -> str:
    """'3 of 80 · about 12 s left'; nothing for work of a single step."""
    if total == 1 or not done:
        return ""
    return f"{done} of {total} · about {elapsed * (total - done) / done:.0f} s left"

"""Runs the work of one explorer, and hands its results to the screen and to files."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from pathlib import Path

from ..errors import OutputError, described
from ..imaging.render import picture
from ..outputs.file_names import PAGE
from ..results import DreamStep
from .jobs import jobs
from .jobs.computations import Progress
from .saving.page_store import PageStore
from .saving.result_files import Result, ResultFiles
from .state.explorer_state import ExplorerState
from .state.fed_images import FedImages
from .views.view import Steps, View

SHARING = "in turns with another explorer"
"""Told beside the progress while several explorers compute."""

LOGGED_PER_SECOND = 1.0
"""Steps of a running dream that are logged, beside the last one: a picture takes about 20 ms to draw and encode."""

_AT_WORK: set[Runner] = set()


class Runner:
    """Runs one piece of work at a time, reports it in the state, and writes results to files meanwhile.

    New work abandons the explorer's own old work. The explorers of a process compute in turns, a step each.

    Attributes:
        slot: runs the work.
        result: the result on the screen.
        traceback: of the last error, as text.
    """

    def __init__(self, state: ExplorerState, fed_images: FedImages, files: ResultFiles) -> None:
        self._state, self._fed_images, self._files = state, fed_images, files
        self.result: Result | None = None
        self.traceback = ""
        self.slot = jobs.new_slot()
        self._job: jobs.Job
        self._view: View
        self._writing: list[jobs.Job] = []
        self._began = 0.0
        self._page_store = PageStore()
        self._stopped = "Stopped"
        self._log_pacer = jobs.Pacer(LOGGED_PER_SECOND)

    def begin(self, view: View, status: str, steps: Steps) -> None:
        """Abandon the running work, and have a view draw these steps as they come."""

        def show(step: Progress, final: bool) -> None:
            self._show(job, view, step, final)

        job = jobs.Job(lambda: self._logged(steps), show=show, done=self._done, turns=jobs.TURNS)
        self._job, self._view, self._began, self._writing = job, view, time.monotonic(), []
        state = self._state
        state.running, state.status = True, status  # first: the bar of a finished run would be coloured anew
        state.error, state.detail, state.files, state.progress = "", self._sharing(), (), 0.0
        self._stopped = "Stopped"
        _AT_WORK.add(self)
        self.slot.start(job)

    def stop(self) -> None:
        """Stop after the step that is being computed."""
        self._job.cancel()

    def abandon(self) -> None:
        """Stop the work because the cell was run again, and close the files."""
        self._stopped = "Stopped: its cell was run again"
        self.close()

    def _sharing(self) -> str:
        """What to tell if other explorers compute, too; a paused dream does not."""
        others = [runner for runner in tuple(_AT_WORK) if not getattr(runner._state, "paused", False)]
        return SHARING if any(runner is not self for runner in others) else ""

    def wait(self, timeout: float | None) -> None:
        """See ``ModelExplorer.wait``."""
        _await(self._job, timeout)
        for job in self._writing:  # filled when the job ends
            _await(job, timeout)

    def save_png(self) -> None:
        """Write the result as PNG files."""
        self._write(self._saving(self._files.save_png))

    def log(self) -> None:
        """Write the result as TensorBoard summaries."""
        self._write(self._saving(self._files.log))

    def export_html(self) -> None:
        """Write all results as an HTML page in the folder of the PNG files."""
        self._write(lambda result, image: [self.write_page(self._files.outdir / PAGE)])

    def write_page(self, path: str | Path) -> Path:
        """See ``ModelExplorer.export_html``."""
        return self._page_store.write(path)

    def forget(self) -> None:
        """Forget the results for the HTML page: they were computed with another network."""
        self._page_store.clear()

    def close(self) -> None:
        """Stop the work and close the files."""
        self.stop()
        self._files.close()

    def _show(self, job: jobs.Job, view: View, step: Progress, final: bool) -> None:
        """Draw a step, in the job's thread. A complete one is drawn once, as the final one."""
        if job is not self._job or (step.done == step.total and not final):
            return
        self.result = step.result
        view.draw(step, final)
        self._state.progress = step.done / step.total
        progress = _progress_text(step.done, step.total, time.monotonic() - self._began)
        self._state.detail = " · ".join(filter(None, (progress, self._sharing())))

    def _done(self, job: jobs.Job) -> None:
        """Report how a job ended, in its thread; a job that was replaced reports nothing any more."""
        if job is not self._job:
            return
        _AT_WORK.discard(self)
        state = self._state
        if job.error is not None:
            self._report(job.error)
        else:
            done = f"Done in {time.monotonic() - self._began:.1f} s"
            state.status = self._stopped if job.cancelled else done
            self._write(*([self._store] if self._view.has_pictures else []), *self._wanted())
        state.detail, state.running = "", False

    def _report(self, error: Exception) -> None:
        self.traceback = "".join(traceback.format_exception(error))
        self._state.status, self._state.error = "Failed", described(error)

    def _wanted(self) -> list[Callable[..., list[Path]]]:
        """The writers to run at the end of a job, by the switches of the state."""
        if not (self._view.has_pictures and self._view.writes(self.result)):
            return []
        writers = [self._saving(self._files.save_png)] if self._state.save_png else []
        if self._state.log_to_tensorboard:
            writers.append(self._logging(self._saving(self._files.log_new)))
        return writers

    def _logging(self, writer: Callable[..., list[Path]]) -> Callable[..., list[Path]]:
        """The same writer for what nobody asked for: if it fails, logging is switched off with a note."""

        def log(result: Result, image: int | None) -> list[Path]:
            try:
                writer(result, image)
            except Exception as error:  # told beside the switch: what is on the screen is right
                self.traceback = "".join(traceback.format_exception(error))
                self._state.log_to_tensorboard = False
                self._state.log_note = f"Logging is switched off. {error}"
            return []  # its folder is told beside the switch

        return log

    def _saving(self, writer: Callable[..., list[Path]]) -> Callable[..., list[Path]]:
        """A writer of the result with the extra pictures of now: later another view may be on the screen.

        For a view without pictures it raises, when the job runs, so that the pane and ``wait`` report it.
        """
        if not self._view.has_pictures:
            return _without_pictures(self._view.title)
        extra_pictures = self._view.extra_pictures()
        return lambda result, image: writer(result, image, extra_pictures)

    def _logged(self, steps: Steps) -> Steps:
        """The same steps; steps of a dream are logged in the background as they come, while the switch is on."""
        pending: jobs.Job | None = None
        with closing(steps):
            for step in steps:
                new = isinstance(step.result, DreamStep) and self._state.log_to_tensorboard
                if new and (pending is None or pending.finished) and self._log_pacer.ready():
                    pending = self._start_writing([self._logging(self._files.log_new)], step.result, None)
                yield step

    def _store(self, result: Result, image: int | None) -> list[Path]:
        """Store the result for the HTML page."""
        index = image or 0
        pixels = picture(self._fed_images.images[index], self._fed_images.value_range)
        self._page_store.add(result, self._state.images[index], pixels)
        return []

    def _write(self, *writers: Callable[..., list[Path]]) -> None:
        """Write the result in the background, while other work may be computing."""
        image = self._state.image if len(self._state.images) > 1 else None
        if self.result is not None and writers:
            self._start_writing(writers, self.result, image)

    def _start_writing(
        self, writers: Iterable[Callable[..., list[Path]]], result: Result, image: int | None
    ) -> jobs.Job:
        def steps() -> Generator[None, None, None]:
            for writer in writers:
                self._name_files(writer(result, image))
                yield

        def done(job: jobs.Job) -> None:
            if job.error is not None:
                self._report(job.error)

        job = jobs.Job(steps, done=done)
        self._writing.append(job)
        jobs.WRITING.start(job, replace=False)
        return job

    def _name_files(self, paths: list[Path]) -> None:
        self._state.files = tuple(dict.fromkeys([*self._state.files, *paths]))


def _without_pictures(title: str) -> Callable[..., list[Path]]:
    def refuse(result: Result, image: int | None) -> list[Path]:
        raise OutputError(
            f"Expected a view with pictures. Received: the view {title!r}, which shows no picture that could be "
            "written. Choose another view, or take the numbers from explorer.result."
        )

    return refuse


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

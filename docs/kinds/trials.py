"""One row of the table: every method and every view, on one model."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import cnnvis_widgets as cv
from cnnvis_widgets.engine.attention.flow import attentions_beside
from cnnvis_widgets.errors import CnnvisError
from cnnvis_widgets.widgets.jobs import jobs
from cnnvis_widgets.widgets.views.attribution import explainers

from .sample import Sample

RULES = ("deconvnet", "guided", "gradient")
EXPLORER = "explorer"
TOLERANCE = 1e-5
"""How far a prediction may be from what the model returns, as a part of its largest value."""

ZERO = "zero: the result is zero everywhere"

Cell = str
"""'yes', 'none' where there is nothing to try, 'zero: ' or 'refused: ' and why, or 'BUG: ' and what."""


@dataclass(frozen=True)
class Subject:
    """A model that was loaded.

    Attributes:
        sample: what it was loaded from.
        network: the network.
        layer: the name of the layer whose maps are looked at.
        channels: its two channels that fire most.
    """

    sample: Sample
    network: cv.Network
    layer: str
    channels: list[int]

    @classmethod
    def of(cls, sample: Sample) -> Subject:
        network = cv.load(sample.model, sample.feed, **sample.options)
        layer = network.select(sample.layer)[0].name if sample.layer else _last_maps(network)
        (maps,) = cv.activations(network, None, layer)
        return cls(sample, network, layer, np.argsort(-maps.strengths[0])[:2].tolist())


def _last_maps(network: cv.Network) -> str:
    for family in ("r", "c"):
        layers = [layer for layer in network.layers if layer.family == family]
        if layers:
            return layers[-1].name
    return network.layers[len(network.layers) // 2].name


class WrongError(Exception):
    """A result is not what it should be."""


class AbsentError(Exception):
    """The model has no part that the method is about."""


def _predictions(subject: Subject) -> Iterable[np.ndarray]:
    """What ``predict`` tells of each head, compared with what the model itself returns."""
    told = [cv.predict(subject.network, scores=head.name) for head in subject.network.heads]
    if not told:
        told = [cv.predict(subject.network)]  # refuses
    if subject.sample.outputs is not None:
        returned = [array.astype(np.float64) for array in subject.sample.outputs()]
        for predictions in told:
            _compare(predictions, returned)
    return [array for each in told for array in (each.values, each.scores, each.probabilities) if array is not None]


def _compare(predictions: Any, returned: Sequence[np.ndarray]) -> None:
    values = predictions.values.astype(np.float64)
    alike = [array for array in returned if array.shape == values.shape]
    if not alike:  # the number of the best class is returned; its scores are the head
        return
    difference = min(float(np.abs(values - array).max() / max(1.0, np.abs(array).max())) for array in alike)
    if difference > TOLERANCE:
        raise WrongError(f"head {predictions.head.name!r} differs by {difference:.2g} from what the model returns")


def _dream(subject: Subject, target: str, channel: int) -> Iterable[np.ndarray]:
    *_, last = cv.dream(subject.network, None, target, channel, start="feed", octaves=1, steps=2)
    return [last.images]


def _activations(subject: Subject) -> Iterable[np.ndarray]:
    names = [layer.name for layer in subject.network.layers]
    wanted = names if not subject.network.nonfinite_weights() else [subject.layer]
    return [maps.values for maps in cv.activations(subject.network, None, wanted)]


def _reconstructions(subject: Subject, rule: str) -> Iterable[np.ndarray]:
    made = partial(cv.reconstruct, subject.network, None, subject.layer, channels=subject.channels, rule=rule)
    return [made(seed=seed).images for seed in ("strongest", "map")]


def _intervention(subject: Subject) -> Iterable[np.ndarray]:
    return [cv.intervene(subject.network, None, subject.layer, {subject.channels[0]: 0.0}).after.scores]


def _attentions(subject: Subject) -> Iterable[np.ndarray]:
    """Heads, rollout and relevance of the attentions among the tokens of the last one."""
    network = subject.network
    if not network.attentions:
        raise AbsentError
    beside = attentions_beside(network, None, network.attentions[-1])
    made = [cv.attention_maps(network), cv.attention_rollout(network, layers=beside)]
    return [result.weights for result in (*made, cv.attention_relevance(network, None, 0, layers=beside))]


CAMS: Mapping[str, Callable[..., Any]] = {
    "grad_cam": cv.grad_cam,
    "grad_cam_plus_plus": cv.grad_cam_plus_plus,
    "hires_cam": cv.hires_cam,
    "layer_cam": cv.layer_cam,
    "score_cam": cv.score_cam,
}
"""They show what is positive, which may be nothing."""

METHODS: Mapping[str, Callable[[Subject], Iterable[np.ndarray]]] = {
    "predict": _predictions,
    "activations": _activations,
    **{rule: partial(_reconstructions, rule=rule) for rule in RULES},
    **{name: lambda subject, cam=cam: [cam(subject.network, None, 0).images] for name, cam in CAMS.items()},
    "gradient_times_input": lambda subject: [cv.gradient_times_input(subject.network, None, 0).images],
    "integrated_gradients": lambda subject: [cv.integrated_gradients(subject.network, None, 0, steps=4).images],
    "smooth_grad": lambda subject: [cv.smooth_grad(subject.network, None, 0, samples=4).images],
    "occlusion": lambda subject: [cv.occlusion(subject.network, None, 0).attribution.images],
    "intervene": _intervention,
    "channel_evidence": lambda subject: [cv.channel_evidence(subject.network, None, subject.layer, 0)],
    "attention": _attentions,
    "dream": lambda subject: _dream(subject, subject.layer, subject.channels[0]),
}
"""What each column does; it returns arrays that must be finite."""

COLUMNS = ("loads", *METHODS, EXPLORER)


def row(sample: Sample, columns: Sequence[str] = COLUMNS) -> dict[str, Cell]:
    """Try all columns, or some of them, on one model; returns a cell for each."""
    try:
        subject = Subject.of(sample)
    except Exception as error:
        return dict.fromkeys(columns, judged(error))
    cells = {"loads": "yes"}
    for column, method in METHODS.items():
        if column in columns:
            cells[column] = _tried(partial(method, subject), may_be_zero=column in CAMS)
    if EXPLORER in columns:
        cells[EXPLORER] = explored(subject)
    return {column: cell for column, cell in cells.items() if column in columns}


def _tried(work: Callable[[], Iterable[np.ndarray]], *, may_be_zero: bool) -> Cell:
    try:
        arrays = [np.asarray(array) for array in work()]
    except AbsentError:
        return "none"
    except Exception as error:
        return judged(error)
    if not all(np.isfinite(array).all() for array in arrays):
        return "BUG: not finite"
    if not all(array.size for array in arrays):
        return "BUG: an empty array"
    return "yes" if may_be_zero or any(array.any() for array in arrays) else ZERO


def judged(error: BaseException) -> Cell:
    """A refusal says what was expected, what it received and what to do. Anything else is a bug."""
    text = " ".join(str(error).split())
    if isinstance(error, CnnvisError | ValueError) and "Expected" in text and "Received" in text:
        return f"refused: {text}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"BUG: {type(error).__name__}: {text[:300]} ({Path(frame.filename).name}:{frame.lineno})"


class _Recorder:
    """Runs every job at once, and collects the errors that the explorer would show."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def start(self, job: jobs.Job, *, replace: bool = True) -> None:
        job.run()
        if job.error is not None:
            self.errors.append(job.error)

    def stop(self, timeout: float | None = None) -> None:
        pass

    def taken(self) -> list[Exception]:
        """The errors since the last call."""
        errors, self.errors = self.errors, []
        return errors


@contextmanager
def _recorded_jobs() -> Iterator[_Recorder]:
    recorder, usual = _Recorder(), (jobs.WRITING, jobs.new_slot)
    slots: Any = jobs
    slots.WRITING, slots.new_slot = recorder, lambda: recorder
    try:
        yield recorder
    finally:
        slots.WRITING, slots.new_slot = usual


def explored(subject: Subject) -> Cell:
    """Open every view of an explorer, as a person would who clicks through it; the cell names the views that refuse."""
    with tempfile.TemporaryDirectory() as folder, _recorded_jobs() as recorder:
        try:
            explorer = cv.ModelExplorer(subject.network, subject.sample.feed, outdir=folder, logdir=folder)
        except Exception as error:
            return judged(error)
        errors, disabled = {"opening": recorder.taken()}, dict[str, list[Cell]]()
        for view in explorer.views:
            reason = explorer.views[view].unavailable()
            if reason:  # the button of the view is disabled, and its tooltip says this
                errors[view] = []
                if view != "attention":  # most networks have none, and nobody misses it
                    disabled[view] = [f"refused: disabled, because: {reason}"]
                continue
            try:
                _click_through(explorer, view, subject)
            except Exception as error:
                recorder.errors.append(error)
            errors[view] = recorder.taken()
        explorer.close()
    shown = {view: list(dict.fromkeys(map(judged, caught))) for view, caught in errors.items()}
    return of_views(shown | disabled)


def of_views(cells: Mapping[str, Sequence[Cell]]) -> Cell:
    """One cell for all views: each reason with the views that gave it, bugs before refusals."""
    views: dict[Cell, list[str]] = {}
    for view, reasons in cells.items():
        for reason in reasons:
            views.setdefault(reason, []).append(view)
    told = []
    for start in ("BUG: ", "refused: "):
        told += [f"{', '.join(views[cell])}: {cell.removeprefix(start)}" for cell in views if cell.startswith(start)]
    if not told:
        return "yes"
    return ("BUG: " if any(cell.startswith("BUG") for cell in views) else "refused: ") + " / ".join(told)


def _click_through(explorer: Any, view: str, subject: Subject) -> None:
    state = explorer.state
    state.layer, state.method = subject.layer, view
    state.channel = subject.channels[0]
    if view == "intervention":
        state.factor = 0.0
    if view == "occlusion" and not explorer.views[view].unavailable():
        explorer.views[view].start()
    if view == "deconvolution":
        state.all_rules = True
    if view == "deep dream":
        state.octaves, state.steps, state.start = 1, 2, "photo"
        explorer.start()
        state.objective = "channel"
        explorer.start()
    if view == "attribution":
        for explainer in explainers(state):  # what the menu offers
            state.explainer = explainer

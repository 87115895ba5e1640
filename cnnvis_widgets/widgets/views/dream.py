"""Deep dream: a class or a map grows before one's eyes."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import bqplot
import ipywidgets as w
import numpy as np

from ...engine.dreaming.controls import DreamControls
from ...imaging import encode
from ...imaging.render import picture
from ...results import DreamStep, FeatureMaps
from ..elements.canvas import PictureCanvas
from ..elements.class_picker import ClassPicker
from ..elements.controls import button, caption, column, dropdown, fraction, row, side_by_side, whole
from ..elements.shared_layouts import made, shared, show
from ..jobs import computations as work
from ..jobs import jobs
from ..saving.film import Film
from ..state.dream_traits import STARTS
from .activations import MapSheet
from .view import Context, Steps, View

_NOUNS = {"class": "class", "channel": "map"}
MANY_STEPS = 200
"""At the end of the slider; more are set from Python."""


class DreamView(View):
    """The class picker or the maps to choose from, the growing picture, and the line of its score.

    Sliders are taken up by a running dream: step size, strength, steps and octaves. It can be paused, and an octave
    of it undone.

    Args:
        context: shared by the views.
        outdir: where films are written.

    Attributes:
        film: of the newest dream.
        portrait: the canvas of the growing picture.
        chart: the line.
    """

    name = "deep dream"

    def __init__(self, context: Context, outdir: Path) -> None:
        super().__init__(context)
        state, self._outdir = self.state, outdir
        self.film, self._going, self._controls, self._on_photo = Film(), Event(), DreamControls(), False
        self._climb = state.climb
        climbs = [("a class", "class"), ("the selected map", "channel"), ("the whole layer", "layer")]
        self._start = button("Start dreaming", self.start, "Grow the class, the map or what is in the layer", "primary")
        self.options = (
            dropdown(state, "climb", "Climb", climbs if state.classes else climbs[1:]),
            dropdown(state, "start", "Start from", [("noise", STARTS[0]), ("the photo", STARTS[1])]),
            whole(state, "octaves", "Octaves", 1, 8),
            whole(state, "steps", "Steps each", 1, MANY_STEPS),
            self._start,
        )
        self._pace = fraction(state, "pace", "Step size ×", 0.0, 4.0)
        self._strength = fraction(state, "strength", "Strength on the photo")
        self._pause = button("Pause", self._toggle_pause, "Pause the dream, or let it go on")
        self._undo = button("Undo octave", self.undo_octave, "Go back to where this octave began")
        self._save = button("Save GIF", self.save_gif, "Write the dream so far as a film")
        self._save.disabled = True  # until there is a dream
        self.portrait = PictureCanvas(name="dream", width=480, smooth=True)
        self.chart = ScoreChart()
        self._caption = made(w.HTML)
        self._classes = column(ClassPicker(state), grow="2 1 240px", widest="360px")
        large = column(
            self.portrait,
            self._caption,
            row(self._pause, self._undo, self._save),
            row(self._pace, self._strength),
            self.chart,
            grow="3 1 240px",
            widest="500px",
        )
        self.panel = side_by_side(self._classes, context.gallery.maps, large)
        state.observe(self._follow, ["climb", "running", "method", "start", "paused"])
        state.observe(self._steer, ["pace", "strength", "steps", "octaves", "paused"])
        self._follow()

    def steps(self) -> tuple[str, Steps]:
        """The maps to choose from, and what a dream of them needs; the dream itself begins with ``start``."""
        layer, channel = self._climbed()
        options = self._asked() | {"channels": None if self.state.climb == "layer" else channel or 0}
        return f"Computing {self.state.layer}", work.before_dreaming(*self.context.where(), layer, **options)

    def start(self) -> None:
        """Begin a dream of the chosen class, map or layer, abandoning whatever runs."""
        state, self._climb = self.state, self.state.climb
        self.film, self._going, self._controls = Film(), Event(), DreamControls()
        state.paused, self._save.disabled = False, True
        self._going.set()
        self._on_photo = state.start == "photo"
        layer, channel = self._climbed()
        steps = work.dreaming(
            *self.context.where(layer),
            channel=channel,
            whole=state.climb == "layer",
            film=self.film,
            going=self._going,
            controls=self._controls,
            **self._asked(),
        )
        self.context.begin(self, "Dreaming", steps)

    def _climbed(self) -> tuple[str, int | None]:
        """The layer, and the class or map; ``None`` for the strongest one."""
        state = self.state
        logits = state.network.logits if state.climb == "class" else None
        return (logits.name, state.target) if logits else (state.layer, state.channel)

    def _asked(self) -> dict[str, Any]:
        """The options of ``dream`` that are chosen."""
        state = self.state
        photo = state.start == "photo"
        options: dict[str, Any] = {"start": "feed", "strength": state.strength} if photo else {}
        return options | {"octaves": state.octaves, "steps": state.steps, "step_size": self._step_size(photo)}

    def undo_octave(self) -> None:
        """Take the running dream back to where its octave began."""
        self._controls.undo_octave()

    def save_gif(self) -> None:
        """Write the newest dream so far as a film, in the background; ``state.files`` will name it."""
        film, state = self.film, self.state

        def steps() -> Any:
            state.files = (*state.files, film.write(self._outdir))
            yield

        def done(job: jobs.Job) -> None:
            if job.error is not None:
                state.error = f"{type(job.error).__name__}: {job.error}"

        jobs.WRITING.start(jobs.Job(steps, done=done), replace=False)

    def _step_size(self, on_photo: bool) -> float:
        return self.state.pace * (1.5 if on_photo else 1.0)

    def _toggle_pause(self) -> None:
        self.state.paused = not self.state.paused

    def _steer(self, change: Any) -> None:
        """Let the running dream follow the state."""
        if change["name"] == "paused":
            self._going.clear() if change["new"] else self._going.set()
        elif not self.state.running:
            return
        elif change["name"] == "pace":
            self._controls.step_size = self._step_size(self._on_photo)
        elif change["name"] != "strength" or self._on_photo:
            setattr(self._controls, change["name"], change["new"])

    def draw(self, progress: work.Progress, final: bool) -> None:
        if isinstance(progress.result, FeatureMaps):
            self.context.gallery.hang(MapSheet(progress.result, progress.layer, progress.about), final)
        elif isinstance(progress.result, DreamStep):
            self._draw_step(progress.result, final)

    def _draw_step(self, step: DreamStep, final: bool) -> None:
        (name, score), layer = (step.names[0], float(step.scores[0])), step.layer.name
        pixels = picture(step.images[0], step.value_range)
        height, width = pixels.shape[:2]
        who = "the whole layer" if self._climb == "layer" else f"{_NOUNS[self._climb]} {name}"
        where = f"step {step.index + 1} of {step.total}, octave {step.octave + 1} of {step.octaves}"
        data = encode.png(pixels) if final else encode.jpeg(pixels)
        self.portrait.show(data, f"Deep dream of {who} of {layer}: {where}, score {score:.4g}")
        lines = [f"Deep dream of {who}, {height} × {width}", f"{where} · score {score:.4g}"]
        if step.softmax_removed:
            lines.append(f"climbing {layer}, the scores before the softmax")
        self._caption.value, self._save.disabled = caption(lines), False
        self.chart.add(step.index, score)

    def code(self) -> str:
        state = self.state
        layer, channel = self._climbed()
        channel = None if state.climb == "layer" else channel
        on_photo = state.start == "photo"
        start = f", start='feed', strength={state.strength:g}" if on_photo else ""
        size = f"{self._step_size(on_photo):g}"
        options = f"octaves={state.octaves}, steps={state.steps}, step_size={size}{start}"
        return f"*_, last = cnnvis_widgets.dream(network, feed, {layer!r}, {channel}, {options})"

    def _follow(self, change: Any = None) -> None:
        climbs_class = self.state.climb == "class"
        show(self._classes, climbs_class)
        if self.state.method == self.name:
            show(self.context.gallery.maps, self.state.climb == "channel")
        running = self.state.running and self.state.method == self.name
        if self.state.paused and not self.state.running:
            self.state.paused = False
        self._pause.disabled = self._undo.disabled = not running
        self._pause.description = "Resume" if self.state.paused else "Pause"
        self._strength.disabled = self.state.start != "photo"
        self._start.description = "Start again" if running else "Start dreaming"

    def left(self) -> None:
        show(self.context.gallery.maps, True)


class ScoreChart(w.VBox):
    """A line that grows with every step of a dream."""

    def __init__(self) -> None:
        scales = {"x": bqplot.LinearScale(min=0.0), "y": bqplot.LinearScale()}
        self._line = bqplot.Lines(x=[], y=[], scales=scales, colors=["#f57c00"], stroke_width=2)
        axes = [
            bqplot.Axis(scale=scales["x"], label="step", side="bottom", tick_format="d", grid_lines="none"),
            bqplot.Axis(scale=scales["y"], label="score", side="left", tick_format=".3~g"),
        ]
        axes[1].label_offset, axes[1].num_ticks = "44px", 4
        self._figure = bqplot.Figure(
            marks=[self._line],
            axes=axes,
            display_toolbar=False,
            fig_margin={"top": 10, "bottom": 40, "left": 62, "right": 14},
            layout=w.Layout(width="100%", max_width="520px", height="180px", min_width="0", min_height="0"),
        )
        self._placed = False
        super().__init__(layout=shared(w.Layout, width="100%", min_width="0"))

    @property
    def points(self) -> list[tuple[int, float]]:
        """(step, score) of every point drawn."""
        return list(zip(self._line.x.tolist(), self._line.y.tolist(), strict=True))

    def add(self, step: int, score: float) -> None:
        """Add a point; a step that is not later than the last one begins a new line."""
        points = [point for point in self.points if point[0] < step] if step else []
        x, y = zip(*points, (step, score), strict=True)
        with self._line.hold_sync():
            self._line.x, self._line.y = np.array(x), np.array(y, np.float64)
        if not self._placed:  # an empty or hidden figure is laid out with a negative size
            self.children, self._placed = [self._figure], True

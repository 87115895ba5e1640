"""Deep dream: a class or a map grows before your eyes."""

from __future__ import annotations

from threading import Event
from typing import Any

import ipywidgets as w
import traitlets as t

from ...engine.dreaming.options import DreamOptions
from ...engine.dreaming.steering import DreamControls
from ...errors import LayerError, described
from ...imaging import encode
from ...imaging.curves import signal_picture
from ...imaging.render import picture
from ...methods import METHODS
from ...results import DreamStep, FeatureMaps
from ..charts.score_chart import ScoreChart
from ..elements.canvas import PictureCanvas
from ..elements.class_picker import ClassPicker
from ..elements.controls import button, caption, column, dropdown, row, side_by_side, slider, stack, text, whole_slider
from ..elements.shared_layouts import create, set_visible
from ..input_image.image_pane import size_in_words
from ..jobs import dreams, jobs
from ..jobs.computations import Progress
from ..jobs.dream_sight import DreamSight
from ..saving.film import Film
from ..state.applicability import no_gradient
from ..state.checked_traits import Checked, option_trait
from ..state.explorer_state import ExplorerState
from ..state.fed_images import FedLayer
from ..state.questions import Question
from .map_sheet import Look, MapSheet
from .view import Context, Steps, View

OBJECTIVES = {"class": "a class", "channel": "the selected map", "layer": "the whole layer"}
"""Values of ``objective`` and their titles."""

STARTS = {"noise": "noise", "photo": "the photo"}
"""Values of ``start`` and their titles."""

MANY_STEPS = 200
"""The end of the slider; larger numbers are set from Python."""


def _objective(state: ExplorerState, value: Any) -> str:
    choices = [name for name in OBJECTIVES if name != "class" or state.classes]
    if value not in choices:
        raise LayerError(
            f"Expected an objective, one of {', '.join(map(repr, choices))}. Received: objective={value!r}."
        )
    return value


class DreamTraits(ExplorerState):
    """What a dream grows, from where and for how long.

    Attributes:
        objective: the dream raises the score of the 'class' ``target``, the mean of the selected 'channel' of
            ``layer``, or everything that is active in the whole 'layer'.
        start: the dream begins from 'noise' or from the 'photo'.
        octaves, steps: number of scales, and of steps at each; a running dream takes up changes.
        pace: factor on the usual step size; a running dream takes up changes.
        strength: how much of a dream on the photo is mixed into the photo; a running dream takes up changes.
        paused: whether the running dream waits.
    """

    objective = Checked(_objective)
    start = t.Enum(tuple(STARTS), "noise")
    octaves = option_trait("deepdream", "octaves")
    steps = option_trait("deepdream", "steps")
    pace = t.Float(1.0, min=0.0, max=4.0)
    strength = option_trait("deepdream", "strength")
    paused = t.Bool(False).tag(report=True)

    @t.default("objective")
    def _first_objective(self) -> str:
        return "class" if self.classes else "channel"

    def choose_class(self, number: int) -> None:
        super().choose_class(number)
        if self.method == DreamView.name:
            self.objective = "class"


class DreamView(View):
    """The class picker or the maps to choose from, the growing picture, and the line of its score.

    A running dream takes up changes of the sliders: step size, strength, steps and octaves. It can be paused, and an
    octave of it undone.

    Attributes:
        film: of the newest dream.
        portrait: the canvas of the growing picture.
        chart: the lines of score and probability.
        sight: feeds the growing dream to the network.
    """

    name, title = "deep dream", "Deep dream"
    tooltip = "Grow an image that a class, a map or a layer answers to most strongly"
    asks_class = True
    state: DreamTraits

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        state = self.state
        self.film, self._going, self._controls, self._on_photo = Film(), Event(), DreamControls(), False
        self._objective = state.objective  # of the newest dream
        self._about: tuple[FedLayer, int, Question | None] | None = None  # of the newest dream
        self._dreaming = False  # and not only the maps to choose from are computed
        self._start = button("Start dreaming", self.start, "Grow the class, the map or what is in the layer", "primary")
        self.options = self._options()
        self._pace = slider(
            state, "pace", "Step size ×", tooltip="Multiply the usual step size, also while the dream runs"
        )
        self._strength = slider(
            state,
            "strength",
            "Strength on the photo",
            width="340px",
            tooltip="How much of the dream is mixed into the photo",
        )
        self._pause = button("Pause", self._toggle_pause, "Pause the dream, or let it go on")
        self._undo = button("Undo octave", self.undo_octave, "Go back to where this octave began")
        self._save = button("Save GIF", self.save_gif, "Write the dream so far as a film")
        self._save.disabled = True  # until there is a dream
        self.portrait = PictureCanvas(name="dream", width=620, smooth=True)
        self.chart = ScoreChart()
        self.sight = DreamSight(context.fed_images, self.chart.add_probability)
        self._caption = create(w.HTML, value=text("The dream appears here, step by step, after 'Start dreaming'."))
        self._picture = create(w.VBox, layout={"min_width": "0"})  # empty until there is a dream
        self._classes = column(ClassPicker(state), grow="2 1 240px", widest="500px")
        grown = column(self._picture, self._caption, grow="3 1 240px", widest="620px")
        self.panel = side_by_side(context.gallery.maps, grown)
        self.side = self._classes, self._beside()
        state.observe(self._update, ["objective", "running", "start", "paused"])
        state.observe(self._steer, ["pace", "strength", "steps", "octaves", "paused"])
        self._update()

    def _options(self) -> tuple[w.Widget, ...]:
        state = self.state
        starts = [(title, name) for name, title in STARTS.items()]
        titles = {**OBJECTIVES, "class": "a class or value"} if self._tells_values() else OBJECTIVES
        objectives = [(title, name) for name, title in titles.items() if name != "class" or state.classes]
        return (
            dropdown(state, "objective", "Objective", objectives, tooltip="What the dream makes as large as it can"),
            dropdown(state, "start", "Start from", starts, tooltip="The image that the dream begins with"),
            whole_slider(
                state, "octaves", "Octaves", low=1, high=8, tooltip="At how many sizes, from small to large, it dreams"
            ),
            whole_slider(
                state,
                "steps",
                "Steps per octave",
                low=1,
                high=MANY_STEPS,
                tooltip="How many steps it takes at each size",
            ),
            self._start,
        )

    def _tells_values(self) -> bool:
        return any(head.meaning == "values" for head in self.state.network.heads)

    def _beside(self) -> w.VBox:
        """The controls of the growing picture, and its lines."""
        return stack(row(self._pause, self._undo, self._save), row(self._pace, self._strength), self.chart)

    def unavailable(self) -> str:
        return no_gradient(self.state)

    def sentence(self) -> str:
        state = self.state
        what = {
            "class": f"the network says {state.class_name(state.target)}",
            "channel": f"channel {'of the layer' if state.channel is None else state.channel} fires",
        }.get(state.objective, "the whole layer fires")
        return f"An image is changed step by step until {what}. It shows what the network looks for, not a photo."

    def work(self) -> tuple[str, Steps]:
        """The maps to choose from, and what a dream of them needs; the dream itself begins with ``start``."""
        self._dreaming = False
        return f"Computing {self.state.layer}", dreams.before_dreaming(self.context.fed_layer(), self._target())

    def start(self) -> None:
        """Begin a dream of the chosen class, map or layer, abandoning whatever runs."""
        state = self.state
        self._objective, self._on_photo = state.objective, state.start == "photo"
        self.film, self._going, self._controls = Film(), Event(), DreamControls()
        state.paused, self._save.disabled = False, True
        self._going.set()
        target = self._target()
        fed_layer = self.context.fed_layer(target.layer)
        self._about = fed_layer, state.image, target.question
        self.chart.clear()
        handles = dreams.DreamHandles(self.film, self._going, self._controls)
        steps = dreams.dreaming(fed_layer, target, handles)
        self._dreaming = True
        self.context.begin(self, "Dreaming", steps)
        self._update()

    def _target(self) -> dreams.DreamTarget:
        """What the state selects: the layer, its class or map (None for the strongest map), and the options."""
        state, options = self.state, self._dream_options()
        head = state.current_head
        if state.objective == "class" and head is not None:
            return dreams.DreamTarget(head.scores.name, None, False, options, state.question(state.target))
        whole = state.objective == "layer"
        return dreams.DreamTarget(state.layer, None if whole else state.channel, whole, options)

    def _dream_options(self) -> DreamOptions:
        """The options that the controls show. Strength belongs to the photo."""
        state = self.state
        on_photo = state.start == "photo"
        return DreamOptions(
            start="feed" if on_photo else None,
            strength=state.strength if on_photo else 1.0,
            octaves=state.octaves,
            steps=state.steps,
            step_size=self._step_size(on_photo),
        )

    def undo_octave(self) -> None:
        """Take the running dream back to where its octave began."""
        self._controls.undo_octave()

    def save_gif(self) -> None:
        """Write the newest dream so far as a film, in the background; ``state.files`` will name it."""
        film, state = self.film, self.state

        def steps() -> Any:
            state.files = (*state.files, film.write(self.context.outdir))
            yield

        def done(job: jobs.Job) -> None:
            if job.error is not None:
                state.error = described(job.error)

        jobs.WRITING.start(jobs.Job(steps, done=done), replace=False)

    def _step_size(self, on_photo: bool) -> float:
        return self.state.pace * (1.5 if on_photo else 1.0)

    def _toggle_pause(self) -> None:
        self.state.paused = not self.state.paused

    def _steer(self, change: Any) -> None:
        """Hand a change of the state to the running dream."""
        if change["name"] == "paused":
            self._going.clear() if change["new"] else self._going.set()
        elif not self.state.running:
            return
        elif change["name"] == "pace":
            self._controls.step_size = self._step_size(self._on_photo)
        elif change["name"] != "strength" or self._on_photo:
            setattr(self._controls, change["name"], change["new"])

    def writes(self, result: Any) -> bool:
        """The dream is written, and not the maps to choose from."""
        return isinstance(result, DreamStep)

    def draw(self, progress: Progress, final: bool) -> None:
        if isinstance(progress.result, FeatureMaps):
            sheet = MapSheet(progress.result, progress.layer, progress.about, look=Look.of(self.state))
            self.context.gallery.show(sheet, final)
        elif isinstance(progress.result, DreamStep):
            self._draw_step(progress.result, final)

    def _draw_step(self, step: DreamStep, final: bool) -> None:
        (name, score), layer = (step.names[0], float(step.scores[0])), step.layer.name
        drawn = signal_picture if step.images.ndim == 3 else picture
        pixels = drawn(step.images[0], step.value_range)
        what = {"class": name, "channel": f"map {name}", "layer": "the whole layer"}[self._objective]
        place = f"step {step.index + 1} of {step.total}, octave {step.octave + 1} of {step.octaves}"
        data = encode.png(pixels) if final else encode.jpeg(pixels)
        self.portrait.show(data, f"Deep dream of {what} of {layer}: {place}, score {score:.4g}")
        lines = [f"Deep dream of {what}, {size_in_words(step.images.shape[1:])}", f"{place} · score {score:.4g}"]
        if step.activation_removed:
            lines.append(f"maximises {layer}, the scores before the {step.activation_removed}")
        lines.extend(filter(None, step.notes))
        self._caption.value, self._save.disabled = caption(lines), False
        if not self._picture.children:
            self._picture.children = (self.portrait,)
        self.chart.add(step.index, score)
        if self._about is not None:
            fed, image, question = self._about
            self.sight.look(fed, image, step, question, final)

    def code(self) -> str:
        target = self._target()
        asked = target.question
        about = (repr(target.layer), repr(target.channel)) if asked is None else (repr(asked.scores), asked.code())
        arguments = "network", "feed", *about
        return f"*_, last = {METHODS['deepdream'].code(*arguments, **target.options.changed)}"

    def on_enter(self) -> None:
        self._update()

    def on_leave(self) -> None:
        set_visible(self.context.gallery.maps, True)
        self._update()

    def _update(self, change: Any = None) -> None:
        """Show the controls that have a use in this state."""
        state, on_screen = self.state, self.state.method == self.name
        set_visible(self._classes, state.objective == "class")
        if on_screen:
            set_visible(self.context.gallery.maps, state.objective == "channel")
        running = state.running and on_screen and self._dreaming
        if state.paused and not state.running:
            state.paused = False
        self._pause.disabled = self._undo.disabled = not running
        self._pause.description = "Resume" if state.paused else "Pause"
        self._strength.disabled = state.start != "photo"
        self._start.description = "Start again" if running else "Start dreaming"

"""The card of the chosen channel, and the pinned ones below it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from threading import RLock
from typing import Any

import ipywidgets as w

from ..charts.histogram import ValueHistogram
from ..charts.strengths import ChannelStrengths
from ..elements.controls import button, dropdown, growing_text, row
from ..elements.shared_layouts import create, shared
from ..jobs import jobs
from ..number.number_pane import NumberPane
from ..state.cards import CROPS, LONGEST_NAME, MOST_PINNED, Address, CardTraits
from ..state.fed_images import FedImages, FedLayer
from ..surveying.image_survey import ImageSurvey
from .elsewhere import Elsewhere
from .face import CardFace
from .facts import CardFacts, CardRequest, card_steps
from .figure_view import words
from .figures import Colouring, Subject, in_words, number
from .idle_dreams import IdleDreams, KeptDream
from .pinned import PinnedCards
from .style import CardStyle

_DEPENDS_ON = (
    *("layer", "image", "channel", "unit", "rule", "head", "place", "crop", "pinned_cards"),
    *("scale", "limit", "floor", "colours"),
)

PATIENCE = 0.4
"""Seconds until the projection in another layer or image: the first one there takes a second, and views would wait."""


class ChannelCard(w.VBox):
    """Everything about the chosen channel of the chosen layer, and about the pinned ones, for the chosen image.

    It computes while it is in a page: each part appears when it is ready, and a new choice abandons the old one.

    Args:
        state: has the choices; it has all traits of an explorer.
        fed_images: the network and its images.
        survey: of many images.
        open_image: opens a surveyed image, by its key.

    Attributes:
        number: how the value of the unit comes about.
        face: the pictures of the chosen channel.
        pinned: those of the pinned channels.
        histogram: of the values of the chosen channel.
        strengths: of all channels of the layer.
        elsewhere: the patches of surveyed images to which it responds most.
        facts: what is known of the chosen channel.
    """

    def __init__(
        self, state: CardTraits, fed_images: FedImages, survey: ImageSurvey, open_image: Callable[[str], None]
    ) -> None:
        self._state, self._fed_images = state, fed_images
        self._slot, self._lock = jobs.new_slot(), RLock()
        self._job: jobs.Job | None = None
        self._dreams = IdleDreams(self._show_dream, self._is_busy)
        self.facts: CardFacts | None = None
        self._completed: tuple[str, int] | None = None  # the layer and the image of the newest whole card
        self.pinned = PinnedCards(state, fed_images)
        self.face = CardFace(state, "card", self._choose_unit)
        self.face.where.canvas.interactive = True
        self.face.where.canvas.on_click(self._click)
        self.histogram = ValueHistogram(self._choose_range)
        self.strengths = ChannelStrengths(self._choose_channel)
        self.elsewhere = Elsewhere(survey, open_image)
        self.number = NumberPane(state, fed_images)
        self._unit_words, self._histogram_words = create(w.HTML), create(w.HTML)
        self._parts()
        super().__init__(self._children(), layout=shared(w.Layout, min_width="0"))
        self.add_class("cnnvis-channel")
        state.observe(self._changed, [name for name in _DEPENDS_ON if state.has_trait(name)])
        state.observe(self._show_names, ["channel_names", "channel", "layer", "pinned_cards"])
        self._view_count = 0  # the page counts views only where there is a number
        self.observe(self._looked_at, "_view_count")
        self._show_names()

    def _parts(self) -> None:
        about = "A name of your own for this channel; it is kept with the state"
        self.name = growing_text("Name", "what would you call it?", about, narrowest="110px")
        self.name.observe(self._rename, "value")
        self._pin = button("Pin", self.pin, "Keep this card on the screen, to compare it with others")
        self._previous = button("‹", lambda: self._step(-1), "The card of the channel before this one")
        self._next = button("›", lambda: self._step(1), "The card of the next channel")
        for step in (self._previous, self._next):
            step.add_class("cnnvis-step")

    def _children(self) -> list[w.Widget]:
        crops = [(title, name) for name, title in CROPS.items()]
        crop = dropdown(
            self._state, "crop", "Cut to", crops, tooltip="Which part of the image patch and projection show"
        )
        bar = row(self.face.title, self._previous, self._next, self._pin, self.name, crop)
        bar.add_class("cnnvis-card-bar")
        others = create(w.HTML, value=words("All channels", "strongest first · click one"))
        values = create(w.VBox, [self._histogram_words, self.histogram], layout={"min_width": "0"})
        channels = create(w.VBox, [others, self.strengths], layout={"min_width": "0"})
        charts = create(w.Box, [values, channels], layout={"min_width": "0"})
        charts.add_class("cnnvis-card-charts")
        self.number.head.children = self._unit_words, *self.number.head.children
        chart = create(w.VBox, [charts, self.number], layout={"min_width": "0"})
        chart.add_class("cnnvis-card-chart")
        elsewhere = create(w.VBox, [self.elsewhere], layout={"min_width": "0"})
        elsewhere.add_class("cnnvis-card-chart")
        return [CardStyle(layout=shared(w.Layout)), bar, self.face.grid, chart, elsewhere, self.pinned]

    # ---- what the user does

    def pin(self) -> None:
        """Keep the card of the chosen channel on the screen, or let it go."""
        if self.facts is None:
            return
        address = str(Address(self.facts.fed_layer.layer, self.facts.channel))
        pinned = self._state.pinned_cards
        if address in pinned:
            self._state.pinned_cards = tuple(each for each in pinned if each != address)
        else:
            self._state.pinned_cards = (*pinned, address)[-MOST_PINNED:]

    def _step(self, by: int) -> None:
        if self.facts is not None:
            count = self.facts.maps.values.shape[-1]
            self._state.channel = (self.facts.channel + by) % count

    def _choose_channel(self, channel: int) -> None:
        self._state.channel = channel

    def _choose_unit(self, unit: tuple[int, ...]) -> None:
        if unit:
            self._state.unit = unit

    def _click(self, x: float, y: float) -> None:
        facts = self.facts
        if facts is None or facts.values.ndim != 2:
            return
        sizes = self._fed_images.images[self._state.image].shape[:2]
        places = zip((y, x), facts.values.shape, sizes, strict=True)
        self._state.unit = tuple(min(int(at * count / size), count - 1) for at, count, size in places)

    def _choose_range(self, low: float, high: float) -> None:
        """A range of values takes all colours."""
        state: Any = self._state
        if state.has_trait("limit"):
            state.choose_range(low, high)

    def _rename(self, change: Any) -> None:
        address = self._address()
        if address is not None and self._state.channel_name(*address) != change["new"].strip():
            self._state.name_channel(*address, change["new"][:LONGEST_NAME])

    # ---- work

    def _address(self) -> Address | None:
        state = self._state
        if state.channel is not None:
            return Address(state.layer, state.channel)
        facts = self.facts
        return None if facts is None or facts.fed_layer.layer != state.layer else Address(state.layer, facts.channel)

    def _changed(self, change: Any) -> None:
        if self._view_count:
            self.begin()

    def _looked_at(self, change: Any) -> None:
        if change["new"] and not change["old"]:
            self.begin()
        elif not change["new"]:
            self.stop()

    def begin(self) -> None:
        """Compute the cards for the state as it is now, in the background."""
        self._dreams.stop()
        requests = [(None, self._request(self._state.layer, self._state.channel, self._state.unit))]
        self.pinned.arrange()
        for address in self._state.pinned_cards:
            requests.append((address, self._request(*Address.of(address), None)))
        image = self._state.image
        is_elsewhere = self._completed != (self._state.layer, image)

        def steps() -> Generator[Any, None, None]:
            found: dict[str | None, CardFacts] = {}
            for address, request in requests:
                for facts in card_steps(request):
                    found[address] = facts
                    yield dict(found)
                    if is_elsewhere and len(found) == 1 and facts.projection is None and not job.rest(PATIENCE):
                        return

        def show(found: dict[str | None, CardFacts], final: bool) -> None:
            self._show(job, image, found)

        job = jobs.Job(steps, show=show, done=self._done, turns=jobs.TURNS)  # the view that was asked first goes first
        self._job = job
        self._slot.start(job)

    def stop(self) -> None:
        """End the work."""
        self._dreams.stop()
        if self._job is not None:
            self._job.cancel()

    def wait(self, timeout: float | None = None) -> CardFacts | None:
        """Wait until everything but the dream is computed and drawn, for scripts and tests.

        Returns:
            ``facts``.

        Raises:
            TimeoutError: it took longer.
        """
        if self._job is not None and not self._job.wait(timeout):
            raise TimeoutError(f"Expected the card to be complete within {timeout} seconds; it is still computed.")
        return self.facts

    def close(self) -> None:
        """End the work and remove the card from the page."""
        self.stop()
        super().close()

    def _request(self, layer: str, channel: int | None, unit: tuple[int, ...] | None) -> CardRequest:
        state = self._state
        question = state.question(None) if state.has_predictions else None
        return CardRequest(self._fed_images.at(state.image, layer), channel, unit, state.rule, question)

    def _is_busy(self) -> bool:
        return self._state.running or (self._job is not None and not self._job.finished)

    # ---- pictures

    def _colouring(self) -> Colouring:
        state: Any = self._state
        if state.has_trait("limit") and state.scale == "custom":
            return Colouring(state.colours, state.limit, state.floor)
        return Colouring(state.colours)

    def _show(self, job: jobs.Job, image: int, found: dict[str | None, CardFacts]) -> None:
        with self._lock:
            if job is not self._job:
                return
            for address, facts in found.items():
                if address is not None:
                    self.pinned.show(address, facts, image, self._colouring())
                elif facts is not self.facts:
                    self.face.show(Subject.of(facts, self._fed_images, image), self._colouring())
                    self._show_values(facts)

    def _show_values(self, facts: CardFacts) -> None:
        known = self.facts
        self.facts = facts
        values, whole = facts.values, facts.maps.values[0]
        if known is None or known.maps is not facts.maps or (known.channel, known.unit) != (facts.channel, facts.unit):
            ends = min(0.0, float(whole.min(initial=0.0))), float(whole.max(initial=0.0))
            self.histogram.show(values, ends, facts.value)
            self.strengths.show(facts.maps.strengths[0], facts.channel)
            self.number.ask(facts.fed_layer.layer, facts.channel, facts.unit, self._state.image)
            place = in_words(facts.unit)
            told = f"{f'Unit {place}' if place else 'This unit'} = <b>{number(facts.value)}</b>"
            self._unit_words.value = f'<div class="cnnvis-value">{told}</div>'
            count = "1 value" if values.size == 1 else f"{values.size} values"
            self._histogram_words.value = (
                f'<div class="cnnvis-figure-words"><b>Its {count}</b> '
                "<span>log count · drag for the colour scale</span></div>"
            )
        self._show_names()

    def _done(self, job: jobs.Job) -> None:
        if job is not self._job:
            return
        if job.error is not None:
            self.face.fail(job.error)
            return
        facts = self.facts
        if facts is None or job.cancelled:
            return
        self._completed = facts.fed_layer.layer, self._state.image
        if self._view_count:
            self.face.show_dream(None)
            self.elsewhere.ask(facts.fed_layer.layer, facts.channel)
            self._dreams.wish(facts.fed_layer, facts.channel)

    def _show_dream(self, fed_layer: FedLayer, channel: int, dream: KeptDream) -> None:
        facts = self.facts
        if facts is not None and (facts.fed_layer.key, facts.fed_layer.layer, facts.channel) == (
            fed_layer.key,
            fed_layer.layer,
            channel,
        ):
            self.face.show_dream(dream)

    def _show_names(self, change: Any = None) -> None:
        address = self._address()
        self.name.disabled = address is None
        if address is not None:
            self.name.unobserve(self._rename, "value")
            self.name.value = self._state.channel_name(*address)
            self.name.observe(self._rename, "value")
            self.face.show_title(address)
        pinned = address is not None and str(address) in self._state.pinned_cards
        self._pin.description = "Unpin" if pinned else "Pin"

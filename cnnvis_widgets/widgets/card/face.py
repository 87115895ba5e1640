"""What a card looks like: the pictures of one channel in a grid, and the classes that it speaks for and against."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import ipywidgets as w
import numpy as np

from ...errors import described
from ..elements.class_bars import ClassBars, Row, signed_bars
from ..elements.controls import error_text
from ..elements.shared_layouts import create
from ..state.cards import Address, CardTraits
from . import figures
from .facts import CardFacts
from .figure_view import FigureView, words
from .figures import Colouring, Figure, Subject
from .idle_dreams import KeptDream

CLASSES = 6
"""How many classes are named: half of them for, half of them against."""


class CardFace:
    """The title and the pictures of one channel.

    Args:
        state: gives names and the cut; a click on a class chooses it.
        name: tells its canvases apart.
        choose_unit: called with a unit that the user asks for.

    Attributes:
        title: 'Channel 7', with its name.
        where, sees, excites, likes, elsewhere: its pictures.
        votes: the classes.
        grid: pictures and classes.
    """

    def __init__(self, state: CardTraits, name: str, choose_unit: Callable[[tuple[int, ...]], None]) -> None:
        self._state, self._drawn = state, dict[str, object]()
        self.title = create(w.HTML)
        self.where, self.sees = FigureView(f"{name}-where"), FigureView(f"{name}-sees")
        self.excites = FigureView(f"{name}-excites", choose_unit)
        self.likes = FigureView(f"{name}-likes")
        self.votes = ClassBars(state)
        self._votes_words = create(w.HTML)
        votes = create(w.VBox, [self.votes, self._votes_words], layout={"min_width": "0"})
        votes.add_class("cnnvis-votes")
        views = self.where, self.sees, self.excites, self.likes
        for view, title in zip(views, figures.TITLES, strict=True):
            view.show(Figure(title, "", waiting=True))
        self.grid = create(w.Box, [*(view.widget for view in views), votes], layout={"min_width": "0"})
        self.grid.add_class("cnnvis-card-grid")

    def show_title(self, address: Address, name: str = "") -> None:
        """Say which channel it is, and what it is called."""
        named = f" {escape(name)}" if name else ""
        words = f"<b>Channel {address.channel}</b>{named} <span>{escape(address.layer)}</span>"
        self.title.value = f'<div class="cnnvis-card-title">{words}</div>'

    def show(self, subject: Subject, colouring: Colouring) -> None:
        """Show what is known of a channel; pictures that stay as they are are not drawn again."""
        facts, crop = subject.facts, self._state.crop
        about = facts.maps, facts.channel, facts.unit
        projected = facts.projection, facts.reasons.get("projection")
        self._draw(self.where, (*about, colouring), lambda: figures.where_it_fires(subject, colouring))
        if facts.projection is not None or "projection" in facts.reasons:
            self._draw(self.sees, (*about, crop, *projected), lambda: figures.what_it_sees(subject, crop))
        self._draw(self.excites, (*about, crop, *projected), lambda: figures.what_excites_it(subject, crop))
        self._show_votes(facts)

    def show_dream(self, dream: KeptDream | None) -> None:
        """Show a step of the dream."""
        kept = dream or KeptDream(None)
        self.likes.show(figures.what_it_likes(kept.step, kept.reason, kept.start))

    def fail(self, error: BaseException) -> None:
        """Say why the card cannot be computed."""
        self._drawn.clear()
        for view, title in zip((self.where, self.sees, self.excites), figures.TITLES, strict=False):
            view.show(Figure(title, described(error)))
        self.votes.value, self._votes_words.value = error_text(error), words("For and against", "")

    def _draw(self, view: FigureView, about: object, make: Callable[[], Figure]) -> None:
        if self._drawn.get(view.canvas.name) != about:
            self._drawn[view.canvas.name] = about
            view.show(make())

    def _show_votes(self, facts: CardFacts) -> None:
        reason = facts.reasons.get("votes", "")
        if facts.votes is None:
            kind = "cnnvis-empty" if reason else "cnnvis-waiting"
            self.votes.value = f'<div class="{kind}">{escape(reason or "Asking the classes ...")}</div>'
            self._votes_words.value = words("For and against", "")
            return
        rows = strongest_votes(facts.votes, self._state.classes)
        silent = '<div class="cnnvis-empty">No score changes with this channel.</div>'
        self.votes.value = signed_bars(rows, "For and against") if rows else silent
        self._votes_words.value = words("For and against", "score per unit of strength" if rows else "")


def strongest_votes(votes: np.ndarray, names: tuple[str, ...], count: int = CLASSES) -> list[Row]:
    """The classes that a channel speaks most for and most against: number, name and vote, in falling order.

    Example:
        >>> strongest_votes(np.array([0.5, 0.0, -2.0]), ("cat", "dog", "cup"))
        [(0, 'cat', 0.5), (2, 'cup', -2.0)]
    """
    order = np.argsort(-votes, kind="stable").tolist()
    pro = [number for number in order if votes[number] > 0]
    contra = [number for number in reversed(order) if votes[number] < 0]
    most_for = max(count // 2, count - len(contra))
    chosen = pro[:most_for]
    chosen += reversed(contra[: count - len(chosen)])
    titles = [names[number] if number < len(names) else f"class {number}" for number in chosen]
    return [(number, title, float(votes[number])) for number, title in zip(chosen, titles, strict=True)]

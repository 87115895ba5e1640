"""The pictures of a card, from what is known of its channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...engine.attribution.enlargement import enlarged
from ...imaging.busy_regions import Box, busy_box, busy_side
from ...imaging.colormaps import COLOURS, palette
from ...imaging.curves import area_picture, behind_curves, signal_picture
from ...imaging.heat import heat, overlay
from ...imaging.normalize import ValueRange
from ...imaging.render import above, picture, projections
from ...results import DreamStep
from ..state.fed_images import FedImages
from .facts import CardFacts

TITLES = WHERE, SEES, EXCITES, LIKES = "Where it fires", "What it sees there", "What excites it", "What it likes"
"""The titles of the figures, in their order."""

OPACITY = 0.85
"""Of a map over the photo where it is strongest."""


@dataclass(frozen=True)
class Figure:
    """One picture of a card.

    Attributes:
        title: the first line below it.
        note: the second line.
        pixels: uint8 (height, width, 1 or 3); ``None`` where there is none, and ``note`` says why.
        alt: the text alternative.
        frame: what is framed on it, or ().
        smooth: whether enlarged pixels are blended.
        offer: a unit that a button offers instead; () for none.
        waiting: whether the picture is being computed.
    """

    title: str
    note: str
    pixels: np.ndarray | None = None
    alt: str = ""
    frame: Box | tuple[()] = ()
    smooth: bool = True
    offer: tuple[int, ...] = ()
    waiting: bool = False


@dataclass(frozen=True)
class Colouring:
    """How the values of a map become colours.

    Attributes:
        colours: the table for maps without negative values, a key of ``colormaps.COLOURS``.
        limit: the value of full colour; ``None`` for the largest value of the map.
        floor: the value without colour, where no value is negative.
    """

    colours: str = "magma"
    limit: float | None = None
    floor: float = 0.0


@dataclass(frozen=True, eq=False)
class Subject:
    """The image that a card is about.

    Attributes:
        facts: of the channel.
        image: as fed, float32 (height, width, channels), (length, channels) or flat.
        value_range: of the image.
        field: the part that the unit sees, (start, stop) along each axis, cut to the borders.
        reach: the size of the whole receptive field along each axis; () where every unit sees the whole image.
    """

    facts: CardFacts
    image: np.ndarray
    value_range: ValueRange
    field: tuple[tuple[int, int], ...]
    reach: tuple[int, ...]

    @classmethod
    def of(cls, facts: CardFacts, fed_images: FedImages, image: int) -> Subject:
        """The image of a number, and what the unit of a card sees of it."""
        pixels, layer = fed_images.images[image], facts.maps.layer
        sizes, known = pixels.shape[:-1], None
        if facts.unit and len(facts.unit) == len(sizes):
            known = fed_images.receptive_field(image, facts.fed_layer.layer)
        if known is None or not layer.spatial_shape:
            return cls(facts, pixels, fed_images.value_range, tuple((0, size) for size in sizes), ())
        spans = zip(known.window(facts.unit), sizes, strict=True)
        seen = tuple((max(0, span.start), max(1, min(size, span.stop))) for span, size in spans)
        return cls(facts, pixels, fed_images.value_range, seen, known.size)

    @property
    def is_picture(self) -> bool:
        """Whether the image has a height, a width, and channels that are colours."""
        return self.image.ndim == 3 and self.image.shape[-1] in (1, 3)

    def drawn(self) -> np.ndarray:
        """The whole image, uint8."""
        return (signal_picture if self.image.ndim == 2 else picture)(self.image, self.value_range)

    def crop(self, crop: str) -> tuple[tuple[int, int], ...]:
        """(start, stop) along each axis of what patch and projection show; see ``CardTraits.crop``."""
        whole = tuple((0, size) for size in self.image.shape[:-1])
        if crop == "image" or not (self.is_picture or self.image.ndim == 2):
            return whole
        projection = self.facts.projection
        if crop == "field" or projection is None or not self.is_picture:
            return self.field
        values = projection.images[0, 0][_slices(self.field)]
        side = busy_side(values[np.newaxis]) if values.any() else None
        if side is None:
            return self.field
        left, top, width, height = busy_box(values, side)
        (first_row, _), (first_column, _) = self.field
        return (first_row + top, first_row + top + height), (first_column + left, first_column + left + width)


def where_it_fires(subject: Subject, colouring: Colouring) -> Figure:
    """The map over the image."""
    facts, title = subject.facts, WHERE
    values, place = facts.values, in_words(facts.unit)
    words = f"{number(facts.value)}{f' at {place}' if place else ''}"
    if not values.any():
        return Figure(title, "It does not fire anywhere in this image.")
    signed = bool(values.min() < 0)
    floor = 0.0 if signed else colouring.floor
    limit, table = (colouring.limit or float(np.abs(values).max())) - floor, COLOURS[colouring.colours]
    values = above(values, floor)
    if values.ndim == 2 and subject.is_picture:
        photo = subject.drawn()
        spread = enlarged(values[np.newaxis], photo.shape[:2])[0]
        pixels = overlay(photo, heat(spread, limit=limit, signed=signed, table=table), OPACITY)
        frame = _box(subject.field) if subject.reach else ()
        return Figure(title, words, pixels, f"The map of the channel over the photo: {words}", frame)
    if values.ndim == 1:
        pixels = area_picture(values, limit=limit, signed=signed, colours=palette(signed, colouring.colours))
        return Figure(title, words, pixels, f"The map of the channel along the signal: {words}")
    if values.ndim == 0:
        return Figure(title, f"One value for the whole input, {number(facts.value)}: it has no place.")
    return Figure(title, f"A map with {values.ndim} axes cannot be laid over this input. Its strongest unit: {words}.")


def what_it_sees(subject: Subject, crop: str) -> Figure:
    """The part of the image that the unit sees."""
    title = SEES
    if subject.image.ndim not in (2, 3):
        return Figure(title, "This input has no height and width to cut a part from.")
    part, note = _part_in_words(subject, crop)
    pixels = _cut(subject, subject.drawn(), part)
    return Figure(title, note, pixels, f"The part of the input that the unit sees: {note}")


def what_excites_it(subject: Subject, crop: str) -> Figure:
    """The projection of the unit, cut as the patch beside it; or why there is nothing to see."""
    title, facts = EXCITES, subject.facts
    projection = facts.projection
    if projection is None:
        reason = facts.reasons.get("projection", "")
        return Figure(title, reason or "Projecting ...", waiting=not reason)
    note = projection.notes[0][0] if projection.notes else ""
    if note:
        following = projection.next_units[0][0] if projection.next_units else ()
        return Figure(title, f"{note[0].upper()}{note[1:]}.", offer=following)
    words = f"projection by {projection.rule}"
    drawn = projections(projection)[0]
    pixels = _cut(subject, drawn, subject.crop(crop))
    return Figure(title, words, pixels, f"What in the input makes the unit fire, {words}")


def what_it_likes(step: DreamStep | None, reason: str, start: str) -> Figure:
    """The dream of the channel."""
    title = LIKES
    if step is None:
        return Figure(title, reason or "Dreamt when nothing else runs.", waiting=not reason)
    drawn = signal_picture if step.images.ndim == 3 else picture
    pixels = drawn(step.images[0], step.value_range)
    words = f"dream from {start}"
    return Figure(title, words, pixels, f"An image that the channel responds to strongly, a {words}")


def in_words(place: Sequence[int]) -> str:
    """A place in a map: 'row 3, column 5'; '' without axes.

    Example:
        >>> in_words((3, 5)), in_words((7,)), in_words(())
        ('row 3, column 5', 'position 7', '')
    """
    axes = {1: ("position",), 2: ("row", "column"), 3: ("depth", "row", "column")}.get(len(place), ())
    return ", ".join(f"{axis} {index}" for axis, index in zip(axes, place, strict=False))


def number(value: float) -> str:
    """A number with four digits and a true minus sign.

    Example:
        >>> number(-0.123456), number(4.0)
        ('−0.1235', '4')
    """
    return f"{value:.4g}".replace("-", "−")


def _part_in_words(subject: Subject, crop: str) -> tuple[tuple[tuple[int, int], ...], str]:
    part, sizes = subject.crop(crop), subject.image.shape[:-1]
    unit = "px" if len(sizes) == 2 else "values"
    shown = " × ".join(str(stop - start) for start, stop in part)
    reach = " × ".join(map(str, subject.reach))
    if all(span == (0, size) for span, size in zip(part, sizes, strict=True)):
        return part, f"the whole input; it sees {reach} {unit}" if reach else "it sees the whole input"
    if part == subject.field:
        return part, f"receptive field, {reach} {unit}"
    seen = f"{reach} {unit}" if reach else "the whole input"
    return part, f"cropped to {shown} {unit}; it sees {seen}"


def _cut(subject: Subject, pixels: np.ndarray, part: tuple[tuple[int, int], ...]) -> np.ndarray:
    """The part of a drawing of the image; a drawing of another size stays whole."""
    if subject.is_picture and pixels.shape[:2] == subject.image.shape[:2]:
        return pixels[_slices(part)]
    if subject.image.ndim == 2 and len(part) == 1:  # a curve: the columns of the part
        places = behind_curves(np.arange(len(subject.image))[np.newaxis], pixels)[0]
        (start, stop), inside = part[0], slice(None)
        columns = np.flatnonzero((places >= start) & (places < stop))
        return pixels[inside, columns[0] : columns[-1] + 1] if columns.size else pixels
    return pixels


def _slices(part: tuple[tuple[int, int], ...]) -> tuple[slice, ...]:
    return tuple(slice(*span) for span in part)


def _box(part: tuple[tuple[int, int], ...]) -> Box | tuple[()]:
    if len(part) != 2:
        return ()
    (top, bottom), (left, right) = part
    return left, top, right - left, bottom - top

"""The gallery: a montage of the maps of a layer, and the selected one large beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any, Protocol

import ipywidgets as w
import numpy as np

from ...imaging import encode
from ...imaging.busy_regions import Box
from ..charts.signal_chart import SignalChart
from ..elements.canvas import ARROWS, PictureCanvas
from ..elements.controls import LABEL, button, caption, column, row, text
from ..elements.shared_layouts import create, set_visible, shared
from ..state.explorer_state import ExplorerState
from .montage import PAGE, Montage, on_page, pages

WIDEST, TILE = 1700, 190
"""The most pixels across that the page gives a montage, and each of its tiles."""
HIGH, WIDE = 0.7, 1.25
"""The part of the window's height that a montage may take, and from which width in proportion to that it has more tiles
in a row than in a column."""


@dataclass(frozen=True)
class Portrait:
    """One map in large.

    Attributes:
        pixels: uint8 (height, width, 1 or 3).
        alt: the text alternative.
        lines: the caption, a line each.
        smooth: whether enlarged pixels are blended.
        frame: what is framed on the photo, (left, top, width, height), or ().
        marked: what is framed on the picture itself, where no unit is selected.
        curve: the values of the map of a signal, float32 (length,); ``None`` for other maps.
        badge: HTML below the caption.
    """

    pixels: np.ndarray
    alt: str
    lines: Sequence[str]
    smooth: bool = False
    frame: Box | tuple[()] = ()
    badge: str = ""
    marked: Box | tuple[()] = ()
    curve: np.ndarray | None = None


class Sheet(Protocol):
    """What the gallery shows: one tile for each channel of a layer."""

    @property
    def about(self) -> Any:
        """Equal for sheets that add tiles to each other."""

    @property
    def layer(self) -> str:
        """Name of the chosen layer."""

    @property
    def channels(self) -> Sequence[int]:
        """The channels of all tiles, in order; tiles that are not ready are blank."""

    @property
    def ready(self) -> Sequence[int]:
        """The channels whose tiles can be drawn."""

    @property
    def strongest(self) -> int:
        """The channel that the gallery selects where the user has selected none."""

    @property
    def paged(self) -> bool:
        """Whether the montage has pages, because there may be too many channels for one."""

    def title(self, channels: Sequence[int]) -> str:
        """The text alternative of the montage that shows these channels."""

    def tiles(self, channels: Sequence[int]) -> tuple[np.ndarray, np.ndarray | None]:
        """Tiles of channels that are ready, uint8 (channels, height, width, 1 or 3), all of one size.

        With a palette, uint8 (256, 3), the values are indices into it.
        """

    @property
    def units(self) -> bool:
        """Whether each pixel of a portrait is one unit of the map, so that a click can select it."""

    def readout(self, channel: int, down: float, across: float) -> str:
        """The words under the pointer at a place in the tile of a channel, given as fractions of its sides."""

    def portrait(self, channel: int, unit: tuple[int, ...] | None) -> Portrait:
        """One channel in large, with the value of the selected unit."""


class Gallery:
    """Shows sheets, follows the selection in the state, and writes it when the user clicks a tile.

    Args:
        state: has the selected map and page.
        photo: the canvas of the image that is fed, on which the large picture's frame is drawn.
        seen_by: returns what a unit of the layer sees of the photo.

    Attributes:
        maps: the montage with its pages; ``large``: the selected map with its caption.
        curve: the values of the selected map along a signal.
        map_size: rows and columns of the large picture.
    """

    def __init__(
        self, state: ExplorerState, photo: PictureCanvas, seen_by: Callable[[tuple[int, ...]], Box | tuple[()]]
    ) -> None:
        self.state, self.photo, self._seen_by = state, photo, seen_by
        self.montage = PictureCanvas(name="montage", interactive=True, zoomable=True, width=WIDEST, measured=True)
        self.portrait = PictureCanvas(name="large", zoomable=True, width=480)
        self.caption = create(w.HTML)
        self._lock = RLock()  # jobs show sheets while callbacks draw selections
        self._sheet: Sheet | None = None
        self.map_size = 1, 1
        self._grid: Montage | None = None
        self._palette: np.ndarray | None = None
        self._aspect = 1.0  # of the room that the page has for the montage
        self._pages = _Pages(state)
        self.curve = SignalChart()
        self.maps = column(self.montage, self._pages, grow="5 1 280px", widest=f"{WIDEST}px")
        self.large = column(self.portrait, self.caption, self.curve, grow="3 1 240px", widest="500px")
        self.large.add_class("cnnvis-large")
        self.montage.on_click(self._clicked)
        self.montage.on_key(self._moved)
        self.montage.on_hover(self._read_tile)
        self.montage.on_room(self._fit)
        self.portrait.on_hover(self._read_portrait)
        self.portrait.on_click(lambda x, y: self._select_unit(int(y), int(x)))
        self.portrait.on_key(self._move_unit)
        state.observe(lambda change: self._select(), "channel")
        state.observe(self._mark_unit, ["unit", "region"])
        state.observe(lambda change: self._turn_page(), "page")

    def show(self, sheet: Sheet, final: bool = True) -> None:
        """Show a sheet, unless another layer was chosen meanwhile. The ``final`` sheet is encoded without loss."""
        with self._lock:
            if sheet.layer != self.state.layer:
                return
            if self._sheet is None or self._sheet.about != sheet.about:
                self._grid = None  # laid out below, once, on the page of the selected map
            self._sheet = sheet
            if self.state.channel is None:
                self.state.channel = sheet.strongest  # which calls ``_select``
            self._fill(final)
            self._draw_selected()
            self._pages.follow(self._count())  # last: the user waits for the pictures

    def has(self, channel: int | None) -> bool:
        """Whether the sheet has this channel, or will have it; also true while there is no sheet."""
        return channel is None or self._sheet is None or channel in self._sheet.channels

    def _on_page(self, sheet: Sheet) -> Sequence[int]:
        """The channels of a sheet that the montage shows."""
        if not sheet.paged:
            return sheet.channels
        page = min(self.state.page, pages(len(sheet.channels)) - 1)
        return [sheet.channels[place] for place in on_page(page, len(sheet.channels))]

    def _count(self) -> int:
        return pages(len(self._sheet.channels)) if self._sheet is not None and self._sheet.paged else 1

    def _fill(self, final: bool) -> None:
        if (sheet := self._sheet) is None:
            return
        channels = self._on_page(sheet) if self._grid is None else self._grid.channels
        ready = set(sheet.ready).difference(() if self._grid is None else self._grid.filled)
        missing = [channel for channel in channels if channel in ready]
        if missing:
            tiles, self._palette = sheet.tiles(missing)
            self._grid = self._grid or Montage(channels, *tiles.shape[1:], aspect=self._aspect)
            self._grid.put(missing, tiles)
        if (grid := self._grid) is None:
            return
        lossless = final or self._palette is not None
        palette, pixels = self._palette, grid.pixels
        self.montage.width = min(WIDEST, TILE * grid.columns)
        exact = lossless and encode.screen(pixels, palette=palette, transparent=palette is not None)
        data = exact or encode.jpeg(pixels)
        if sheet.layer == self.state.layer:  # another one may have been chosen meanwhile
            self.montage.show(data, sheet.title(grid.channels), grid.box(self.state.channel))

    def _select(self) -> None:
        """Turn to the page of the selected map, and show it."""
        with self._lock:
            sheet, channel = self._sheet, self.state.channel
            if sheet is not None and sheet.layer == self.state.layer and sheet.paged and channel in sheet.channels:
                self.state.page = list(sheet.channels).index(channel) // PAGE
            self._draw_selected()
            if self._grid is not None and sheet is not None and sheet.layer == self.state.layer:
                self._pages.follow(self._count())

    def _mark_unit(self, change: Any) -> None:
        if self._sheet is not None and self._sheet.units:  # else the picture stays as it is
            self._draw_selected()

    def _draw_selected(self) -> None:
        with self._lock:
            channel, sheet = self.state.channel, self._sheet
            if sheet is None or self._grid is None or sheet.layer != self.state.layer or channel not in sheet.ready:
                return
            unit = self.state.unit if sheet.units else None
            portrait = sheet.portrait(channel, unit)
            self.portrait.smooth, self.portrait.interactive = portrait.smooth, sheet.units
            self.map_size = portrait.pixels.shape[:2]
            frame = portrait.frame if unit is None else self._seen_by(unit)
            if self.photo.drag != "brush":  # else the user draws the part to crop
                self.photo.selected = frame
                self.photo.tag = _receptive_field(frame) if unit is not None else ""
            self.portrait.show(encode.screen(portrait.pixels), portrait.alt, self._framed(unit) or portrait.marked)
            self.caption.value = caption(portrait.lines) + portrait.badge
            self.curve.show(portrait.curve)
            self.montage.selected = self._grid.box(channel)

    def _framed(self, unit: tuple[int, ...] | None) -> Box | tuple[()]:
        """The frame in the large map: the selected region where a region can be drawn, else the selected unit."""
        if self.state.region and self.portrait.drag == "region":
            top, left, height, width = self.state.region
            return left, top, width, height
        return () if unit is None else (unit[1], unit[0], 1, 1)

    def _turn_page(self) -> None:
        with self._lock:
            sheet = self._sheet if self._grid is not None else None
            if sheet is not None and sheet.paged and sheet.layer == self.state.layer:
                self._grid = None
                self._fill(True)
                self._pages.follow(self._count())

    def _fit(self, width: float, height: float) -> None:
        """Lay the montage out anew for the room that the page has: wider where that is much wider than high."""
        room = width / max(1.0, HIGH * height)
        aspect = round(4 * min(3.0, room)) / 4 if room > WIDE else 1.0
        with self._lock:
            if aspect == self._aspect:
                return
            self._aspect = aspect
            if self._grid is not None:
                self._grid = None
                self._fill(True)
                self._draw_selected()

    def _clicked(self, x: float, y: float) -> None:
        channel = self._grid.channel_at(x, y) if self._grid else None
        if channel is not None:
            self.state.channel = channel

    def _read_tile(self, x: float, y: float) -> None:
        place = self._grid.place_at(x, y) if self._grid else None
        if self._sheet is not None and place is not None:
            self.montage.readout = self._sheet.readout(*place) if place[0] in self._sheet.ready else ""

    def _read_portrait(self, x: float, y: float) -> None:
        sheet, channel, (height, width) = self._sheet, self.state.channel, self.map_size
        if sheet is None or channel is None or not sheet.units or sheet.layer != self.state.layer:
            self.portrait.readout = ""
        else:
            self.portrait.readout = sheet.readout(channel, y / height, x / width)

    def _select_unit(self, row: int, column: int) -> None:
        height, width = self.map_size
        self.state.unit = min(max(0, row), height - 1), min(max(0, column), width - 1)

    def _move_unit(self, key: str) -> None:
        (row, column), (height, width) = self.state.unit or (0, 0), self.map_size
        moves = {**ARROWS, "Home": (-row, -column), "End": (height, width)}
        if key in moves:  # keys with Shift belong to the view
            self._select_unit(row + moves[key][0], column + moves[key][1])

    def _moved(self, key: str) -> None:
        if self._grid is not None:
            self.state.channel = self._grid.neighbour(self.state.channel, key)


class _Pages(w.HBox):
    """The number of the selected map, and buttons for the pages of a layer with very many maps."""

    def __init__(self, state: ExplorerState) -> None:
        self._state, self._count = state, 1
        self._channel = create(
            w.BoundedIntText,
            description="Map",
            tooltip="The number of the selected map",
            style=LABEL,
            layout={"width": "120px"},
        )
        previous = button("Previous", lambda: self._turn(-1), "The page of maps before this one")
        following = button("Next", lambda: self._turn(1), "The next page of maps")
        self._text = create(w.HTML)
        self._turning = row(previous, self._text, following)
        layout = shared(w.Layout, align_items="center", flex_flow="row wrap")
        super().__init__([self._channel, self._turning], layout=layout)
        self._channel.observe(self._choose, "value")
        self.follow(1)

    def follow(self, count: int) -> None:
        """Show the selected map and page of the state; there are ``count`` pages."""
        self._count = count
        self._channel.unobserve(self._choose, "value")
        with self._channel.hold_sync():
            self._channel.max = (self._state.current_layer.channels or 1) - 1
            self._channel.value = self._state.channel or 0
        self._channel.observe(self._choose, "value")
        set_visible(self._turning, count > 1)
        self._text.value = text(f"page {self._state.page + 1} of {count}", "caption")

    def _turn(self, by: int) -> None:
        self._state.page = min(max(0, self._state.page + by), self._count - 1)

    def _choose(self, change: Any) -> None:
        self._state.channel = change["new"]


def _receptive_field(frame: Box | tuple[()]) -> str:
    """The words for what a unit sees of the photo."""
    return f"receptive field, {frame[2]} × {frame[3]} px" if frame else ""

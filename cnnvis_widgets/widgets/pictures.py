"""The pictures of the explorer: the photo, the montage of maps, the selected one large, the score."""

from __future__ import annotations

from html import escape
from threading import RLock
from typing import Any

import bqplot
import ipywidgets as w
import numpy as np

from ..imaging import encode
from ..imaging.render import activation_tiles, picture, reconstruction_tiles
from ..results import DreamStep, FeatureMaps, Reconstruction
from .canvas import PictureCanvas
from .controls import text
from .montage import PAGE, Montage, on_page, pages
from .regions import Box, busy_box, busy_side
from .state import ExplorerState
from .work import Progress, part, strongest_first


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
        super().__init__(layout=w.Layout(width="100%", min_width="0"))

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


class Pictures:
    """Draws results into three canvases, following the selection in the state.

    Args:
        state: says which map and page to show; clicks and keys on the montage write it.
        images: float32 (images, h, w, channels), as fed.
        value_range: (low, high) of the network's input.
    """

    def __init__(self, state: ExplorerState, images: np.ndarray, value_range: Any) -> None:
        self.state, self._images, self._range = state, images, value_range
        self.montage = PictureCanvas(interactive=True, width=720)
        self.photo = PictureCanvas(smooth=True, width=360)
        self.large = PictureCanvas(width=480)
        self.caption, self.photo_caption = w.HTML(), w.HTML()
        self.chart = ScoreChart()
        self._lock = RLock()  # the worker draws results while callbacks draw selections
        self._progress: Progress | None = None
        self._grid: Montage | None = None
        self._side: int | None = None
        self.montage.on_click(self._clicked)
        self.montage.on_key(self._moved)
        state.observe(lambda change: self._select(), "channel")
        state.observe(lambda change: self._turn_page(), "page")
        state.observe(lambda change: self.draw_photo(), "image")
        self.draw_photo()

    @property
    def pages(self) -> int:
        """How many pages the maps of the layer fill."""
        return pages(self.state.current_layer.channels or 1)

    def draw_photo(self) -> None:
        """Show the image that is fed."""
        name = self.state.images[self.state.image]
        pixels = picture(self._images[self.state.image], self._range)
        height, width = pixels.shape[:2]
        self.photo.show(encode.png(pixels), f"The image as fed: {name}, {height} × {width} pixels")
        self.photo_caption.value = text(f"{name}, as fed: {height} × {width}", "caption")

    def draw(self, progress: Progress, final: bool) -> None:
        """Show a result. Lossless where it is the last one."""
        with self._lock:
            result = progress.result
            if not isinstance(result, DreamStep) and progress.layer != self.state.layer:
                return  # another layer was chosen meanwhile
            before, self._progress = self._progress, progress
            if isinstance(result, DreamStep):
                self._draw_dream(result, final)
            elif isinstance(result, FeatureMaps):
                self._draw_maps(result)
            else:
                self._draw_reconstructions(result, before is None or before.about != progress.about, final)

    def _select(self) -> None:
        """Turn to the page of the selected map, and show it."""
        with self._lock:
            result, channel = self._progress and self._progress.result, self.state.channel
            if isinstance(result, FeatureMaps) and channel is not None:
                self.state.page = channel // PAGE  # another page draws the map, too
            self._draw_selected()

    def _draw_selected(self) -> None:
        """Show the selected map large, and where it is in the montage."""
        with self._lock:
            channel, progress = self.state.channel, self._progress
            if channel is None or progress is None or self._grid is None:
                return
            result = progress.result
            if isinstance(result, FeatureMaps) and progress.layer == self.state.layer:
                self._draw_map(result, channel)
            elif isinstance(result, Reconstruction) and channel in result.channels:
                self._draw_reconstruction(part(result, [channel]))
            self.montage.selected = self._grid.box(channel)

    def will_show(self, channel: int | None) -> bool:
        """Whether the selected map is among those being computed, or there is none yet."""
        return channel is None or self._progress is None or channel in self._progress.channels

    def _turn_page(self) -> None:
        with self._lock:
            result = self._progress.result if self._progress else None
            if isinstance(result, FeatureMaps) and result.layer.name == self.state.layer:
                self._draw_maps(result)

    def _draw_maps(self, maps: FeatureMaps) -> None:
        count = maps.values.shape[-1]
        channels = on_page(min(self.state.page, pages(count) - 1), count)
        tiles = activation_tiles(maps, 0, channels=channels)
        self._grid = Montage(channels, *tiles.shape[1:3])
        self._grid.put(channels, tiles)
        shown = f"{channels[0]} to {channels[-1]} of {count}" if len(channels) < count else f"all {count}"
        self._show_montage(f"Feature maps of {maps.layer.name}: {shown}", True)
        self._select_or_strongest(strongest_first(maps)[0])

    def _draw_reconstructions(self, result: Reconstruction, new: bool, final: bool) -> None:
        if new or self._grid is None:
            self._side = busy_side(result.images[0])
            tiles = self._reconstruction_tiles(part(result, result.channels[:1]))
            self._grid = Montage(self._progress.channels if self._progress else (), *tiles.shape[1:3])
        missing = [channel for channel in result.channels if channel not in self._grid.filled]
        if missing:
            self._grid.put(missing, self._reconstruction_tiles(part(result, missing)))
        height, width = (self._side,) * 2 if self._side else result.images.shape[2:4]
        done = f"{len(result.channels)} of {len(self._grid.channels)}, {height} × {width} pixels each"
        self._show_montage(f"Reconstructions of {result.layer.name} by {result.rule}: {done}", final)
        self._select_or_strongest(result.channels[0])

    def _reconstruction_tiles(self, result: Reconstruction) -> np.ndarray:
        """Tiles for the montage, each cropped to where there is something to see."""
        tiles = reconstruction_tiles(result)
        if self._side is None:
            return tiles
        boxes = [busy_box(values, self._side) for values in result.images[0]]
        return np.stack([_cropped(tile, box) for tile, box in zip(tiles, boxes, strict=True)])

    def _draw_dream(self, step: DreamStep, final: bool) -> None:
        self.photo.selected = ()
        (name, score), layer = (step.names[0], float(step.scores[0])), step.layer.name
        pixels = picture(step.images[0], step.value_range)
        height, width = pixels.shape[:2]
        who = f"class {name}" if self.state.climb == "class" else f"map {name}"
        where = f"step {step.index + 1} of {step.total}, octave {step.octave + 1} of {step.octaves}"
        self.large.smooth = True
        alt = f"Deep dream of {who} of {layer}: {where}, score {score:.4g}"
        self.large.show(_encoded(pixels, final), alt)
        lines = [f"Deep dream of {who}, {height} × {width}", f"{where} · score {score:.4g}"]
        if step.softmax_removed:
            lines.append(f"climbing {layer}, the scores before the softmax")
        self._say(*lines)
        self.chart.add(step.index, score)

    def _draw_map(self, maps: FeatureMaps, channel: int) -> None:
        self.photo.selected = ()
        values = maps.values[0, ..., channel]
        place = np.unravel_index(int(values.argmax()), values.shape)
        strength = f"largest activation {float(values.max(initial=0.0)):.4g}{_at(place)}"
        pixels = activation_tiles(maps, 0, channels=[channel])[0]
        self.large.smooth = False
        self.large.show(encode.png(pixels), f"Feature map {channel} of {maps.layer.name}: {strength}")
        self._say(f"Map {channel} of {maps.values.shape[-1]} · {maps.layer.name}", strength)

    def _draw_reconstruction(self, one: Reconstruction) -> None:
        (channel,), value = one.channels, float(one.seed_values[0, 0])
        unit = one.units[0, 0]
        whole = bool((unit < 0).any())
        seed = f"the whole map, at most {value:.4g}" if whole else f"activation {value:.4g}{_at(unit)}"
        pixels = reconstruction_tiles(one)[0]
        alt = f"What made map {channel} of {one.layer.name} fire, by {one.rule} from {seed}"
        lines = [f"from {seed}", str(one.coverage)]
        self.photo.selected = ()
        side = busy_side(one.images[0])
        if side is not None:
            self.photo.selected = box = busy_box(one.images[0, 0], side)
            pixels = _cropped(pixels, box)
            lines.insert(1, f"the framed part, {side} × {side} pixels; the rest is zero or nearly so")
        self.large.smooth = True
        self.large.show(encode.png(pixels), alt)
        self._say(f"Map {channel} · {one.layer.name}", *lines)

    def _show_montage(self, alt: str, lossless: bool) -> None:
        if self._grid is not None:
            data = _encoded(self._grid.pixels, lossless)
            self.montage.show(data, alt, self._grid.box(self.state.channel))

    def _select_or_strongest(self, strongest: int) -> None:
        if self.state.channel is None:
            self.state.channel = strongest  # which calls ``_select``
        else:
            self._draw_selected()

    def _say(self, *lines: str) -> None:
        first, *rest = map(escape, lines)
        self.caption.value = f'<div class="cnnvis-caption">{"<br>".join([f"<b>{first}</b>", *rest])}</div>'

    def _clicked(self, x: float, y: float) -> None:
        channel = self._grid.channel_at(x, y) if self._grid else None
        if channel is not None:
            self.state.channel = channel

    def _moved(self, key: str) -> None:
        if self._grid is not None:
            self.state.channel = self._grid.neighbour(self.state.channel, key)


def _cropped(pixels: np.ndarray, box: Box) -> np.ndarray:
    left, top, width, height = box
    return pixels[top : top + height, left : left + width]


def _encoded(pixels: np.ndarray, lossless: bool) -> bytes:
    return encode.png(pixels) if lossless else encode.jpeg(pixels)


def _at(place: Any) -> str:
    """Where in a map: ' at row 3, column 5'."""
    names = {1: ("position",), 2: ("row", "column"), 3: ("depth", "row", "column")}.get(len(place), ())
    words = ", ".join(f"{name} {int(index)}" for name, index in zip(names, place, strict=True))
    return f" at {words}" if words else ""

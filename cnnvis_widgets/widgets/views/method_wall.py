"""One class by every attribution method, side by side, with figures that tell good pictures from nice ones."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from ...engine.attribution.method_wall import wall_methods
from ...imaging import encode
from ...methods import METHODS
from ...outputs.walls import wall_photo, wall_reference, wall_tile, wall_words
from ...results import MethodWall, WallTile
from ..elements.badges import marks
from ..elements.canvas import PictureCanvas
from ..elements.class_picker import ClassPicker
from ..elements.controls import caption, column, side_by_side, stack, switch, text
from ..elements.shared_layouts import create, set_visible
from ..jobs import computations
from ..state.applicability import no_gradient
from .attribution_figures import figures
from .class_choice import (
    NO_HEAD,
    ExplanationTraits,
    explained_menu,
    explains_another_class,
    question,
    target_code,
)
from .view import Context, Steps, View


class MethodWallView(View):
    """The attribution of a class by every method over the photo; tiles appear as they are computed.

    Attributes:
        tiles: the canvases, by the name of the method.
    """

    name, title = "method wall", "Method wall"
    tooltip = "Compare all attribution methods for one class, with time and two measures of each"
    depends_on = ("at_layer",)
    asks_class = True
    state: ExplanationTraits

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        state = self.state
        tooltip = "Weigh the maps of the layer chosen above instead of the last ones before the scores"
        self.options = (explained_menu(state), switch(state, "at_layer", "Maps of the chosen layer", tooltip=tooltip))
        self.tiles = {name: PictureCanvas(name=name, smooth=True, width=240) for name in wall_methods()}
        self._captions = {name: create(w.HTML) for name in self.tiles}
        columns = [
            column(self.tiles[name], self._captions[name], grow="1 1 120px", widest="240px") for name in self.tiles
        ]
        self._classes = column(ClassPicker(state), grow="2 1 220px", widest="320px")
        self._reference = create(w.HTML)
        self.panel = stack(side_by_side(*columns, self._classes), self._reference)
        state.observe(self._show_classes, "explained")
        self._show_classes()
        self._drawn: set[str] = set()  # the methods whose tiles are on the screen

    def unavailable(self) -> str:
        return no_gradient(self.state) if self.state.network.heads else NO_HEAD

    def is_stale(self, trait: str) -> bool:
        return super().is_stale(trait) or explains_another_class(self.state, trait)

    def work(self) -> tuple[str, Steps]:
        state = self.state
        self._drawn.clear()
        for name in self.tiles:
            self._say(name, "waiting …")
        options: Any = {"question": question(state), "at_layer": self._weighs_layer()}
        return "Explaining by every method", computations.wall(self.context.fed_layer(), **options)

    def draw(self, progress: computations.Progress, final: bool) -> None:
        wall: MethodWall = progress.result
        added = [tile for tile in wall.tiles if final or tile.method not in self._drawn]
        for tile in added:
            self._draw_tile(wall, tile, final)
        self._reference.value = text(", ".join(wall_reference(wall)[1:]))
        self._drawn.update(tile.method for tile in added)
        if added and (missing := [name for name in self.tiles if name not in self._drawn]):
            self._say(missing[0], "computing …")

    def _draw_tile(self, wall: MethodWall, tile: WallTile, final: bool) -> None:
        title, *words = wall_words(tile)
        pixels = wall_tile(tile, wall_photo(wall))
        data = encode.screen(pixels) if final else encode.jpeg(pixels)
        self.tiles[tile.method].show(data, f"{title} for {wall.name}: {', '.join(words)}")
        if tile.attribution is None:
            self._say(tile.method, *words)
        else:
            self._say(tile.method, f"for {wall.name}")
            self._captions[tile.method].value += marks(figures(tile))

    def _say(self, method: str, *words: str) -> None:
        """Write words below the tile of a method."""
        self._captions[method].value = caption([METHODS[method].title, *words])

    def code(self) -> str:
        options = {"layer": self.state.layer} if self._weighs_layer() else {}
        call = METHODS["method_wall"].code("network", "feed", "target", **options, **question(self.state).options)
        return f"{target_code(self.state)}\nwall = {call}"

    def _weighs_layer(self) -> bool:
        return self.state.at_layer and bool(self.state.current_layer.spatial_shape)

    def _show_classes(self, change: object = None) -> None:
        set_visible(self._classes, self.state.explained == "chosen")

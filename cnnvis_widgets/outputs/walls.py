"""Draws method walls: the photo and, over it, what each method says of a class; with the lines below each of them."""

from __future__ import annotations

import numpy as np

from ..imaging import render
from ..imaging.captions import captioned_grid
from ..imaging.grid import enlarge, magnification
from ..imaging.heat import heat, overlay
from ..imaging.render import attribution_values
from ..methods import METHODS
from ..results import MethodWall, PerturbationCurve, WallTile

_OPACITY = 0.8  # of an attribution over a photo


def whole_wall(wall: MethodWall) -> np.ndarray:
    """Draw a wall as one picture, uint8 (height, width, 3): the photo, then the tiles, each above its lines."""
    photo = wall_photo(wall)
    tiles = np.stack([np.broadcast_to(photo, (*photo.shape[:2], 3)), *(wall_tile(tile, photo) for tile in wall.tiles)])
    captions = [wall_reference(wall), *(wall_words(tile) for tile in wall.tiles)]
    return captioned_grid(enlarge(tiles, magnification(tiles[:1], side=256)), captions)


def wall_photo(wall: MethodWall) -> np.ndarray:
    """Draw the photo of a wall, uint8 (height, width, 1 or 3); blank where attributions are laid out in another way."""
    photo = render.picture(wall.image, wall.value_range)
    shapes = [attribution_values(tile.attribution, 0, 0).shape for tile in wall.tiles if tile.attribution is not None]
    if all(shape == photo.shape[:2] for shape in shapes):
        return photo
    return np.full((*shapes[0], 1), 255, np.uint8)  # the channels of the photo are drawn beside each other


def wall_tile(tile: WallTile, photo: np.ndarray) -> np.ndarray:
    """Draw one attribution of a method wall over the photo, uint8 (height, width, 3); grey if there is none."""
    if tile.attribution is None:
        return np.full((*photo.shape[:2], 3), 224, np.uint8)
    return overlay(photo, heat(attribution_values(tile.attribution, 0, 0)), _OPACITY)


def wall_words(tile: WallTile) -> list[str]:
    """The lines below a tile of a method wall: the title of the method and its figures, or why it does not apply.

    Example:
        >>> wall_words(WallTile("hires_cam", refusal="Expected maps."))
        ['HiResCAM', 'does not apply', 'Expected maps.']
    """
    title = METHODS[tile.method].title
    if tile.deletion is None:
        return [title, "does not apply", tile.refusal]
    curves = [curve for curve in (tile.deletion, tile.insertion) if curve is not None]
    similar = "no class sensitivity" if np.isnan(tile.sensitivity) else f"class sensitivity {tile.sensitivity:.2f}"
    return [title, f"{tile.seconds:.2g} s", *map(area_words, curves), similar]


def wall_reference(wall: MethodWall) -> list[str]:
    """The lines below the photo of a method wall: the class, and the areas of a random order of single pixels."""
    known = [curve for curve in wall.random if np.isfinite(curve.areas).all()]
    return [wall.name, "pixels in random order", *map(area_words, known)] if known else [wall.name]


def area_words(curve: PerturbationCurve) -> str:
    """The area under the curve of the first image and target, in words."""
    return f"{curve.kind} area {float(curve.areas[0, 0]):.3g}"

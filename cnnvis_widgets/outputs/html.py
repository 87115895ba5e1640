"""Write results as one HTML file that works without a kernel and without a network.

The page stores feature maps as a grey PNG of their values in 255 steps, so that it can colour them and show the value
of every unit. It stores projections and dreams as JPEG.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from .. import results as r
from ..arguments import checked
from ..imaging import colormaps, encode, render
from ..imaging.grid import Grid, montage
from ..methods import METHODS
from .whole_files import own_text, write_whole

LIMIT = 10_500_000
"""The most bytes of pictures in a page. Base64 makes them a third larger: 14 MB."""

MOST_VALUES = 4_000_000
"""If the feature maps of a layer have more values, the page keeps every second (third ...) row and column only."""


TITLE = "What the network sees"


@dataclass(frozen=True)
class Sheet:
    """The encoded maps, projections or dream of one layer and one image.

    Attributes:
        view: the entry of the first menu: 'Feature maps', 'Projections by deconvnet, seed strongest', 'Deep dream'.
        title: the entry of the second menu: the layer.
        photo: the entry of the third menu: the name of the image.
        channels: the channel of each tile.
        notes: a line of text for each tile.
        about: a line of text for the whole sheet.
        tile: (height, width) of a tile in pixels of ``picture``.
        columns: tiles in a row of ``picture``, without gaps.
        picture: a PNG or JPEG file.
        space: the spatial axes of feature maps, laid out row by row in a tile; ``None`` for projections and dreams.
        stride: the page keeps every ``stride``-th row and column.
        first: the tile that the page shows large at first.
        low, step: a value is ``low + step * pixel``, where the pixel is 0 to 255.
    """

    view: str
    title: str
    photo: str
    channels: tuple[int, ...]
    notes: tuple[str, ...]
    about: str
    tile: tuple[int, int]
    columns: int
    picture: bytes
    space: tuple[int, ...] | None = None
    stride: int = 1
    low: float = 0.0
    step: float = 0.0
    first: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        """Of sheets with an equal key, a page keeps the newest."""
        return self.view, self.title, self.photo


def sheets(result: r.FeatureMaps | r.Reconstruction | r.DreamStep, photos: Sequence[str] = ()) -> list[Sheet]:
    """Encode a result as one sheet for every image, or for every class of a dream.

    Args:
        result: feature maps, projections or a step of a dream.
        photos: names of the images; further images are called 'image 0', 'image 1' ... For a dream, the first name is
            that of the fed image.
    """
    if isinstance(result, r.DreamStep):
        return [_dream(result, place, photos[0] if photos else "") for place in range(len(result.channels))]
    draw = _maps if isinstance(result, r.FeatureMaps) else _projections
    count = len(result.values if isinstance(result, r.FeatureMaps) else result.images)
    names = (*photos, *(f"image {index}" for index in range(len(photos), count)))
    return [draw(result, index, names[index]) for index in range(count)]  # type: ignore[arg-type]


@checked
def write_html(
    results: Iterable[r.FeatureMaps | r.Reconstruction | r.DreamStep],
    path: str | Path,
    *,
    photos: Mapping[str, np.ndarray] | None = None,
    title: str = TITLE,
) -> Path:
    """Write results as one HTML file, which people browse without Python and without a network.

    The page has menus for the kind of result, the layer and the image. It shows the value of the unit under the
    pointer, in 255 steps of the largest value of the layer; a click or the arrow keys show a map large.

    Args:
        results: feature maps, reconstructions and last steps of dreams. Of several results of one kind, layer and
            image the page keeps the last. It keeps the newest results that fit into ``LIMIT`` bytes, and says how
            many it left out.
        path: the file.
        photos: the images of the results, in their order: uint8 (height, width, 1 or 3) by name.
        title: the title of the page.

    Returns:
        The path.

    Raises:
        OutputError: the file cannot be written.

    Example:
        >>> from cnnvis_widgets import activations, demo, write_html
        >>> results = activations(demo.small_cnn(), demo.digits().test_images[:1], "conv2")
        >>> write_html(results, "page.html").name
        'page.html'
    """
    pictures = {name: encode.jpeg(photo) for name, photo in (photos or {}).items()}
    encoded = [sheet for result in results for sheet in sheets(result, tuple(pictures))]
    return write_page(encoded, path, photos=pictures, title=title)


def write_page(sheets: Iterable[Sheet], path: str | Path, *, photos: Mapping[str, bytes], title: str = TITLE) -> Path:
    """Write sheets as one HTML file; see ``write_html``.

    Args:
        sheets: what the page shows.
        path: the file.
        photos: JPEG or PNG files by name.
        title: the title of the page.

    Raises:
        OutputError: the file cannot be written.
    """
    by_key: dict[tuple[str, str, str], Sheet] = {}
    for sheet in sheets:
        by_key.pop(sheet.key, None)  # the newest sheet takes the last place
        by_key[sheet.key] = sheet
    newest = list(by_key.values())[::-1]
    room = np.cumsum([len(sheet.picture) for sheet in newest]) <= LIMIT
    kept = [sheet for sheet, fits in zip(newest, room, strict=True) if fits][::-1]
    tables = {"rising": colormaps.SEQUENTIAL, "signed": colormaps.DIVERGING}
    data = {
        "sheets": [asdict(sheet) | {"picture": _url(sheet.picture)} for sheet in kept],
        "photos": {name: _url(picture) for name, picture in photos.items() if name in {s.photo for s in kept}},
        "tables": {name: table.ravel().tolist() for name, table in tables.items()},
        "leftOut": len(newest) - len(kept),
    }
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")  # so that no text ends the script element
    parts = {name: own_text(f"page.{name}") for name in ("html", "css", "js")}
    page = parts["html"].replace("{title}", escape(title))
    for place, content in (("{style}", parts["css"]), ("{script}", parts["js"]), ("{data}", text)):
        page = page.replace(place, content, 1)
    path = Path(path)
    write_whole(path, page.encode(), "Choose another path.")
    return path


def _maps(maps: r.FeatureMaps, index: int, photo: str) -> Sheet:
    values = np.moveaxis(maps.values[index], -1, 0)
    largest, lowest = float(np.abs(values).max(initial=0.0)) or 1.0, float(values.min(initial=0.0))
    # with a sign, level 128 is exactly zero
    step, low = (largest / 127, -128 * largest / 127) if lowest < 0 else (largest / 255, 0.0)
    stride = ceil(sqrt(max(1.0, values.size / MOST_VALUES))) if values.ndim > 1 else 1
    thinned = (slice(None), *[slice(None, None, stride)] * (values.ndim - 1))
    kept = values[thinned]
    tiles = np.rint((kept - low) / step).astype(np.uint8)
    space = tiles.shape[1:]
    tiles = tiles.reshape(len(tiles), -1, space[-1] if space else 1)
    notes = [f"largest {tile.max(initial=-np.inf):.4g}{_at(tile)}" for tile in values]
    shape = " × ".join(map(str, (*values.shape[1:], len(values))))
    about = f"{maps.layer.kind.replace('_', ' ')}, {shape}; values in steps of {step:.3g}"
    if stride > 1:
        about += f"; one of {stride} rows and columns is kept"
    scale = {"space": space, "stride": stride, "low": low, "step": step, "first": _strongest(values)}
    title, channels = METHODS["activations"].title, range(len(tiles))
    return _sheet((title, maps.layer.name, photo), channels, notes, about, tiles[..., None], **scale)


def _strongest(values: np.ndarray) -> int:
    """The index of the first map with the largest value, in ``values`` (maps, ...)."""
    return int(values.reshape(len(values), -1).max(axis=1, initial=-np.inf).argmax()) if len(values) else 0


def _at(values: np.ndarray) -> str:
    place = np.unravel_index(int(values.argmax()), values.shape) if values.ndim else ()
    return f" at {', '.join(map(str, map(int, place)))}" if place else ""


def _projections(result: r.Reconstruction, index: int, photo: str) -> Sheet:
    tiles = render.reconstruction_tiles(result, index, crop=True)
    notes = []
    for value, unit in zip(result.seed_values[index], result.units[index], strict=True):
        place = ", ".join(map(str, unit.tolist()))
        whole = bool((unit < 0).any())
        notes.append(f"from the whole map, at most {value:.4g}" if whole else f"from activation {value:.4g} at {place}")
    seed = result.seed if isinstance(result.seed, str) else f"unit {', '.join(map(str, result.seed))}"
    view, about = f"Projections by {result.rule}, seed {seed}", str(result.coverage)
    return _sheet((view, result.layer.name, photo), result.channels, notes, about, tiles)


def _dream(step: r.DreamStep, place: int, photo: str) -> Sheet:
    pixels = render.picture(step.images[place], step.value_range)
    name, channel = step.names[place], step.channels[place]
    title = f"{name} · {step.layer.name}" if name != str(channel) else f"map {channel} · {step.layer.name}"
    note = f"{name}: step {step.index + 1} of {step.total}, score {step.scores[place]:.4g}"
    about = "a picture that grew step by step to raise the score"
    return _sheet((METHODS["deepdream"].title, title, photo), [channel], [note], about, pixels[np.newaxis])


def _sheet(
    key: tuple[str, str, str],
    channels: Iterable[int],
    notes: Iterable[str],
    about: str,
    tiles: np.ndarray,
    **scale: Any,
) -> Sheet:
    pixels = montage(tiles, gap=0)
    picture = encode.png(pixels) if "space" in scale else encode.jpeg(pixels)
    numbers, lines, size = tuple(map(int, channels)), tuple(notes), (tiles.shape[1], tiles.shape[2])
    return Sheet(*key, numbers, lines, about, size, Grid.of(tiles).columns, picture, **scale)


def _url(picture: bytes) -> str:
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{b64encode(picture).decode()}"

"""Write what a survey found as pictures, and as a page that works without a kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import numpy as np

from ..arguments import checked
from ..imaging import encode
from ..imaging.grid import Grid, montage
from ..imaging.patches import patches_picture
from ..results import Patch, StrongestPatches
from .html import Sheet, write_page
from .pictures import Picture

VIEW = "Strongest patches"
TITLE = "What each channel looks for"
_SIDE = 48
"""The height and width of a patch on a page, in pixels."""


def of_patches(strongest: StrongestPatches) -> Picture:
    """Draw the patches of a channel beside their projections, for a PNG file or an event file."""
    pixels = patches_picture(strongest.patches, strongest.value_range)
    text = {
        "Layer": strongest.layer.name,
        "Channel": str(strongest.channel),
        "Method": "survey",
        "Images": ", ".join(patch.key for patch in strongest.patches),
        "Values": ", ".join(f"{patch.value:.6g}" for patch in strongest.patches),
        "Rule": next((patch.rule for patch in strongest.patches), ""),
    }
    height, width, depth = pixels.shape
    return Picture(
        strongest.layer, "survey", "patches", None, strongest.channel, str(strongest.channel), encode.png(pixels, text),
        (height, width, depth),
    )  # fmt: skip


@checked
def write_survey_page(strongest: Iterable[StrongestPatches], path: str | Path, *, title: str = TITLE) -> Path:
    """Write the strongest patches of channels as one HTML file, which people browse without Python and a network.

    Args:
        strongest: what ``Survey.all_patches`` yields, of one layer after the other.
        path: the file.
        title: of the page.

    Returns:
        The path.

    Raises:
        OutputError: the file cannot be written.

    Example:
        >>> from cnnvis_widgets import demo, survey, write_survey_page
        >>> found = survey(demo.small_cnn(), demo.digits().test_images[:60], "conv3", progress=False)
        >>> write_survey_page(found.all_patches("conv3/Relu", count=4), "page.html").name
        'page.html'
    """
    return write_page(_sheets(strongest), path, photos={}, title=title)


def _sheets(strongest: Iterable[StrongestPatches]) -> Iterator[Sheet]:
    """One sheet for each layer, with a tile for each channel."""
    for layer, group in groupby(strongest, key=lambda each: each.layer):
        channels, notes, drawn = [], [], []
        for each in group:
            channels.append(each.channel)
            notes.append("; ".join(map(_note, each.patches)) or "no image")
            drawn.append(patches_picture(each.patches, each.value_range, side=_SIDE))
        tiles = _of_one_size(drawn)
        about = f"{layer.kind.replace('_', ' ')}: for each channel its strongest patches, beside what it responds to"
        picture = encode.jpeg(montage(tiles, gap=0))
        size = tiles.shape[1], tiles.shape[2]
        yield Sheet(VIEW, layer.name, "", tuple(channels), tuple(notes), about, size, Grid.of(tiles).columns, picture)


def _note(patch: Patch) -> str:
    label = f" ({patch.label})" if patch.label is not None else ""
    return f"{Path(patch.key).name}{label} {patch.value:.4g}"


def _of_one_size(pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures as tiles of one size, with black where one is smaller."""
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    tiles = np.zeros((len(pictures), height, width, 3), np.uint8)
    for tile, picture in zip(tiles, pictures, strict=True):
        tile[: picture.shape[0], : picture.shape[1]] = picture
    return tiles

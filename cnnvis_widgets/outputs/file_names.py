"""The name of every file that results are written to; docs/design/0004-file-names.md gives the reasons.

::

    <out>/<layer>/activations/grid_activation.png      map_<channel>.png
    <out>/<layer>/deconvolution/grid_image.png         map_<channel>.png
    <out>/<layer>/attribution/<method>_<class>.png     method_wall_<class>.png
                                                       <method>_<class>_at_<row>_<column>.png
                                                       <method>_<class>_in_<top>_<left>_<height>_<width>.png
    <out>/<layer>/attention/<method>.png               <method>_head_<head>.png
    <out>/<layer>/intervention/intervention_<channel>.png
    <out>/<layer>/comparison/comparison_<panel>_<channel>.png
    <out>/<layer>/survey/patches_<channel>.png
    <out>/deepdream_<layer>/image_<class>.png
    <out>/dream.gif                                    dream_2.gif
    <out>/explorer.html

With several images the name of each PNG file ends in ``_<image>``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from ..methods import Kind
from ..results import Layer
from .pictures import Picture

LONGEST = 100
"""Characters of a folder name: the whole path must stay below the 260 of some Windows programs."""

PAGE = "explorer.html"
"""The page that an explorer exports."""

_FOLDERS = {
    "activations": "activations",
    "reconstruction": "deconvolution",
    "attribution": "attribution",
    "attention": "attention",
    "occlusion": "attribution",
    "wall": "attribution",
    "intervention": "intervention",
    "comparison": "comparison",
    "survey": "survey",
}
_GRIDS = {"activations": "grid_activation", "reconstruction": "grid_image"}
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
_HASHED = re.compile(r".*-[0-9a-f]{8}")


def picture_path(picture: Picture, folder: str) -> Path:
    """The path of a picture's PNG file below the output folder.

    Args:
        picture: what is written.
        folder: the ``folder_name`` of its layer.
    """
    if picture.kind == "dream":
        name = "layer" if picture.channel is None else str(picture.channel)
        name += f"_{picture.number}" if picture.number > 1 else ""
        return folder_of(picture.kind, folder) / f"image_{name}.png"
    image = "" if picture.image is None else f"_{picture.image}"
    return folder_of(picture.kind, folder) / f"{_stem(picture)}{image}.png"


def folder_of(kind: Kind, folder: str) -> Path:
    """The folder, below the output folder, of the pictures of one kind and one layer.

    Args:
        kind: what the pictures are about; see ``Picture``.
        folder: the ``folder_name`` of the layer.
    """
    return Path(f"deepdream_{folder}") if kind == "dream" else Path(folder, _FOLDERS[kind])


def _stem(picture: Picture) -> str:
    if picture.kind not in _GRIDS:
        part = "head_" if picture.kind == "attention" else ""
        channel = "" if picture.channel is None else f"_{part}{picture.channel}"
        place = re.sub(r"\W+", "_", f" {picture.place}") if picture.place else ""
        return f"{picture.name}{channel}{place}"
    return _GRIDS[picture.kind] if picture.channel is None else f"map_{picture.channel}"


def film_name(number: int) -> str:
    """The name of the film of a dream; ``number`` counts the films in one folder from 1.

    Example:
        >>> film_name(1), film_name(2)
        ('dream.gif', 'dream_2.gif')
    """
    return "dream.gif" if number == 1 else f"dream_{number}.gif"


def folder_name(layer: Layer, layers: Iterable[Layer]) -> str:
    """The folder for results of a layer: 'conv1/Relu' -> 'conv1_relu', as tf_cnnvis named it.

    Args:
        layer: the layer.
        layers: all layers of its network. If two of them would share a folder, as 'a/b' and 'A_b' would, the name
            of each gets a hash of the layer's full name appended.

    Returns:
        At most ``LONGEST`` characters of [a-z0-9._-]: a valid file name on every system.
    """
    plain = _plain(layer.name)
    shared = any(_plain(other.name) == plain and other.name != layer.name for other in layers)
    unfit = _RESERVED.fullmatch(plain) or _HASHED.fullmatch(plain) or plain != plain.strip(".")
    if not (shared or unfit or len(plain) > LONGEST):
        return plain
    return f"{plain.replace('.', '_')[: LONGEST - 9]}-{sha256(layer.name.encode()).hexdigest()[:8]}"


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9._-]", "_", name.lower())

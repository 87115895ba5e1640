"""Pictures into PNG files, in the folders that tf_cnnvis made.

::

    <out>/<layer>/activations/grid_activation.png      map_<channel>.png
    <out>/<layer>/deconvolution/grid_image.png         map_<channel>.png
    <out>/<layer>/attribution/<method>_<class>.png
    <out>/<layer>/intervention/intervention_<channel>.png
    <out>/<layer>/comparison/comparison_<panel>_<channel>.png
    <out>/deepdream_<layer>/image_<class>.png

With several images each file name ends in ``_<image>``. A file is there whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..imaging.render import Scale
from ..results import DreamStep, FeatureMaps, Layer, Reconstruction
from .file_names import folder_name
from .pictures import ATTRIBUTIONS, Picture, of_dream, of_layer
from .whole_files import write_whole


def write(pictures: Iterable[Picture], outdir: str | os.PathLike[str], layers: Iterable[Layer]) -> list[Path]:
    """Write pictures below ``outdir``, which is made if need be; files of the same name are replaced.

    Args:
        pictures: of a function of ``pictures``.
        outdir: the folder.
        layers: all layers of the network, so that each gets a folder of its own (``file_names``).

    Returns:
        The files, in the order of the pictures.

    Raises:
        OutputError: the folder or a file cannot be written. No half-written file stays behind.
    """
    layers = tuple(layers)
    contents = [(Path(outdir, _path(each, folder_name(each.layer, layers))), each.png) for each in pictures]
    for path, content in contents:
        write_whole(path, content, "Give another outdir, or None to write nothing.")
    return [path for path, _ in contents]


def write_activations(
    maps: FeatureMaps,
    outdir: str | os.PathLike[str],
    *,
    layers: Iterable[Layer],
    each: bool = False,
    scale: Scale = "layer",
) -> list[Path]:
    """Write a grid of the feature maps for every image, in colour; with ``each``, every map too.

    ``write`` tells the other arguments and what is raised, ``imaging.render`` what scales are.
    """
    return write(of_layer(maps, each=each, scale=scale), outdir, layers)


def write_reconstruction(
    reconstruction: Reconstruction,
    outdir: str | os.PathLike[str],
    *,
    layers: Iterable[Layer],
    each: bool = False,
    scale: Scale = "layer",
) -> list[Path]:
    """Write a grid of the projections for every image; with ``each``, every projection too.

    ``write`` tells the other arguments and what is raised, ``imaging.render`` what scales are.
    """
    return write(of_layer(reconstruction, each=each, scale=scale), outdir, layers)


def write_dream(step: DreamStep, outdir: str | os.PathLike[str], *, layers: Iterable[Layer]) -> list[Path]:
    """Write one picture per class or channel of a dream, or that of a whole layer; see ``write``."""
    return write(of_dream(step), outdir, layers)


def _path(picture: Picture, folder: str) -> Path:
    if picture.method == "deepdream":
        return Path(f"deepdream_{folder}", f"image_{'layer' if picture.channel is None else picture.channel}.png")
    kind = "attribution" if picture.method in ATTRIBUTIONS else picture.method.partition("_")[0]
    if kind in ("attribution", "intervention", "comparison"):
        stem = f"{picture.method}_{picture.channel}"
        return Path(folder, kind, f"{stem}.png" if picture.image is None else f"{stem}_{picture.image}.png")
    kind, grid = "deconvolution", "grid_image"
    if picture.method == "activations":
        kind, grid = "activations", "grid_activation"
    stem = grid if picture.channel is None else f"map_{picture.channel}"
    return Path(folder, kind, f"{stem}.png" if picture.image is None else f"{stem}_{picture.image}.png")

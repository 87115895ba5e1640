"""Write pictures as PNG files; ``file_names`` says where.

Each file appears complete or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..imaging.render import Scale
from ..results import DreamStep, FeatureMaps, Layer, Reconstruction
from .file_names import folder_name, picture_path
from .pictures import Picture, of_dream, of_layer
from .whole_files import write_whole


def write(pictures: Iterable[Picture], outdir: str | os.PathLike[str], layers: Iterable[Layer]) -> list[Path]:
    """Write pictures below ``outdir`` and replace files of the same name.

    Args:
        pictures: what a function of ``pictures`` returns.
        outdir: the folder; it is created if it does not exist.
        layers: all layers of the network, so that each gets a folder of its own (``file_names``).

    Returns:
        The files, in the order of the pictures.

    Raises:
        OutputError: the folder or a file cannot be written. No half-written file stays behind.
    """
    layers, folders = tuple(layers), dict[str, str]()
    contents = []
    for picture in pictures:
        if picture.layer.name not in folders:
            folders[picture.layer.name] = folder_name(picture.layer, layers)
        contents.append((Path(outdir, picture_path(picture, folders[picture.layer.name])), picture.png))
    for path, content in contents:
        write_whole(path, content, "Give another outdir, or None to write nothing.")
    return [path for path, _ in contents]


def write_activations(
    maps: FeatureMaps,
    outdir: str | os.PathLike[str],
    *,
    layers: Iterable[Layer],
    singles: bool = False,
    scale: Scale = "layer",
) -> list[Path]:
    """Write a coloured grid of the feature maps for every image; with ``singles``, every map too.

    ``write`` explains the other arguments and the errors, ``imaging.render`` the scales.
    """
    return write(of_layer(maps, singles=singles, scale=scale), outdir, layers)


def write_reconstruction(
    reconstruction: Reconstruction,
    outdir: str | os.PathLike[str],
    *,
    layers: Iterable[Layer],
    singles: bool = False,
    scale: Scale = "layer",
) -> list[Path]:
    """Write a grid of the projections for every image; with ``singles``, every projection too.

    ``write`` explains the other arguments and the errors, ``imaging.render`` the scales.
    """
    return write(of_layer(reconstruction, singles=singles, scale=scale), outdir, layers)


def write_dream(step: DreamStep, outdir: str | os.PathLike[str], *, layers: Iterable[Layer]) -> list[Path]:
    """Write one picture for each class or channel of a dream, or the one of a whole layer; see ``write``."""
    return write(of_dream(step), outdir, layers)

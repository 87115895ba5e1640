"""Write the steps of a dream as a film: GIF, or MP4 if imageio-ffmpeg is installed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import OutputError
from ..extras import needed
from ..imaging import render
from ..results import DreamStep


def frames(steps: Iterable[DreamStep], picture: int = 0) -> Iterator[np.ndarray]:
    """Draw the frames of a film, uint8 (height, width, 3), all of the size of the last picture.

    Args:
        steps: the steps of ``dream`` or ``zoom``.
        picture: the index of the picture in each step.

    Raises:
        ValueError: there are no steps.
    """
    drawn = [Image.fromarray(_coloured(render.picture(step.images[picture], step.value_range))) for step in steps]
    if not drawn:
        raise ValueError("Expected at least one step of a dream. Received: none. Pass the steps that dream yields.")
    for frame in drawn:
        # without this, the film would jump from octave to octave
        yield np.asarray(frame.resize(drawn[-1].size, Image.Resampling.BILINEAR))


def write_animation(
    steps: Iterable[DreamStep], path: str | os.PathLike[str], *, rate: float = 15, picture: int = 0
) -> Path:
    """Write the steps of a dream as a film; the last picture stays for a second.

    Args:
        steps: the steps of ``dream`` or ``zoom``.
        path: the file; it ends in ``.gif``, or in ``.mp4`` if imageio-ffmpeg is installed.
        rate: frames per second.
        picture: the index of the picture in each step.

    Returns:
        The file.

    Raises:
        ValueError: another kind of file, or no steps.
        OutputError: the file cannot be written.
        MissingPackageError: the library for MP4 is not installed; a ``.gif`` needs none.

    Example:
        >>> from cnnvis_widgets import demo, dream, write_animation
        >>> steps = dream(demo.small_cnn(), None, "conv2", 3, octaves=1, steps=3)
        >>> write_animation(steps, "conv2.gif").name
        'conv2.gif'
    """
    path = Path(path)
    if path.suffix.lower() not in (".gif", ".mp4"):
        raise ValueError(f"Expected a file name ending in .gif or .mp4. Received: {str(path)!r}.")
    if path.suffix.lower() == ".mp4":
        needed("imageio_ffmpeg")
    drawn = list(frames(steps, picture))
    drawn += drawn[-1:] * round(rate)
    try:
        _write_mp4(drawn, path, rate) if path.suffix.lower() == ".mp4" else _write_gif(drawn, path, rate)
    except OSError as error:
        raise OutputError(
            f"Expected a file that can be written. Received: {str(path)!r} ({error}). Give another path."
        ) from error
    return path


def _write_gif(drawn: list[np.ndarray], path: Path, rate: float) -> None:
    # all frames share one palette; otherwise the colours of parts that do not move flicker
    palette = Image.fromarray(np.vstack([drawn[0], drawn[len(drawn) // 2], drawn[-1]])).quantize(256)
    images = [Image.fromarray(frame).quantize(palette=palette) for frame in drawn]
    images[0].save(path, "GIF", save_all=True, append_images=images[1:], duration=round(1000 / rate), loop=0)


def _write_mp4(drawn: list[np.ndarray], path: Path, rate: float) -> None:
    ffmpeg = needed("imageio_ffmpeg")
    height, width = (side - side % 2 for side in drawn[0].shape[:2])  # the usual colour format needs even sides
    writer = ffmpeg.write_frames(str(path), (width, height), fps=rate, quality=8, macro_block_size=2)
    writer.send(None)
    for frame in drawn:
        writer.send(np.ascontiguousarray(frame[:height, :width]))
    writer.close()


def _coloured(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels

"""The steps of a dream as a film: GIF, and MP4 where a library for it is installed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import OutputError
from ..imaging import render
from ..results import DreamStep


def frames(steps: Iterable[DreamStep], picture: int = 0) -> Iterator[np.ndarray]:
    """The frames of a film, uint8 (height, width, 3), all of the size of the last step's picture.

    Args:
        steps: of ``dream`` or ``zoom``.
        picture: which of the pictures that were dreamt together.
    """
    drawn = [Image.fromarray(_coloured(render.picture(step.images[picture], step.value_range))) for step in steps]
    if not drawn:
        raise ValueError("Expected at least one step of a dream. Received: none.")
    for frame in drawn:
        # small octaves are enlarged, or the film would jump
        yield np.asarray(frame.resize(drawn[-1].size, Image.Resampling.BILINEAR))


def write_animation(
    steps: Iterable[DreamStep], path: str | os.PathLike[str], *, rate: float = 15, picture: int = 0
) -> Path:
    """Write the steps of a dream as a film; the last picture stays for a second.

    Args:
        steps: of ``dream`` or ``zoom``.
        path: of the file; ``.gif``, or ``.mp4`` if imageio-ffmpeg is installed.
        rate: frames per second.
        picture: which of the pictures that were dreamt together.

    Returns:
        The file.

    Raises:
        ValueError: another kind of file, or no steps.
        OutputError: the file cannot be written, or the library for MP4 is missing.
    """
    path = Path(path)
    if path.suffix.lower() not in (".gif", ".mp4"):
        raise ValueError(f"Expected a file name ending in .gif or .mp4. Received: {str(path)!r}.")
    if path.suffix.lower() == ".mp4" and find_spec("imageio_ffmpeg") is None:
        raise OutputError(
            f"Expected imageio-ffmpeg for MP4. Received: {str(path)!r}, and it is not installed. "
            "Install imageio-ffmpeg, or write a .gif."
        )
    shown = list(frames(steps, picture))
    shown += shown[-1:] * round(rate)
    try:
        _write_mp4(shown, path, rate) if path.suffix.lower() == ".mp4" else _write_gif(shown, path, rate)
    except OSError as error:
        raise OutputError(
            f"Expected a file that can be written. Received: {str(path)!r} ({error}). Give another path."
        ) from error
    return path


def _write_gif(shown: list[np.ndarray], path: Path, rate: float) -> None:
    # one palette for all frames: with a palette for each, the colours of still parts flicker
    palette = Image.fromarray(np.vstack([shown[0], shown[len(shown) // 2], shown[-1]])).quantize(256)
    images = [Image.fromarray(frame).quantize(palette=palette) for frame in shown]
    images[0].save(path, "GIF", save_all=True, append_images=images[1:], duration=round(1000 / rate), loop=0)


def _write_mp4(shown: list[np.ndarray], path: Path, rate: float) -> None:
    ffmpeg = import_module("imageio_ffmpeg")
    height, width = (side - side % 2 for side in shown[0].shape[:2])  # the usual colour format halves both
    writer = ffmpeg.write_frames(str(path), (width, height), fps=rate, quality=8, macro_block_size=2)
    writer.send(None)
    for frame in shown:
        writer.send(np.ascontiguousarray(frame[:height, :width]))
    writer.close()


def _coloured(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels

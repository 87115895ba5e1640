"""Write the steps of a dream as a film, whole or not at all: GIF, or MP4 if imageio-ffmpeg is installed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from PIL import Image

from ..arguments import checked
from ..errors import OptionError, OutputError
from ..extras import needed
from ..imaging import render
from ..results import DreamStep
from .whole_files import appearing

MOST_FRAMES_PER_SECOND = 240


def frames(steps: Iterable[DreamStep], picture: int = 0) -> Iterator[np.ndarray]:
    """Draw the frames of a film, uint8 (height, width, 3), all of the size of the last picture.

    Args:
        steps: the steps of ``dream`` or ``zoom``.
        picture: the index of the picture in each step.

    Raises:
        OptionError: there are no steps.
        OptionError: there is no such picture.
    """
    drawn = [Image.fromarray(_coloured(render.picture(_picture(step, picture), step.value_range))) for step in steps]
    if not drawn:
        raise OptionError("Expected at least one step of a dream. Received: none. Pass the steps that dream yields.")
    for frame in drawn:
        # without this, the film would jump from octave to octave
        yield np.asarray(frame.resize(drawn[-1].size, Image.Resampling.BILINEAR))


@checked
def write_animation(
    steps: Iterable[DreamStep], path: str | os.PathLike[str], *, rate: float = 15, picture: int = 0
) -> Path:
    """Write the steps of a dream as a film; the last picture stays for a second.

    Args:
        steps: the steps of ``dream`` or ``zoom``.
        path: the file; it ends in ``.gif``, or in ``.mp4`` if imageio-ffmpeg is installed.
        rate: frames per second, at most 240.
        picture: the index of the picture in each step.

    Returns:
        The file.

    Raises:
        OptionError: another kind of file, or no steps.
        OptionError: the rate is out of range, or there is no such picture.
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
        raise OptionError(f"Expected a file name ending in .gif or .mp4. Received: {str(path)!r}.")
    _require_rate(rate)
    if path.suffix.lower() == ".mp4":
        _require_ffmpeg(path)
    drawn = list(frames(steps, picture))
    drawn += drawn[-1:] * max(round(rate), 1)
    if not path.parent.is_dir():
        raise OutputError(f"Expected a file that can be written. Received: {str(path)!r}, in no folder. Make it first.")
    with appearing(path, "Free space, or give another path.") as temporary:
        _write_mp4(drawn, temporary, rate) if path.suffix.lower() == ".mp4" else _write_gif(drawn, temporary, rate)
    return path


def _require_ffmpeg(path: Path) -> None:
    try:
        needed("imageio_ffmpeg").get_ffmpeg_exe()
    except OSError as error:  # no file handle is left for it
        raise OutputError(f"Expected ffmpeg to run. Received: {str(path)!r} ({error}). Close files first.") from error


def _require_rate(rate: float) -> None:
    if not (isinstance(rate, int | float | np.number) and 0 < rate <= MOST_FRAMES_PER_SECOND):
        raise OptionError(
            f"Expected a rate of more than 0 and at most {MOST_FRAMES_PER_SECOND} frames per second. Received: "
            f"rate={rate!r}."
        )


def _write_gif(drawn: list[np.ndarray], path: Path, rate: float) -> None:
    # all frames share one palette; otherwise the colours of parts that do not move flicker
    palette = Image.fromarray(np.vstack([drawn[0], drawn[len(drawn) // 2], drawn[-1]])).quantize(256)
    images = [Image.fromarray(frame).quantize(palette=palette) for frame in drawn]
    with path.open("wb") as file:
        images[0].save(file, "GIF", save_all=True, append_images=images[1:], duration=round(1000 / rate), loop=0)


def _write_mp4(drawn: list[np.ndarray], path: Path, rate: float) -> None:
    """Have ffmpeg write a film. imageio_ffmpeg's own writer does not tell whether ffmpeg failed, as on a full disk.

    Raises:
        OSError: it failed.
    """
    height, width = (side - side % 2 for side in drawn[0].shape[:2])  # the usual colour format needs even sides
    pixels = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{rate:g}", "-i", "-"]
    coded = ["-an", "-vcodec", "libx264", "-pix_fmt", "yuv420p", "-crf", "10", "-f", "mp4"]
    command = [needed("imageio_ffmpeg").get_ffmpeg_exe(), "-y", "-v", "error", *pixels, *coded, str(path)]
    with TemporaryFile() as said:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=said) as ffmpeg:
            try:
                assert ffmpeg.stdin is not None
                for frame in drawn:
                    ffmpeg.stdin.write(np.ascontiguousarray(frame[:height, :width]).data)
                ffmpeg.stdin.close()
            except BrokenPipeError:
                pass  # it has ended, and its exit status tells why
            except BaseException:
                ffmpeg.kill()
                raise
        said.seek(0)
        if ffmpeg.returncode:
            raise OSError(said.read().decode(errors="replace").strip()[-300:] or f"ffmpeg: {ffmpeg.returncode}")


def _picture(step: DreamStep, picture: int) -> np.ndarray:
    if not isinstance(picture, int | np.integer) or not -len(step.images) <= picture < len(step.images):
        raise OptionError(f"Expected the index of one of {len(step.images)} pictures. Received: picture={picture!r}.")
    return step.images[picture]


def _coloured(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels

"""Draw the mistakes of a survey, and write them as a page that works without a kernel."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from ..arguments import checked
from ..imaging import encode
from ..imaging.conversion import with_channels
from ..imaging.normalize import ValueRange
from ..imaging.patches import patches_picture
from ..imaging.render import picture
from ..results import Evidence, Mistake, Mistakes
from .whole_files import own_text, write_whole

TITLE = "Wrong predictions"
_SIDE = 112
"""The height of pictures, in pixels."""
_CHANNELS = 3
"""How many channels fit beside the images in a notebook."""

Tile = tuple[np.ndarray, list[str]]
"""A picture, uint8 (height, width, 3), and the lines that tell what it shows."""


def mistake_tiles(mistake: Mistake, value_range: ValueRange) -> Iterator[Tile]:
    """Draw a mistake: the image, the most similar one that is right, and what the channels that misled respond to.

    Args:
        mistake: one of ``Mistakes``.
        value_range: of its pixels.

    Yields:
        Pictures of one height, each with three lines of words.
    """
    right, wrong = mistake.scores
    name = Path(_called(mistake.key)).name
    yield _fitted(mistake.pixels, value_range), [f"{mistake.label}, taken for", f"{mistake.prediction}", name]
    if mistake.nearest is not None and mistake.nearest_pixels is not None:
        words = [
            f"like {mistake.nearest_label}, which",
            f"is right ({mistake.similarity:.2f})",
            Path(mistake.nearest).name,
        ]
        yield _fitted(mistake.nearest_pixels, value_range), words
    for each in mistake.channels[:_CHANNELS]:
        lead = f"of a lead of {wrong - right:.3g}"
        yield (
            _patches(each, value_range),
            [f"channel {each.channel}", f"adds {each.value:.3g} to {mistake.prediction}", lead],
        )


@checked
def write_mistakes_page(mistakes: Mistakes, path: str | Path, *, title: str = TITLE) -> Path:
    """Write wrong predictions as one HTML file, which people read without Python and a network.

    Each stands beside the most similar image that is right, and the channels that misled, with the patches of the
    data set to which they respond most.

    Args:
        mistakes: what ``Survey.errors`` returns.
        path: the file.
        title: of the page.

    Returns:
        The path.

    Raises:
        OutputError: the file cannot be written.

    Example:
        >>> from cnnvis_widgets import demo, survey, write_mistakes_page
        >>> digits = demo.digits()
        >>> images, labels = digits.test_images[:60], digits.test_labels[:60]
        >>> found = survey(demo.small_cnn(), images, "conv3", labels=labels, progress=False)
        >>> write_mistakes_page(found.errors(count=3), "mistakes.html").name
        'mistakes.html'
    """
    summary = f"{mistakes.wrong} of {mistakes.labelled} predictions are wrong."
    if len(mistakes) < mistakes.wrong:
        summary += f" These are the {len(mistakes)} with the largest lead of the wrong class."
    page = own_text("mistakes.html").format(
        title=escape(title),
        summary=escape(summary),
        style=own_text("page.css"),
        articles="\n".join(_article(mistake, mistakes.value_range) for mistake in mistakes),
    )  # fmt: skip
    write_whole(Path(path), page.encode(), "Give another path.")
    return Path(path)


def _article(mistake: Mistake, value_range: ValueRange) -> str:
    right, wrong = mistake.scores
    lines = [
        "<article>",
        f"<h2>{escape(mistake.label)}, taken for {escape(mistake.prediction)}</h2>",
        f"<p>{escape(_called(mistake.key))}: score {wrong:.3g} for {escape(mistake.prediction)}, "
        f"{right:.3g} for {escape(mistake.label)}; channels of {escape(mistake.layer.name)}</p>",
        '<div class="row">',
        _figure(_fitted(mistake.pixels, value_range), f"The image: {mistake.label}"),
    ]
    if mistake.nearest is not None and mistake.nearest_pixels is not None:
        words = f"The most similar image that is right: {mistake.nearest_label}, {Path(_called(mistake.nearest)).name}"
        lines.append(
            _figure(_fitted(mistake.nearest_pixels, value_range), f"{words} (cosine {mistake.similarity:.2f})")
        )
    for each in mistake.channels:
        words = f"Channel {each.channel} adds {each.value:.3g} to {mistake.prediction}. It responds most to these."
        lines.append(_figure(_patches(each, value_range), words))
    return "\n".join([*lines, "</div>", "</article>"])


def _called(key: str) -> str:
    """The path of an image, or its number with a word."""
    return f"image {key}" if key.isdecimal() else key


def _figure(pixels: np.ndarray, words: str) -> str:
    data = b64encode(encode.png(pixels)).decode()
    text = escape(words)
    return f'<figure><img src="data:image/png;base64,{data}" alt="{text}"><figcaption>{text}</figcaption></figure>'


def _fitted(pixels: np.ndarray, value_range: ValueRange) -> np.ndarray:
    """An image at the height of all pictures; small ones keep their pixels visible."""
    drawn = with_channels(picture(pixels, value_range), 3)
    height, width = drawn.shape[:2]
    size = max(1, round(width * _SIDE / height)), _SIDE
    resample = Image.Resampling.NEAREST if height < _SIDE else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(drawn).resize(size, resample))


def _patches(each: Evidence, value_range: ValueRange) -> np.ndarray:
    """The patches of a channel in one row."""
    parts = [patches_picture([patch], value_range, side=_SIDE) for patch in each.patches]
    gap = np.full((_SIDE, 4, 3), 255, np.uint8)
    row = [part for pair in zip(parts, [gap] * len(parts), strict=True) for part in pair][:-1]
    return np.concatenate(row, axis=1) if row else np.full((_SIDE, _SIDE, 3), 224, np.uint8)

"""What a notebook shows of a result: one picture, and one line of facts."""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from html import escape
from importlib import import_module
from io import BytesIO
from itertools import islice
from typing import Any

import numpy as np
from PIL import Image

from .. import results as r
from ..imaging import encode
from ..imaging.bars import bar_chart
from ..imaging.captions import captioned_grid
from ..imaging.line_plot import line_plot
from ..imaging.patches import patches_picture
from .mistake_pages import mistake_tiles
from .pictures import of_result

_PICTURES = 4
"""Pictures of a result that are shown: of the first images, targets or channels."""
_CLASSES = 5
_PAPER = 255
_CURVES = 8  # layers whose curves are drawn, taken evenly from all
_PLOT = (220, 420)
_STEPS = {"rotate": "degrees", "shift": "pixels downwards", "scale": "factor"}


def image_of(result: Any) -> Image.Image:
    """The picture of a result."""
    draw = next((draw for kind, draw in _DRAWN_BY.items() if isinstance(result, kind)), _of_result)
    parts = [part if part.shape[-1] == 3 else part.repeat(3, axis=-1) for part in islice(draw(result), _PICTURES)]
    return Image.fromarray(_stacked(parts))


def png_of(result: Any) -> bytes:
    """The picture of a result as a PNG file."""
    return encode.png(np.asarray(image_of(result)))


def show(result: Any) -> None:
    """Show a result: as the output of a notebook cell, or else in the system's image viewer."""
    shell = sys.modules.get("IPython")
    if shell is not None and shell.get_ipython() is not None:
        import_module("IPython.display").display(result)
    else:
        image_of(result).show()


def html_of(result: Any) -> str:
    """The picture of a result above its facts."""
    data, facts = b64encode(png_of(result)).decode(), escape(repr(result).strip("<>"))
    return f'<img src="data:image/png;base64,{data}" alt="{facts}"><div>{facts}</div>'


def _of_result(result: Any) -> Iterable[np.ndarray]:
    for picture in of_result(result):
        pixels = np.asarray(Image.open(BytesIO(picture.png)))
        yield pixels if pixels.ndim == 3 else pixels[..., np.newaxis]


def _of_predictions(predictions: r.Predictions) -> Iterable[np.ndarray]:
    for image in range(len(predictions.scores)):
        _, names, parts = zip(*predictions.top(_CLASSES, image), strict=True)
        yield bar_chart(names, parts, percent=predictions.probabilities is not None)


def _of_intervention(result: r.Intervention) -> Iterable[np.ndarray]:
    for image in range(len(result.before.scores)):
        numbers = dict.fromkeys(
            number for which in (result.before, result.after) for number, *_ in which.top(_CLASSES, image)
        )
        before, after = ([float(which.amounts[image, n]) for n in numbers] for which in (result.before, result.after))
        names = [result.before.names[number] for number in numbers]
        yield bar_chart(names, after, before, percent=result.before.probabilities is not None)


def _of_patches(strongest: r.StrongestPatches) -> Iterable[np.ndarray]:
    yield patches_picture(strongest.patches, strongest.value_range)


def _of_concepts(concepts: r.Concepts) -> Iterable[np.ndarray]:
    rows = [patches_picture(concept.patches, concepts.value_range) for concept in concepts.concepts]
    yield _stacked(rows)


def _of_mistakes(mistakes: r.Mistakes) -> Iterable[np.ndarray]:
    for mistake in mistakes:
        tiles = mistake_tiles(mistake, mistakes.value_range)
        parts = [captioned_grid(pixels[np.newaxis], [lines]) for pixels, lines in tiles]
        yield np.concatenate(
            [np.pad(part, ((0, 0), (0, 10), (0, 0)), constant_values=_PAPER) for part in parts], axis=1
        )
    if not len(mistakes):
        yield captioned_grid(np.full((1, 1, 1, 3), _PAPER, np.uint8), [[f"no mistakes in {mistakes.labelled} images"]])


def _of_invariance(curves: r.Invariance) -> Iterable[np.ndarray]:
    names = [layer.name for layer in curves.layers]
    chosen = np.unique(np.linspace(0, len(names) - 1, min(_CURVES, len(names))).round().astype(int))
    largest = np.maximum(curves.distances.max(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    parts = {names[index]: (curves.distances / largest)[index].tolist() for index in chosen}
    label = _STEPS[curves.transformation]
    title = "distance of activations, as a part of the largest"
    yield line_plot(curves.amounts, parts, title=title, label=label, size=_PLOT)
    answer = {curves.name: curves.scores.tolist()}
    yield line_plot(curves.amounts, answer, title="probability, or value", label=label, size=_PLOT)


def _of_curve(curve: r.PerturbationCurve) -> Iterable[np.ndarray]:
    for image in range(len(curve.values)):
        lines = {name: curve.values[image, index].tolist() for index, name in enumerate(curve.names)}
        title = f"{curve.quantity}, {curve.method}, {', '.join(f'{area:.3g}' for area in curve.areas[image])}"
        part = f"part of the pixels, {curve.kind}"
        yield line_plot(curve.fractions.tolist(), lines, title=title, label=part, size=_PLOT)


_DRAWN_BY: Mapping[type, Callable[[Any], Iterable[np.ndarray]]] = {
    r.Predictions: _of_predictions,
    r.Intervention: _of_intervention,
    r.StrongestPatches: _of_patches,
    r.Concepts: _of_concepts,
    r.Mistakes: _of_mistakes,
    r.Invariance: _of_invariance,
    r.PerturbationCurve: _of_curve,
}


def _stacked(parts: list[np.ndarray]) -> np.ndarray:
    """Pictures below each other, on white."""
    width, gap = max(part.shape[1] for part in parts), 6
    rows = []
    for part in parts:
        row = np.full((part.shape[0] + gap, width, 3), _PAPER, np.uint8)
        row[: part.shape[0], : part.shape[1]] = part
        rows.append(row)
    return np.concatenate(rows)[:-gap]

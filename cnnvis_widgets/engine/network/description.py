"""The description of a network: a table of its inputs, layers and outputs, as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence

from ...results import FAMILIES, Layer, TensorInfo
from ..graph.layers import shape_text
from ..graph.nonfinite import listed

Table = list[tuple[str, str, str, str]]
"""Rows of (role, name, kind or dtype, shape); the first is the heading."""


def table(
    inputs: Sequence[TensorInfo],
    layers: Sequence[Layer],
    outputs: Sequence[TensorInfo],
    images: str,
    nonfinite: Sequence[TensorInfo] = (),
) -> Table:
    """Make the rows of the table.

    Args:
        inputs, layers, outputs: of the network.
        images: the name of the input that takes the images.
        nonfinite: the weights that hold NaN or infinity.
    """
    rows = [("", "name", "kind", "shape")]
    for info in inputs:
        role = "input (images)" if info.name == images else "input"
        rows.append((role, info.name, info.dtype, shape_text(info.shape)))
    rows += [(layer.family, layer.name, layer.kind, shape_text(layer.shape)) for layer in layers]
    rows += [("output", info.name, info.dtype, shape_text(info.shape)) for info in outputs]
    return rows + [("NaN or infinity", info.name, info.dtype, shape_text(info.shape)) for info in nonfinite]


def summary(image_input: TensorInfo, layers: Sequence[Layer], nonfinite: Sequence[str] = ()) -> str:
    """One line: what goes in, how many layers of each family there are, and which weights hold NaN or infinity."""
    counts = {title: sum(layer.family == key for layer in layers) for key, title in FAMILIES.items()}
    counted = ", ".join(f"{count} {title}" for title, count in counts.items())
    warning = f"; NaN or infinity in the weights {listed(nonfinite)}" if nonfinite else ""
    return f"images to {image_input.name!r} {shape_text(image_input.shape)}; {counted}{warning}"


def as_text(rows: Table) -> str:
    """The rows in aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def as_html(rows: Table, title: str) -> str:
    """The rows as a table that unfolds below its title."""
    head = "".join(f"<th>{cell}</th>" for cell in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows[1:])
    return (
        f"<details><summary>{html.escape(title)}</summary>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details>"
    )

"""The page: all tables as Markdown. With names, only their rows are computed, and the others are those of the page."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf

from . import embedded, layers, ops, silences
from .oracle import RULES, in_table

PAGE = Path(__file__).parents[1] / "truth.md"

TEXT = """# What is true of unusual networks

Written by `python -m docs.truth` with TensorFlow {tensorflow} and Keras {keras}. Each row of sections 1 to 3 is a
network of two convolutions with one unusual thing between them.

- *gradient, guided, deconvnet*: the worst difference of a reconstruction from `tf.GradientTape` on the plain function,
  as a share of the largest value. For a rule, every ReLU of the plain function has the gradient of that rule, and an
  LRN is the identity under 'deconvnet'.
- *badge*: what `coverage` names under 'guided' and under 'gradient': ops that obey the rule, and those for which the
  papers give none (unruled) or of which the engine knows nothing (unknown). These take their true gradient; a custom
  gradient is that of its author.
- *layers listed*, *values*, *Grad-CAM* (section 4): the kinds of all layers of the network; the worst difference of the
  layer's values from the plain function; that of `grad_cam` at this layer from its formula. Reconstructions start at
  the strongest unit of its first channel.

{tables}

## 5. saturated, or dead

| the strongest unit, or a class | rule, or method | its picture | `notes` of the result |
|---|---|---|---|
{silence}

## 5. the embedded network

The first 64 tiles of the explorer, on the first photo of the demo, in ten layers: `python -m
benchmarks.engine.empty_pictures`. *Before* seeds the first of several units that share the largest value; *now* takes
the one with the largest value before the clip. In the explorer the rule is 'guided' for this network.

{empty}

Of 24 channels, drawn at random, these dream from noise: `python -m benchmarks.engine.dreams_from_noise`. *Entered* are
channels that were off and were reached by redirected gradients, *louder* those that needed more noise. A dream that is
refused says so, and ends in no picture.

{dreams}
"""


Row = Callable[[str, Callable[[], list[str]]], str]
"""(name of the row, what computes its other cells) -> the row."""


def _of_ops(row: Row) -> Iterator[str]:
    for group in dict.fromkeys(case.group for case in ops.CASES):
        columns = ("what", *RULES, "badge, guided", "badge, gradient")
        yield f"\n## {group}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}"
        for case in (case for case in ops.CASES if case.group == group):
            yield row(in_table(case.name), partial(ops.compared, case))


def _of_layers(row: Row) -> Iterator[str]:
    columns = ("what", "layers listed", "values", *RULES, "Grad-CAM", "badge, guided")
    yield f"\n## 4. layers are what people mean\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}"
    for name in layers.CASES:
        yield row(name, partial(layers.compared, name))


def main() -> None:
    """Compute the rows, print them, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m docs.truth", description=__doc__)
    parser.add_argument("names", nargs="*", help="of rows to compute; by default all")
    names = parser.parse_args().names
    stored = {line.split(" | ")[0]: line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")}

    def row(name: str, compute: Callable[[], list[str]]) -> str:
        if names and name not in names:
            return stored.get(f"| {name}", f"| {name} | not computed |")
        line = f"| {name} | {' | '.join(compute())} |"
        print(line, flush=True)
        return line

    lines = [line for rows in (_of_ops, _of_layers) for line in rows(row)]
    text = TEXT.format(
        tensorflow=tf.__version__,
        keras=keras.__version__,
        tables="\n".join(lines).strip(),
        silence="\n".join(f"| {' | '.join(row)} |" for row in silences.rows()),
        empty=embedded.empty_pictures(),
        dreams=embedded.dreams_from_noise(),
    )
    PAGE.write_text(text, "utf-8")

"""The table as Markdown, with the reasons below it."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import tensorflow as tf

from .catalogue import GROUPS
from .trials import COLUMNS, Cell

_PLAIN = ("yes", "none")
_WORDS = {"refused": "no", "zero": "zero", "BUG": "BUG"}
_TEXT = """# Which kinds of model work

Written by `python -m docs.kinds` with TensorFlow {tensorflow} and Keras {keras}. Each of the {count} models is small,
has random weights, and stands for a kind of which people hold large ones. {{doc}}`breadth` shows the architectures of
`keras.applications`.

- *loads*: `load` reads it, and one layer gives its activations.
- *predict*: of every head, and it is what the model itself returns.
- *activations*: of all layers at once.
- *deconvnet*, *guided*, *gradient*: `reconstruct` of two maps of the last activation function, from the strongest unit
  and from the whole map.
- *grad_cam* to *channel_evidence*: for the first class, label or value; "zero" where no gradient arrives anywhere.
- *attention*: the heads of the last attention, rollout and relevance through those among its tokens; "none" where a
  model has no attention.
- *dream*: two steps from what is fed, for the strongest map.
- *explorer*: every view is opened and used in a `ModelExplorer`.

A number refers to the reason below the tables, in the words of the error. The command fails on any other error, on
numbers that are not finite, and on a prediction that is not what the model itself returns.

{tables}

## Reasons

{reasons}
"""


def bugs(rows: Mapping[str, Mapping[str, Cell]]) -> list[tuple[str, str, Cell]]:
    """The cells that hold a bug: kind, column and what happened."""
    return [
        (name, column, cell) for name, row in rows.items() for column, cell in row.items() if cell.startswith("BUG")
    ]


def page(rows: Mapping[str, Mapping[str, Cell]]) -> str:
    """The whole page for these rows. A column that was not tried on every kind is left out."""
    cells = [cell for row in rows.values() for cell in row.values() if cell not in _PLAIN]
    numbers = {cell: number for number, cell in enumerate(dict.fromkeys(cells), start=1)}
    tables = [
        f"## {title}\n\n{_table({name: rows[name] for name in kinds if name in rows}, numbers)}"
        for title, kinds in GROUPS.items()
    ]
    return _TEXT.format(
        tensorflow=tf.__version__,
        keras=keras.__version__,
        count=len(rows),
        tables="\n\n".join(tables),
        reasons="\n".join(f"{number}. {_escaped(cell)}" for cell, number in numbers.items()) or "None.",
    )


def _table(rows: Mapping[str, Mapping[str, Cell]], numbers: Mapping[Cell, int]) -> str:
    columns = [column for column in COLUMNS if all(column in row for row in rows.values())]
    lines = [["kind", *columns], ["---"] * (len(columns) + 1)]
    for name, row in rows.items():
        lines.append([name, *(_short(row[column], numbers) for column in columns)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _short(cell: Cell, numbers: Mapping[Cell, int]) -> str:
    return cell if cell in _PLAIN else f"{_WORDS[cell.partition(':')[0]]} ({numbers[cell]})"


def _escaped(cell: Cell) -> str:
    reason = cell.removeprefix("refused: ").removeprefix("zero: ")
    return "".join(f"\\{character}" if character in "*_<>[]|`$" else character for character in reason)

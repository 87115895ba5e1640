"""All kinds of model, in groups."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence

import keras

from . import blocks, forms, inputs, outputs, sequences
from .sample import Sample
from .trials import COLUMNS, Cell, row

GROUPS: Mapping[str, Mapping[str, Callable[[], Sample]]] = {
    "Form and precision": forms.KINDS,
    "What it returns": outputs.KINDS,
    "What it is fed": inputs.KINDS,
    "What it is made of": blocks.KINDS,
    "Memory": sequences.KINDS,
}
KINDS: Mapping[str, Callable[[], Sample]] = {name: make for kinds in GROUPS.values() for name, make in kinds.items()}


def tried(name: str, columns: Sequence[str] = COLUMNS) -> dict[str, Cell]:
    """The row of one kind, or some columns of it, with the same random weights in whatever order kinds are tried."""
    warnings.simplefilter("ignore")
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    return row(KINDS[name](), columns)

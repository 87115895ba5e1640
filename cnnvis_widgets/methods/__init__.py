"""One row for each method: its names, its function, the options it takes and the result it gives.

The public names of the package, the explorer's menus, copied code, the titles of pictures, the options of the command
line and the table in the documentation all read these rows. To add a method of attribution, write one module in
``engine/attribution`` and add one row in ``rows.py``.

The table is text. A row imports the module of its function when it runs, so that reading the table loads neither
TensorFlow nor NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .method import Kind, Method, Option, Takes
from .rows import ROWS

__all__ = ["METHODS", "Kind", "Method", "Option", "Takes", "of_kind"]

METHODS: Mapping[str, Method] = MappingProxyType({row.name: row for row in ROWS})
"""All methods by name, in the order of the menus."""


def of_kind(kind: Kind) -> tuple[Method, ...]:
    """Return the methods of one kind, in the order of the menus.

    Example:
        >>> [method.title for method in of_kind("dream")]
        ['Deep dream']
    """
    return tuple(row for row in ROWS if row.kind == kind)

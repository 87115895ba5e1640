"""``python -m docs.kinds`` writes docs/kinds.md; ``python -m docs.kinds NAME ...`` tries some kinds and prints them."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from .catalogue import KINDS, tried
from .page import bugs, page
from .trials import Cell

PAGE = Path(__file__).parents[1] / "kinds.md"


def printed(name: str, cells: Mapping[str, Cell]) -> str:
    """A line for the kind, and one for each reason with its columns."""
    columns: dict[Cell, list[str]] = {}
    for column, cell in cells.items():
        if cell != "yes":
            columns.setdefault(cell, []).append(column)
    return "\n    ".join([name, *(f"{', '.join(columns)}: {cell}" for cell, columns in columns.items())])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.kinds", description=__doc__)
    parser.add_argument("names", nargs="*", help="only kinds with one of these in their name; writes nothing")
    parser.add_argument("--workers", type=int, default=2, help="processes; each takes 1 GB")
    options = parser.parse_args()
    names = [name for name in KINDS if not options.names or any(part in name for part in options.names)]
    rows: dict[str, dict[str, Cell]] = {}
    begun = time.perf_counter()
    with ProcessPoolExecutor(min(options.workers, len(names)), get_context("spawn")) as pool:
        for name, cells in zip(names, pool.map(tried, names), strict=True):
            rows[name] = cells
            print(printed(name, cells), flush=True)
    found = bugs(rows)
    print(f"{len(rows)} kinds in {time.perf_counter() - begun:.0f} s; {len(found)} cells are bugs")
    if not options.names:
        PAGE.write_text(page(rows))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""``python -m docs.kinds`` writes docs/kinds.md; ``python -m docs.kinds NAME ...`` tries some kinds and prints them.

With ``--columns NAME ...`` only these columns are tried; the others are those of the last time, in results.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from .catalogue import KINDS, tried
from .page import bugs, page
from .trials import COLUMNS, Cell

PAGE = Path(__file__).parents[1] / "kinds.md"
RESULTS = Path(__file__).with_name("results.json")


def printed(name: str, cells: Mapping[str, Cell]) -> str:
    """A line for the kind, and one for each reason with its columns."""
    columns: dict[Cell, list[str]] = {}
    for column, cell in cells.items():
        if cell not in ("yes", "none"):
            columns.setdefault(cell, []).append(column)
    return "\n    ".join([name, *(f"{', '.join(columns)}: {cell}" for cell, columns in columns.items())])


def kept(rows: Mapping[str, Mapping[str, Cell]]) -> dict[str, dict[str, Cell]]:
    """Rows with the columns that were not tried this time as they were last time, in the order of the page."""
    last = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    whole = {name: last.get(name, {}) | dict(cells) for name, cells in rows.items()}
    return {name: {column: row[column] for column in COLUMNS if column in row} for name, row in whole.items()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.kinds", description=__doc__)
    parser.add_argument("--columns", nargs="+", choices=COLUMNS, default=COLUMNS, help="only these columns")
    parser.add_argument("names", nargs="*", help="only kinds with one of these in their name; writes nothing")
    parser.add_argument("--workers", type=int, default=2, help="processes; each takes 1 GB")
    options = parser.parse_args()
    names = [name for name in KINDS if not options.names or any(part in name for part in options.names)]
    rows: dict[str, dict[str, Cell]] = {}
    begun = time.perf_counter()
    with ProcessPoolExecutor(min(options.workers, len(names)), get_context("spawn")) as pool:
        for name, cells in zip(names, pool.map(partial(tried, columns=options.columns), names), strict=True):
            rows[name] = cells
            print(printed(name, cells), flush=True)
    found = bugs(rows)
    print(f"{len(rows)} kinds in {time.perf_counter() - begun:.0f} s; {len(found)} cells are bugs")
    if not options.names:
        RESULTS.write_text(json.dumps(kept(rows), indent=1, ensure_ascii=False) + "\n", "utf-8")
        PAGE.write_text(page(kept(rows)), "utf-8")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

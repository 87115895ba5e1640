"""How long each notebook takes, from its first cell to its last; writes docs/notebook_times.md.

    python -m benchmarks.teaching.notebooks             # all of them
    python -m benchmarks.teaching.notebooks 03 1_maps   # those whose names begin with one of these

Processor time is that of all threads of the kernel: with nothing beside it, two cores need half of it at best. The
time of the clock is longer where others were at work, too; 'load' tells.
"""

from __future__ import annotations

import resource
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient

from benchmarks.measurements import RESULTS, ROOT, Measurement, by_machine, load_of_machine, machine, read, write

FILE = RESULTS / "notebooks.json"
PAGE = ROOT / "docs" / "notebook_times.md"
FOLDER = ROOT / "notebooks"
PATIENCE = 900
"""Seconds that a cell may take."""


def notebooks() -> dict[str, Path]:
    """Every notebook by its name: the path below the folder, without the ending."""
    paths = sorted(path for path in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
    return {path.relative_to(FOLDER).with_suffix("").as_posix(): path for path in paths}


def measured(name: str, path: Path) -> Measurement:
    """Run a notebook in a folder of its own."""
    load, began, before = load_of_machine(), time.monotonic(), _processor_seconds()
    with TemporaryDirectory() as folder:
        if path.parent.name == "exercises":
            shutil.copytree(path.parent / "sheets", Path(folder, "sheets"))
        resources = {"metadata": {"path": folder}}
        NotebookClient(nbformat.read(path, 4), timeout=PATIENCE, resources=resources).execute()
    seconds, processor = time.monotonic() - began, _processor_seconds() - before
    figures = {"processor seconds": round(processor)}
    return Measurement(name, value=round(seconds), unit="s", figures=figures, load=load, machine=machine("tensorflow"))


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def document(rows: Sequence[Measurement]) -> str:
    """The page: a table for each machine."""
    lines = [
        "# Times of the notebooks",
        "",
        "From the first cell to the last, with the settings that they are stored with. *Processor* counts all threads,",
        "so two cores that have nothing else to do need at least half of it. *Clock* is longer where others were at",
        "work: *load* says how many processes wanted a core before. `python -m benchmarks.teaching.notebooks` measures",
        "the notebooks again and writes this page.",
    ]
    for title, own in by_machine(rows):
        head = "| notebook | processor, s | clock, s | load |", "|---|---|---|---|"
        lines += ["", f"## {title}", "", *head, *map(_line, own)]
    missing = [_link(name) for name in notebooks() if name not in {row.work for row in rows}]
    if missing:
        lines += ["", "Not measured yet: " + ", ".join(missing) + "."]
    return "\n".join(lines) + "\n"


def _line(row: Measurement) -> str:
    return f"| {_link(row.work)} | {row.figures['processor seconds']} | {row.value:.0f} | {row.load} |"


def _link(name: str) -> str:
    return f"{{doc}}`{name} <notebooks/{name}>`"


def store(row: Measurement) -> None:
    """Put a row into the file, in the place of an earlier one, and write the page."""
    rows = {each.key: each for each in (*read(FILE), row) if each.work in notebooks()}
    ordered = sorted(rows.values(), key=lambda each: each.work)
    write(FILE, ordered)
    PAGE.write_text(document(ordered), "utf-8")


def chosen(beginnings: Iterable[str]) -> dict[str, Path]:
    """The notebooks whose file names begin with one of the beginnings; all for none."""
    starts = tuple(beginnings)
    return {name: path for name, path in notebooks().items() if not starts or path.name.startswith(starts)}


def main() -> None:
    """Measure, print and store."""
    for name, path in chosen(sys.argv[1:]).items():
        row = measured(name, path)
        print(f"{name}: {row.value} s, {dict(row.figures)}", flush=True)
        store(row)


if __name__ == "__main__":
    main()

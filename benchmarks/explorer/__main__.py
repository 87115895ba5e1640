"""What a person waits for in the explorer: ``python -m benchmarks.explorer [--only layers dream ...]``.

JupyterLab on the embedded network in headless Chromium. Figures are kept with the machine in
``benchmarks/results/explorer.json``, and ``docs/benchmarks_explorer.md`` is written from them. Needs Chromium on the
PATH. ``waits.py`` says what is measured, and how.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.explorer import waits
from benchmarks.measurements import RESULTS, ROOT, Measurement, load_of_machine, machine, read, write
from tests.browser.servers import VIEWPORT, Notebook, browser_of, chromium, lab_server, write_notebook

FILE = RESULTS / "explorer.json"
PAGE = ROOT / "docs" / "benchmarks_explorer.md"
PACKAGES = ("tensorflow", "jupyterlab", "ipywidgets", "anywidget", "bqplot", "ipykernel")


def parts(dice: random.Random, quick: bool) -> dict[str, Callable[[Notebook], list[Measurement]]]:
    """What can be measured, by name."""
    count, seconds = (5, 4.0) if quick else (30, 12.0)
    return {
        "layers": lambda notebook: waits.layers(notebook, dice, count),
        "strip": lambda notebook: waits.strip(notebook, 8),
        "card": lambda notebook: waits.card(notebook, dice, 6 if quick else 20),
        "units": lambda notebook: waits.units(notebook, dice, 3 if quick else 6),
        "occluder": lambda notebook: waits.occluder(notebook, seconds),
        "stale": lambda notebook: waits.stale(notebook, seconds),
        "dream": lambda notebook: waits.dream(notebook, seconds),
    }


def line(row: Measurement) -> str:
    """One row for the table."""
    figures = "; ".join(f"{name} {value}" for name, value in row.figures.items())
    value = f"{row.value} {row.unit}".strip()
    return f"| {row.work} | {row.target} | {value} | {'yes' if row.met else 'no'} | {row.load} | {figures} |"


def document(rows: Sequence[Measurement]) -> str:
    """The page of the documentation."""
    about = ", ".join(f"{key} {value}" for key, value in rows[-1].machine.items())
    return "\n".join(
        [
            "# The explorer's speed",
            "",
            "Written by `python -m benchmarks.explorer`: JupyterLab on the embedded network in headless Chromium, on",
            "the machine that also computes. Times run from the click or choice to the first frame of the page that",
            "shows the picture. 'load' is how many processes wanted a core: above 0.5, others were at work too.",
            "",
            f"On {about}:",
            "",
            "| what | target | measured | met | load | figures |",
            "|---|---|---|---|---|---|",
            *map(line, rows),
            "",
        ]
    )


def measure(notebook: Notebook, only: Sequence[str], quick: bool, about: dict[str, str | int]) -> None:
    """Measure parts in an open notebook, and write each at once to the file and the page."""
    rows = read(FILE)
    for name in only:
        load = load_of_machine()
        for row in parts(random.Random(0), quick)[name](notebook):
            placed = dataclasses.replace(row, load=load, machine=about)
            rows = [kept for kept in rows if kept.work != placed.work] + [placed]
            print(line(placed), flush=True)
        write(FILE, rows)
        PAGE.write_text(document(rows))


def main() -> None:
    """Open the explorer in a browser and measure the parts that the command line names."""
    known = list(parts(random.Random(0), True))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=known, default=known, help="which parts")
    parser.add_argument("--quick", action="store_true", help="fewer clicks and shorter dreams")
    options = parser.parse_args()
    path = chromium()
    if path is None:
        sys.exit("Expected Chromium on the PATH. Received: none. 'apt-get install chromium' brings it.")
    with tempfile.TemporaryDirectory() as home, browser_of(path) as browser:
        folder = Path(home) / "served"
        folder.mkdir()
        write_notebook(folder / "explorer.ipynb", [waits.CELL])
        with lab_server(folder, Path(home)) as base:
            notebook = Notebook(browser.new_page(viewport=VIEWPORT), base, "lab", "explorer.ipynb")
            notebook.await_cells()
            waits.at_rest(notebook)
            notebook.page.evaluate(waits.WATCH)
            about = machine(*PACKAGES) | {"chromium": browser.version}
            measure(notebook, options.only, options.quick, about)
            notebook.close()


if __name__ == "__main__":
    main()

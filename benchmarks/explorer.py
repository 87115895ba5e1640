"""What a person waits for in the explorer: ``python benchmarks/explorer.py [--only layers dream ...]``.

JupyterLab on the embedded network in headless Chromium. Figures are kept with the machine in
``benchmarks/results/explorer.json``, and ``docs/benchmarks_explorer.md`` is written from them. Needs Chromium on the
PATH. What is measured, and how, is in ``explorer_waits.py``.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import explorer_waits as waits
from explorer_waits import Row
from servers import VIEWPORT, Notebook, browser_of, chromium, lab_server, write_notebook

RESULTS = Path(__file__).parent / "results" / "explorer.json"
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks_explorer.md"
PACKAGES = ("tensorflow", "jupyterlab", "ipywidgets", "anywidget", "bqplot", "ipykernel")


def parts(dice: random.Random, quick: bool) -> dict[str, Callable[[Notebook], list[Row]]]:
    """What can be measured, by name."""
    count, seconds = (5, 4.0) if quick else (30, 12.0)
    return {
        "layers": lambda notebook: waits.layers(notebook, dice, count),
        "units": lambda notebook: waits.units(notebook, dice, 3 if quick else 6),
        "occluder": lambda notebook: waits.occluder(notebook, seconds),
        "stale": lambda notebook: waits.stale(notebook, seconds),
        "dream": lambda notebook: waits.dream(notebook, seconds),
    }


def about(version: str) -> dict[str, Any]:
    """The machine, and the versions of what was measured."""
    model = next((line.split(":")[1].strip() for line in _cpu() if line.startswith("model name")), platform.machine())
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), "chromium": version, **versions}


def _cpu() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def line(found: Row) -> str:
    """One row for the table."""
    known = ("work", "target", "value", "met", "unit", "load")
    figures = "; ".join(f"{key} {value}" for key, value in found.items() if key not in known)
    value = f"{found['value']} {found.get('unit', '')}".strip()
    met = "yes" if found["met"] else "no"
    return f"| {found['work']} | {found['target']} | {value} | {met} | {found['load']} | {figures} |"


def document(kept: dict[str, Any]) -> str:
    """The page of the documentation."""
    machine = ", ".join(f"{key} {value}" for key, value in kept["machine"].items())
    return "\n".join(
        [
            "# The explorer's speed",
            "",
            "Written by `python benchmarks/explorer.py`: JupyterLab on the embedded network in headless Chromium, on",
            "the machine that also computes. Times run from the click or choice to the first frame of the page that",
            "shows the picture. 'load' is how many processes wanted a core: above 0.5, others were at work too.",
            "",
            f"On {machine}:",
            "",
            "| what | target | measured | met | load | figures |",
            "|---|---|---|---|---|---|",
            *map(line, kept["rows"]),
            "",
        ]
    )


def main() -> None:
    known = list(parts(random.Random(0), True))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=known, default=known, help="which parts")
    parser.add_argument("--quick", action="store_true", help="fewer clicks and shorter dreams")
    options = parser.parse_args()
    path = chromium()
    if path is None:
        sys.exit("Expected Chromium on the PATH. Received: none. 'apt-get install chromium' brings it.")
    rows = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    with tempfile.TemporaryDirectory() as home, browser_of(path) as browser:
        folder = Path(home) / "served"
        folder.mkdir()
        write_notebook(folder / "explorer.ipynb", [waits.CELL])
        with lab_server(folder, Path(home)) as base:
            notebook = Notebook(browser.new_page(viewport=VIEWPORT), base, "lab", "explorer.ipynb")
            notebook.await_cells()
            waits.at_rest(notebook)
            notebook.page.evaluate(waits.WATCH)
            for name in options.only:
                load = round(os.getloadavg()[0], 1)
                for found in parts(random.Random(0), options.quick)[name](notebook):
                    found["load"] = load
                    rows = [each for each in rows if each["work"] != found["work"]] + [found]
                    print(line(found), flush=True)
                kept = {"machine": about(browser.version), "rows": rows}
                RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
                PAGE.write_text(document(kept))
            notebook.close()


if __name__ == "__main__":
    main()

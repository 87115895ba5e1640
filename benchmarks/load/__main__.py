"""The table of load: ``python -m benchmarks.load``.

Each part runs in a process of its own. ``--only flood soak`` runs some, ``--minutes 60`` soaks longer.
``benchmarks/results/load.json`` keeps the newest row of each part, and docs/load.md is written from it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.measurements import RESULTS, ROOT, Measurement, load_of_machine, machine, read, write

FILE, PAGE = RESULTS / "load.json", ROOT / "docs" / "load.md"

INTRODUCTION = """# Load

What many changes, explorers and kernels take, and whether memory stays flat. `python -m benchmarks.load` makes this
table (`--minutes 60` soaks for an hour). All parts use the small network of the demo, so that what is counted is the
explorer and not the model. "Load" is how many processes wanted a core before: above half of the cores, others were at
work, too.

| part | target | met | figures | load | measured on |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Part:
    """A part of the table.

    Attributes:
        module: runs it.
        work: what it does, in words.
        target: what it should reach, in words.
        is_met: whether figures reach it.
    """

    module: str
    work: str
    target: str
    is_met: Callable[[dict[str, Any]], bool]


def _few_threads(figures: dict[str, Any]) -> bool:
    before, after = figures["threads before and after"]
    return figures["most threads"] <= before + 20 and after <= before + 2 and not figures["error"]


def _flat(figures: dict[str, Any]) -> bool:
    first, last, _ = figures["MiB: median of the first and the last quarter, largest"]
    return last <= 1.05 * first + 30 and not figures["errors"]


def _slow(figures: dict[str, Any]) -> bool:
    _, half, end, _ = figures["MiB of the kernel: before, half way, at the end, after reading"]
    return end <= half + 50


PARTS = {
    "flood": Part("parts", "10,000 changes of one explorer", "at most 20 threads more, no error", _few_threads),
    "explorers": Part(
        "parts",
        "30 explorers in one process, each with its own network",
        "less than 40 MiB for each further one",
        lambda figures: (lambda mib: (mib[2] - mib[1]) / 29 < 40)(
            figures["MiB: before, with one, with all, when closed"]
        ),
    ),
    "kernels": Part("kernels", "8 kernels at once, one explorer each", "all have a picture", lambda _: True),
    "slow_client": Part("kernels", "dreams while the client reads nothing", "memory is flat in the second half", _slow),
    "soak": Part("parts", "changes, dreams, images, states, new explorers", "memory is flat", _flat),
}


def measure(name: str, seconds: float) -> Measurement:
    """Run a part in a process of its own."""
    part, load = PARTS[name], load_of_machine()
    command = [sys.executable, "-m", f"benchmarks.load.{part.module}", name, str(seconds)]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, env=quiet)
    figures = json.loads(done.stdout.splitlines()[-1])
    return Measurement(part.work, part.target, met=part.is_met(figures), figures=figures, load=load)


def document(rows: Sequence[Measurement]) -> str:
    """The page."""
    return INTRODUCTION + "".join(line(row) + "\n" for row in rows)


def line(row: Measurement) -> str:
    """A row of the table."""
    figures = "; ".join(f"{name}: {_text(value)}" for name, value in row.figures.items() if value not in ("", []))
    about = f"{row.machine['processor']}, {row.machine['cores']} cores" if row.machine else ""
    return f"| {row.work} | {row.target} | {'yes' if row.met else '**no**'} | {figures} | {row.load} | {about} |"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="which parts")
    parser.add_argument("--minutes", type=float, default=10, help="of the soak")
    options = parser.parse_args()
    seconds = {"flood": 60.0, "slow_client": 60.0, "soak": 60 * options.minutes}
    rows = read(FILE)
    for name in options.only:
        row = dataclasses.replace(measure(name, seconds.get(name, 0.0)), machine=machine("tensorflow"))
        rows = [kept for kept in rows if kept.work != row.work] + [row]
        print(line(row), flush=True)
        write(FILE, rows)
        PAGE.write_text(document(rows), "utf-8")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())

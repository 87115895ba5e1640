"""Time, memory and agreement with three other libraries, which take turns: ``make bench-peers``.

Every library has a VGG16 with the same random weights, in a process of its own; the others run in ``.venv-peers``,
which ``make`` fills. Agreement is the correlation with our result. It prints a table, and ``--write FILE`` keeps it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measurements import ROOT, load_of_machine, machine, spread
from benchmarks.networks import application, image_for
from benchmarks.peers.work import LIBRARIES

OURS = "cnnvis_widgets"
WORK = Path(__file__).parent / "work.py"


class Process:
    """A library at work in a process of its own; ``works`` names what it can do, ``built`` is its memory before."""

    def __init__(self, library: str, python: str, folder: Path) -> None:
        self.library, self._folder = library, folder
        self._process = subprocess.Popen(
            [python, str(WORK), library, str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        answer = self._answer() or ([], 0)
        self.works: list[str] = answer[0]
        self.built: int = answer[1]

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("["):  # libraries print other things
                return json.loads(line)
        return None

    def do(self, work: str) -> tuple[float, float, int, np.ndarray]:
        """Seconds, those of the processor, the largest memory so far in MiB, and the result."""
        assert self._process.stdin is not None
        self._process.stdin.write(work + "\n")
        self._process.stdin.flush()
        seconds, processor, memory = self._answer()
        return seconds, processor, memory, np.load(self._folder / f"{self.library}_{work}.npy")

    def end(self) -> None:
        """Let the process end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def agreement(result: np.ndarray, own: np.ndarray) -> float:
    """The correlation of two results of one shape; NaN where the shapes differ."""
    if np.squeeze(result).shape != np.squeeze(own).shape:
        return float("nan")
    return float(np.corrcoef(result.ravel(), own.ravel())[0, 1])


def rows(work: str, processes: list[Process], rounds: int) -> list[str]:
    """Lines of the table for one work; the libraries take turns."""
    able = [process for process in processes if work in process.works]
    first, built = {process.library: process.do(work) for process in able}, {each.library: each.built for each in able}
    later: dict[str, list[tuple[float, float]]] = {process.library: [] for process in able}
    for _ in range(rounds):
        for process in able:
            later[process.library].append(process.do(work)[:2])
    lines = []
    for name, (seconds, processor, memory, result) in first.items():
        times, used = (
            " / ".join(f"{figure:.2f}" for figure in spread(list(figures)))
            for figures in zip(*later[name], strict=True)
        )
        same = f"{agreement(result, first[OURS][3]):.4f}"
        lines.append(
            f"| {work} | {name} | {seconds:.2f} | {times} | {processor:.2f} | {used} "
            f"| {built[name]} | {memory} | {same} |"
        )
    return lines


def main() -> None:
    """Run all works and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=str(ROOT / ".venv-peers/bin/python"), help="of the other libraries")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--works", nargs="*", help="names of works; by default all")
    parser.add_argument("--write", type=Path, help="a file for the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "weights.npz", *application("VGG16").get_weights())
        np.save(folder / "image.npy", image_for((224, 224, 3)))
        processes = [
            Process(library, sys.executable if library == OURS else options.python, folder) for library in LIBRARIES
        ]
        lines = [
            ", ".join(f"{key} {value}" for key, value in machine("tensorflow", "keras").items()),
            f"load before {load_of_machine()}; seconds: the first call, then minimum / median / maximum",
            "",
            "| work | library | first | later | processor, first | processor, later "
            "| model built, MiB | largest, MiB | agreement |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        print(*lines, sep="\n", flush=True)
        for work in options.works or processes[0].works:
            lines += (added := rows(work, processes, options.rounds))
            print(*added, sep="\n", flush=True)
        if options.write is not None:
            options.write.write_text("\n".join(lines) + "\n")
        for process in processes:
            if not process.works:
                print(f"{process.library}: could not be started; see its own error with {WORK.name}")
            process.end()


if __name__ == "__main__":
    main()

"""Reads thousands of odd inputs and counts what came of them. Writes docs/fuzzing.md.

An input is accepted, or refused with an error of ours. Anything else is a bug: another error, a crash, more than
``SECONDS`` or more than ``MOST_PEAK`` bytes.
"""

from __future__ import annotations

import argparse
import json
import selectors
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "fuzzing.md"
NAMES = (
    *(".pb", ".pbtxt", "checkpoint", "SavedModel", ".keras", ".h5", "network bytes"),
    *("images", "recipes", "states", "surveys", "arguments"),
)
SECONDS, MOST_PEAK = 120, 3 * 2**30

INTRODUCTION = """# Odd inputs

What came of inputs that were damaged on purpose: flipped, cut, repeated and foreign bytes, and changes that know the
structure: other ops, types, shapes, names and edges of a graph, other values, keys and entries of JSON. Each is read in
a process that may take {memory} GB of memory and {seconds} s, and what is accepted is used: layers are computed,
pictures are made again. "Arguments" are odd ones of every public function; [what each function answers](answers.md)
lists them. `make fuzz` makes this table; the same number always gives the same input.

kind | inputs | accepted | an error of ours | anything else
--- | ---: | ---: | ---: | ---:
"""


def counted(kind: str, count: int, whole: Path) -> tuple[Counter[str], list[str]]:
    """Read inputs of one kind. A process that dies takes one input with it, and the next one goes on."""
    counts: Counter[str] = Counter()
    said: list[str] = []
    first = 0
    while first < count:
        first = _from(first, kind, count, whole, counts, said)
    return counts, said


def _from(first: int, kind: str, count: int, whole: Path, counts: Counter[str], said: list[str]) -> int:
    command = [sys.executable, "-m", "tests.fuzzing.child", kind, str(first), str(count), str(whole)]
    current, when = first, "before it read anything, "
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors) as child,
    ):
        assert child.stdout is not None
        ready = selectors.DefaultSelector()
        ready.register(child.stdout, selectors.EVENT_READ)
        begun = time.monotonic()
        while True:
            if not ready.select(max(begun + SECONDS - time.monotonic(), 0)):
                child.kill()
                return _bad(kind, current, f"more than {SECONDS} s", counts, said)
            line = child.stdout.readline()
            if not line:
                break
            row = json.loads(line)
            begun = time.monotonic()
            if "begun" in row:
                current, when = row["begun"], ""
            elif row["peak"] > MOST_PEAK:
                child.kill()
                return _bad(kind, current, f"{row['peak']:,} bytes", counts, said)
            else:
                counts[row["result"]] += 1
                if row["result"] == "other":
                    said.append(f"{kind} {current}: {row['error']}")
        if child.wait() == 0:
            return count
        errors.seek(0)
        last = errors.read().decode(errors="replace").strip()[-400:]
        return _bad(kind, current, f"{when}exit code {child.returncode}: {last}", counts, said)


def _bad(kind: str, number: int, what: str, counts: Counter[str], said: list[str]) -> int:
    counts["other"] += 1
    said.append(f"{kind} {number}: {what}")
    return number + 1


def main() -> int:
    """Count, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="inputs of each kind")
    parser.add_argument("--kinds", nargs="+", default=NAMES, choices=NAMES, metavar="KIND", help="only these")
    parser.add_argument("--no-page", action="store_true", help="leave docs/fuzzing.md alone")
    options = parser.parse_args()
    rows, bad = _rows_of_page(), []
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kinds:
            counts, said = counted(kind, options.count, Path(folder) / kind)
            bad += said
            rows[kind] = f"{kind} | {counts.total()} | {counts['accepted']} | {counts['ours']} | {counts['other']}"
            print(rows[kind], *said, sep="\n  ", flush=True)
    if not options.no_page:
        head = INTRODUCTION.format(memory=MOST_PEAK // 2**30, seconds=SECONDS)
        PAGE.write_text(head + "".join(f"{rows[kind]}\n" for kind in NAMES if kind in rows), "utf-8")
    return 1 if bad else 0


def _rows_of_page() -> dict[str, str]:
    """Return the rows of the last time; those of the kinds that are read now are replaced."""
    lines = PAGE.read_text("utf-8").splitlines() if PAGE.exists() else []
    return {kind: line for line in lines if (kind := line.partition(" | ")[0]) in NAMES}


if __name__ == "__main__":
    raise SystemExit(main())

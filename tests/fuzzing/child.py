"""Reads odd inputs of one kind in a process of its own, with a limit on memory; one line of JSON for each."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import traceback
from pathlib import Path

MOST_MEMORY = 24 * 2**30
"""Bytes of address space. TensorFlow alone takes some 8 GB of it."""


def main() -> None:
    """Read the inputs ``first`` to ``last`` of a kind: KIND FIRST LAST WHOLE-FOLDER."""
    kind, first, last, whole = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    output = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from .readers import KINDS, outcome

    if not whole.exists():
        unfinished = Path(tempfile.mkdtemp(dir=whole.parent))
        KINDS[kind].make(unfinished)
        unfinished.rename(whole)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # for files that an odd name puts beside
        for number in range(first, last):
            print(json.dumps({"begun": number}), file=output, flush=True)
            try:
                result, error = outcome(kind, number, whole, Path(folder) / "odd")
            except BaseException:  # of the rules that make inputs, or an end of the process
                result, error = "other", traceback.format_exc()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            print(
                json.dumps({"done": number, "result": result, "error": error[:400], "peak": peak}),
                file=output,
                flush=True,
            )


if __name__ == "__main__":
    main()

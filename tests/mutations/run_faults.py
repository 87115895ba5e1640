"""Whether the tests notice a wrong line: ``python tests/mutations/run_faults.py``, or ``make faults``.

Each fault of ``faults.py`` is put alone into a copy of the package, and the tests that should notice it run on that
copy until one fails; that one must pass without the fault. The table is printed, kept in
``results.json`` and written to ``results.md`` beside it, with the number of cases that are
compared with an oracle. The exit status is 1 if a fault survived. ``--only WORD`` takes the faults with that word in
their title, and ``--untried`` those without a row; both keep the other rows, and count nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from faults import FAULTS, Fault
from hypothesis import Phase, settings

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_name("results.json")
PAGE = RESULTS.with_suffix(".md")
ORACLES = (
    "engine/ops/test_oracles.py",
    "engine/graph/test_composite_activations.py",
    "engine/backward/test_rules_properties.py",
    "engine/reconstruction/test_strategies.py",
    "engine/reconstruction/test_patches.py",
)
OPTIONS = ("-q", "-p", "no:cacheprovider", "--assert=plain", "--tb=no", "-m", "matrix or not slow")
Row = dict[str, str]


def copied(to: Path) -> None:
    """The package, its tests, and what they take from the documentation, as they are in the tree."""
    rubbish = shutil.ignore_patterns("__pycache__", "browser", "images")
    for folder in ("cnnvis_widgets", "tests", "docs"):
        shutil.copytree(ROOT / folder, to / folder, ignore=rubbish)
    shutil.copy(ROOT / "pyproject.toml", to)


def run_tests(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit status and the output of pytest in a copy.

    In a fork of this process, which has imported TensorFlow and done nothing with it, nor with the package.
    """
    output = folder / "output"
    child = os.fork()
    if not child:
        status = 70
        try:  # nothing of this process must be unwound here
            with output.open("w") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            os.chdir(folder)
            sys.path.insert(0, str(folder))
            os.environ["PYTHONPATH"] = str(folder)  # for kernels and other processes that tests start
            sys.dont_write_bytecode = True
            status = pytest.main([*OPTIONS, *arguments])
        finally:
            sys.stdout.flush()
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), output.read_text()


def chosen(fault: Fault) -> list[str]:
    """Pytest's arguments for the tests of a fault."""
    file, _, words = fault.tests.partition(" ")
    return [f"tests/{file}", *(["-k", words] if words else [])]


def tried(fault: Fault, folder: Path) -> Row:
    """One row: the fault put in, the tests run, the fault taken out again.

    Raises:
        RuntimeError: pytest ended neither with a pass nor with a failed test, or that test fails without the fault,
            too: then it says nothing.
    """
    path = folder / "cnnvis_widgets" / fault.file
    text = path.read_text()
    path.write_text(text.replace(fault.right, fault.wrong))
    begun = time.perf_counter()
    status, output = run_tests(folder, "-x", *chosen(fault))
    taken = time.perf_counter() - begun
    path.write_text(text)
    noticed = re.search(r"^(?:FAILED|ERROR) tests/(.+?)(?: - .*)?$", output, re.MULTILINE)
    if status not in (0, 1) or (status == 1 and noticed is None):
        raise RuntimeError(f"{fault.title}: pytest ended with {status}.\n{output[-2000:]}")
    if noticed and run_tests(folder, f"tests/{noticed[1]}")[0]:
        raise RuntimeError(f"tests/{noticed[1]} fails without a fault, too.\n{output[-2000:]}")
    by = noticed[1] if noticed else "nothing: it survived"
    return {"fault": fault.title, "file": fault.file, "noticed by": by.replace("|", "/"), "seconds": f"{taken:.0f}"}


def cases(folder: Path) -> Row:
    """How many cases are compared with an oracle: tests by file, and the networks that Hypothesis draws for them."""
    _, output = run_tests(folder, "--collect-only", *(f"tests/{file}" for file in ORACLES))
    counted = {file: len(re.findall(rf"^tests/{file}::", output, re.MULTILINE)) for file in ORACLES}
    _, output = run_tests(folder, f"tests/{ORACLES[2]}", "-k", "random_networks", "--hypothesis-show-statistics")
    drawn = sum(map(int, re.findall(r"(\d+) passing", output)))
    return {file: str(count) for file, count in counted.items()} | {"networks drawn by Hypothesis": str(drawn)}


TEXT = """# Do the tests notice?

Written by `make faults`. Each fault is put alone into a copy of the package, and the tests that should notice it run
until one fails; without the fault that one passes.

{table}
{untried}{counts}"""
COUNTS = """
Cases that are compared with an oracle (a slow twin in NumPy, TensorFlow's own gradient, or numbers worked by hand) in
the quick tests; the slow ones draw 1000 more networks (`make test-slow`):

{listed}
- together: {total}
"""


def page(kept: dict[str, Any]) -> str:
    """The document of results."""
    rows, counts = kept["faults"], kept["cases"]
    lines = ["fault | file | noticed by | seconds", "--- | --- | --- | ---"]
    lines += [" | ".join(row.values()) for row in rows]
    missing = [f"- {fault.title}\n" for fault in FAULTS if fault.title not in {row["fault"] for row in rows}]
    listed = "\n".join(f"- {name}: {count}" for name, count in counts.items())
    return TEXT.format(
        table="\n".join(f"| {line} |" for line in lines),
        untried="\nNot tried yet:\n\n" + "".join(missing) if missing else "",
        counts=COUNTS.format(listed=listed, total=sum(map(int, counts.values()))) if counts else "",
    )


def prepare() -> None:
    """What all forks have in common."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import_module("keras")  # takes longer than most tests
    # that a network fails is enough; looking for the smallest one that does takes minutes
    settings.register_profile("no shrinking", phases=[Phase.explicit, Phase.generate])
    settings.load_profile("no shrinking")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="WORD", help="faults with this word in their title")
    parser.add_argument("--untried", action="store_true", help="faults without a row in the table")
    options = parser.parse_args()
    kept: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"faults": [], "cases": {}}
    tried_before = {row["fault"] for row in kept["faults"]} if options.untried else set()
    faults = tuple(fault for fault in FAULTS if options.only in fault.title and fault.title not in tried_before)
    prepare()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copied(folder)
        for fault in faults:
            row = tried(fault, folder)
            print(" | ".join(row.values()), flush=True)
            rows = {each["fault"]: each for each in [*kept["faults"], row]}
            kept["faults"] = [rows[each.title] for each in FAULTS if each.title in rows]
            RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
        kept["cases"] = kept["cases"] if options.only or options.untried else cases(folder)
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    PAGE.write_text(page(kept))
    print("\n".join(f"{name}: {count}" for name, count in kept["cases"].items()))
    survived = [row["fault"] for row in kept["faults"] if "survived" in row["noticed by"]]
    print(f"{len(kept['faults']) - len(survived)} of {len(kept['faults'])} faults were noticed")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())

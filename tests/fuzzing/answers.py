"""Writes docs/answers.md: what each parameter of each public function answers to odd values, from real calls.

``python -m tests.fuzzing.answers`` makes the calls (minutes); anything but an error of ours is a bug, and fails.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cnnvis_widgets as cv

from .calls import ODD, SLOW, Call, new_catalogue, parameters_of

PAGE = Path(__file__).parents[2] / "docs" / "answers.md"
SECONDS = 60
EACH, SOME = 3, 12  # every third value; every twelfth where a call takes long

INTRODUCTION = """# What each function answers

Every public function, called with {count} odd values in place of each of its arguments: {values}. A value is accepted
where it has a meaning there, or where what it would choose does not matter in that call; otherwise the function raises
the error that is named. Nothing else came out of {calls:,} calls. `python -m tests.fuzzing.answers` makes them again
and writes this page. The annotations say what is meant to be given.
"""


def _late(*_: Any) -> None:
    raise TimeoutError


def answer(call: Call, odd: Mapping[str, Any]) -> str:
    """Make a call.

    Returns:
        '' where it is accepted, the name of an error of ours, or '!' and the error where it is none.
    """
    signal.alarm(SECONDS)
    try:
        call.run(odd)
    except cv.errors.CnnvisError as error:
        return type(error).__name__
    except Exception as error:
        return f"!{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
    return ""


def rows_of(call: Call, bad: list[str]) -> list[tuple[str, str, str, str]]:
    """Return a row for each parameter: its name, its annotation, what is accepted, and the errors for the rest."""
    rows = []
    values = {name: ODD[name] for name in list(ODD)[:: SOME if call.name in SLOW else EACH]}
    for name, parameter in parameters_of(call.name).items():
        accepted, errors = [], Counter[str]()
        for label, value in values.items():
            result = answer(call, {name: value})
            if result.startswith("!"):
                bad.append(f"{call.name}({name}={label}): {result[1:200]}")
            elif result:
                errors[result] += 1
            else:
                accepted.append(label)
        kinds = ", ".join(f"{error} {count}" for error, count in errors.most_common())
        taken = "all" if len(accepted) == len(values) else ", ".join(accepted)
        rows.append((name, str(parameter.annotation).replace("|", "or"), taken, kinds))
    return rows


def main() -> int:
    """Call, and write."""
    signal.signal(signal.SIGALRM, _late)
    warnings.simplefilter("ignore")
    catalogue, bad, parts, calls = new_catalogue(), list[str](), list[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # for files that an odd name puts beside
        for call in catalogue.calls.values():
            rows = rows_of(call, bad)
            calls += len(rows) * len(list(ODD)[:: SOME if call.name in SLOW else EACH])
            table = [f"| {' | '.join(row)} |" for row in rows]
            head = ["| argument | annotation | accepted | errors |", "|---|---|---|---|"]
            parts.append("\n".join([f"\n## {call.name}\n", *head, *table]))
            print(call.name, flush=True)
    if bad:
        print(*bad, sep="\n")
        return 1
    values = ", ".join(list(ODD)[::EACH])
    PAGE.write_text(
        INTRODUCTION.format(count=len(list(ODD)[::EACH]), values=values, calls=calls) + "\n".join(parts) + "\n", "utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The embedded network: how many pictures are empty, and how many channels dream from noise, as benchmarks found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.measurements import RESULTS

EMPTY, DREAMS = RESULTS / "empty_pictures.json", RESULTS / "dreams_from_noise.json"


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _counted(words: Mapping[str, int]) -> str:
    return "; ".join(f"{count} {word}" for word, count in words.items()) or "none"


def empty_pictures() -> str:
    """The table of empty pictures."""
    rows = []
    for row in json.loads(EMPTY.read_text("utf-8")):
        before = f"{row['before']} of {row['tiles']}"
        rows.append((row["layer"], row["rule"], before, row["now"], _counted(row["reasons"]), row["offered"]))
    return _table(("layer", "rule", "empty before", "now", "reasons", "another unit is offered"), rows)


def dreams_from_noise() -> str:
    """The table of dreams."""
    rows = []
    for row in json.loads(DREAMS.read_text("utf-8")):
        dreamt, alive = f"{row['dreamt']} of {row['channels']}", ", ".join(row["alive"])
        rows.append((row["layer"], dreamt, _counted(row["ways"]), _counted(row["failures"]), alive or "none"))
    return _table(("layer", "dream", "how", "fail", "alive among these"), rows)

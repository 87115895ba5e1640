"""One measured row, how rows are kept in a file, and what they were measured on."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"

Figure = float | str | Sequence[float]
Machine = Mapping[str, str | int]


@dataclass(frozen=True)
class Measurement:
    """One row of a table.

    Attributes:
        work: what was measured.
        target: what it should reach, in words such as ">= 1.4" or "median < 400 ms"; "" for none.
        value: the number to compare with the target; None where the figures tell it.
        met: whether the target is reached; None without a target.
        unit: the unit of the value; "" for a ratio.
        figures: further numbers, by name.
        profile: where the time of one call goes, one line for each function.
        load: processes that wanted a core before; above half the cores, others were at work too.
        last: the value before on the same machine.
        machine: what it was measured on.
    """

    work: str
    target: str = ""
    value: float | None = None
    met: bool | None = None
    unit: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    profile: tuple[str, ...] = ()
    load: float | None = None
    last: float | None = None
    machine: Machine = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Measurements of one key replace each other."""
        return self.work, json.dumps(self.machine)


def read(path: Path) -> list[Measurement]:
    """The measurements of a file; none if there is no such file."""
    rows = json.loads(path.read_text()) if path.exists() else []
    return [Measurement(**{**row, "profile": tuple(row.get("profile", ()))}) for row in rows]


def write(path: Path, rows: Sequence[Measurement]) -> None:
    """Write measurements to a file; fields that say nothing are left out."""
    empty = ("", None, {}, ())
    kept = [{key: value for key, value in dataclasses.asdict(row).items() if value not in empty} for row in rows]
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept, indent=1) + "\n")


def keep(path: Path, about: Machine, rows: Sequence[Mapping[str, object]], *keys: str) -> list[dict[str, Any]]:
    """Write rows to a file, with the machine that they were measured on, and return all rows of the file.

    Rows of an earlier run on the same machine stay, except those that are alike in ``keys``. So a long benchmark can
    be stopped, and run in parts.
    """
    before = json.loads(path.read_text()) if path.exists() else {}
    old = before["rows"] if before.get("machine") == dict(about) else []
    kept = {tuple(row[key] for key in keys): dict(row) for row in [*old, *rows]}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"machine": dict(about), "rows": list(kept.values())}, indent=1) + "\n")
    return list(kept.values())


def by_machine(rows: Sequence[Measurement]) -> Iterator[tuple[str, list[Measurement]]]:
    """The rows of each machine under a line that names it, in the order of their first rows."""
    for about in dict.fromkeys(json.dumps(row.machine) for row in rows):
        own = [row for row in rows if json.dumps(row.machine) == about]
        yield ", ".join(f"{key} {value}" for key, value in own[0].machine.items()), own


def spread(times: Sequence[float], digits: int = 2) -> list[float]:
    """Minimum, median and maximum, rounded."""
    ordered = sorted(times)
    middle = ordered[len(ordered) // 2] if len(ordered) % 2 else sum(ordered[len(ordered) // 2 - 1 :][:2]) / 2
    return [round(float(each), digits) for each in (ordered[0], middle, ordered[-1])]


def memory(name: str = "VmRSS") -> int:
    """What this process holds, in MiB; with 'VmHWM' the most it ever held."""
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) // 1024


def load_of_machine() -> float:
    """How many processes wanted a core in the last minute."""
    return round(os.getloadavg()[0], 1)


def machine(*packages: str) -> dict[str, str | int]:
    """The processor, its widest instructions, and the versions of Python and of packages.

    TensorFlow chooses oneDNN by itself only where there is AVX-512.
    """
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    about = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {key.strip(): value.strip() for key, value in about.items()}
    flags = facts.get("flags", "").split()
    return {
        "processor": facts.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 0,
        "widest instructions": next(
            (name for name in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if name in flags), "unknown"
        ),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }

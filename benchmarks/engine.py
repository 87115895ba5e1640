"""The table of what the engine is to reach, and what it does reach: ``python benchmarks/engine.py``.

Each part measures one kind of work against a baseline that is written beside it and takes turns with it. A row is
kept with the machine that it was measured on, in ``benchmarks/results/engine.json``, and replaces the last row of its
name from there; ``docs/benchmarks.md`` is written from all that are kept. ``--only maps-alexnet load`` runs some parts,
``--quick`` runs one round of those that take seconds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import dream_step
import numpy as np
import reconstruction
import whole_calls
from reconstruction import Row, interleaved, machine

RESULTS = Path(__file__).parent / "results" / "engine.json"
TABLE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
QUICK = ("maps-alexnet", "first", "load")


def dream_steps(rounds: int) -> list[Row]:
    """A step of gradient ascent against a plain GradientTape loop over the same Keras model."""
    rows = []
    for name, model, layer in dream_step.models():
        if name in ("EfficientNet-Lite0", "VGG16"):
            loops = dream_step.loops(model, layer)
            times = interleaved(max(rounds, 3), ours=loops["ours"], base=loops["tape"])
            rows.append(reconstruction.row(f"{name}, deep-dream step", ">= 1.5", times["ours"], times["base"], (1, 1)))
    return rows


def parts(maps: int) -> dict[str, Callable[[int], list[Row]]]:
    """What can be measured, by name: a function of the number of rounds."""
    return {
        "maps-alexnet": reconstruction.maps_of_alexnet,
        "maps-vgg": reconstruction.maps_of_vgg,
        "calls-alexnet": whole_calls.maps_of_alexnet,
        "calls-vgg": whole_calls.maps_of_vgg,
        "files-alexnet": whole_calls.activations_of_alexnet,
        "files-vgg": whole_calls.activations_of_vgg,
        "activations": lambda rounds: [reconstruction.one_forward_pass(rounds)],
        "first": lambda rounds: [reconstruction.first_maps(rounds)],
        "load": lambda rounds: [reconstruction.loading(rounds)],
        "peak": lambda rounds: [reconstruction.share_of_peak(rounds)],
        "memory": lambda _: [reconstruction.memory(maps)],
        "dream": dream_steps,
    }


def met(row: Row) -> str:
    """'yes', 'no', or '' where there is no target. Ratios of times are over the target where it is a time."""
    target = str(row["target"])
    if target.startswith(">="):
        return "yes" if float(str(row["ratio"])) >= float(target.split()[1]) else "no"
    if "after all" in row:
        early, late = (float(str(row[key])) for key in ("after 32 maps", "after all"))
        return "yes" if late < 2048 and late < 1.05 * early else "no"
    return ("yes" if float(str(row["ratio"])) > 1 else "no") if target else ""


def line(row: Row) -> str:
    """One row for the table."""
    shown = ("work", "target", "ratio", "last", "machine", "where the time goes")
    figures = "; ".join(f"{key} {_short(value)}" for key, value in row.items() if key not in shown)
    cells = row["work"], row.get("ratio", ""), row["target"], met(row), row.get("last", ""), figures
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _short(value: object) -> str:
    return " / ".join(map(str, value)) if isinstance(value, list) else str(value)


def _key(row: Row) -> tuple[str, str]:
    return str(row["work"]), json.dumps(row["machine"])


def document(rows: list[Row]) -> str:
    """All rows by machine, with profiles of those that miss their target."""
    text = [
        "# Benchmarks",
        "",
        "Written by `python benchmarks/engine.py`. Ratios are of the shortest times, ours and the baseline taking",
        "turns; three figures are minimum / median / maximum. Each round has another image. 'last' is the ratio",
        "before on that machine; 'load before' is that of the machine: above 1, others were at work too.",
    ]
    for about in dict.fromkeys(json.dumps(row["machine"]) for row in rows):
        own = [row for row in rows if json.dumps(row["machine"]) == about]
        title = ", ".join(f"{key} {value}" for key, value in json.loads(about).items())
        head = "| work | times as fast | target | met | last | figures |", "|---|---|---|---|---|---|"
        text += ["", f"## {title}", "", *head, *map(line, own)]
        for row in own:
            profile = row.get("where the time goes")
            if met(row) == "no" and isinstance(profile, list):
                title = f"Where the time of one call goes, {row['work']}:"
                text += ["", title, "", *(f"- `{each}`" for each in profile)]
    return "\n".join(text) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = parts(512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--maps", type=int, default=512, help="how many maps are streamed to see the memory")
    parser.add_argument("--only", nargs="+", choices=known, default=list(known), help="which parts")
    parser.add_argument("--quick", action="store_true", help=f"one round of {', '.join(QUICK)}")
    options = parser.parse_args()
    about = {key: value for key, value in machine().items() if key != "load before"}
    kept = {_key(row): row for row in json.loads(RESULTS.read_text())["rows"]} if RESULTS.exists() else {}
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    for name in QUICK if options.quick else options.only:
        load = machine()["load before"]
        for row in parts(options.maps)[name](1 if options.quick else options.rounds):
            found = {**row, "load before": load, "machine": about}
            found["last"] = kept.get(_key(found), {}).get("ratio", "")
            kept[_key(found)] = found
            print(line(found), flush=True)
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({"rows": list(kept.values())}, indent=1, default=np.generic.item) + "\n")
        TABLE.write_text(document(list(kept.values())))


if __name__ == "__main__":
    main()

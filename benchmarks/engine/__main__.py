"""The table of what the engine is to reach, and what it does reach: ``python -m benchmarks.engine``.

Each part measures one kind of work against a baseline that is written beside it and takes turns with it. A row is
kept with the machine that it was measured on, in ``benchmarks/results/engine.json``, and replaces the last row of its
name from there; ``docs/benchmarks.md`` is written from all that are kept. ``--only maps-alexnet load`` runs some parts,
``--quick`` runs one round of those that take seconds.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Sequence

from benchmarks.dreaming import step
from benchmarks.engine import reconstruction, whole_calls
from benchmarks.measurements import (
    RESULTS,
    ROOT,
    Figure,
    Measurement,
    by_machine,
    load_of_machine,
    machine,
    read,
    write,
)

FILE = RESULTS / "engine.json"
PAGE = ROOT / "docs" / "benchmarks.md"
QUICK = ("maps-alexnet", "first", "load")


def dream_steps(rounds: int) -> list[Measurement]:
    """A step of gradient ascent against a plain GradientTape loop over the same Keras model."""
    rows = []
    for name, model, layer in step.models():
        if name in ("EfficientNet-Lite0", "VGG16"):
            loops = step.loops(model, layer)
            times = reconstruction.interleaved(max(rounds, 3), ours=loops["ours"], base=loops["tape"])
            work = f"{name}, deep-dream step"
            rows.append(reconstruction.compared(work, ">= 1.5", times["ours"], times["base"], (1, 1)))
    return rows


def parts(maps: int) -> dict[str, Callable[[int], list[Measurement]]]:
    """What can be measured, by name: a function of the number of rounds."""
    return {
        "maps-alexnet": reconstruction.maps_of_alexnet,
        "maps-vgg": reconstruction.maps_of_vgg,
        "calls-alexnet": whole_calls.maps_of_alexnet,
        "calls-vgg": whole_calls.maps_of_vgg,
        "files-alexnet": whole_calls.activations_of_alexnet,
        "files-vgg": whole_calls.activations_of_vgg,
        "files-mobilenet": whole_calls.activations_of_mobilenet,
        "files-small": whole_calls.activations_of_small,
        "activations": lambda rounds: [reconstruction.one_forward_pass(rounds)],
        "first": lambda rounds: [reconstruction.first_maps(rounds)],
        "load": lambda rounds: [reconstruction.loading(rounds)],
        "peak": lambda rounds: [reconstruction.share_of_peak(rounds)],
        "memory": lambda _: [reconstruction.memory(maps)],
        "dream": dream_steps,
    }


def line(row: Measurement) -> str:
    """One row for the table."""
    known = dict(row.figures) | {"load before": row.load or 0.0}
    figures = "; ".join(f"{name} {_short(value)}" for name, value in known.items())
    met = {True: "yes", False: "no", None: ""}[row.met]
    cells = row.work, _given(row.value), row.target, met, _given(row.last), figures
    return "| " + " | ".join(map(str, cells)) + " |"


def _given(value: float | None) -> str:
    return "" if value is None else str(value)


def _short(value: Figure) -> str:
    return " / ".join(map(str, value)) if isinstance(value, list) else str(value)


def document(rows: Sequence[Measurement]) -> str:
    """All rows by machine, with profiles of those that miss their target."""
    text = [
        "# Benchmarks",
        "",
        "Written by `python -m benchmarks.engine`. Ratios are of the shortest times, ours and the baseline taking",
        "turns: how many times as fast ours is, and for whole calls with files how many plain runs of the same layers",
        "they take. Baselines are written beside the measurements; `make bench-peers` measures other libraries. Three",
        "figures are minimum / median / maximum. Each round has another image. 'last' is the ratio before on that",
        "machine; 'load before' is that of the machine: above 1, others were at work too.",
    ]
    for title, own in by_machine(rows):
        head = "| work | ratio | target | met | last | figures |", "|---|---|---|---|---|---|"
        text += ["", f"## {title}", "", *head, *map(line, own)]
        for row in own:
            if row.met is False and row.profile:
                title = f"Where the time of one call goes, {row.work}:"
                text += ["", title, "", *(f"- `{entry}`" for entry in row.profile)]
    return "\n".join(text) + "\n"


def main() -> None:
    """Measure the parts that the command line names, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = parts(512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--maps", type=int, default=512, help="how many maps are streamed to see the memory")
    parser.add_argument("--only", nargs="+", choices=known, default=list(known), help="which parts")
    parser.add_argument("--quick", action="store_true", help=f"one round of {', '.join(QUICK)}")
    options = parser.parse_args()
    about = machine("tensorflow", "keras")
    kept = {row.key: row for row in read(FILE)}
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    for name in QUICK if options.quick else options.only:
        load = load_of_machine()
        for row in parts(options.maps)[name](1 if options.quick else options.rounds):
            placed = dataclasses.replace(row, load=load, machine=about)
            before = kept.get(placed.key)
            kept[placed.key] = dataclasses.replace(placed, last=before.value if before else None)
            print(line(kept[placed.key]), flush=True)
        write(FILE, list(kept.values()))
        PAGE.write_text(document(list(kept.values())))


if __name__ == "__main__":
    main()

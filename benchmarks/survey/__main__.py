"""The table of what a survey costs: ``python -m benchmarks.survey``.

Rates are those of the processor: images for each second that a core works, which other programs on the machine change
little. A survey and the plain forward pass of the same batches take turns in one process.
``benchmarks/results/survey.json`` keeps a row with the machine that it was measured on;
``docs/benchmarks_survey.md`` is written from all that are kept. ``--only rate memory`` runs some parts, ``--quick``
runs one round of few images.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.measurements import (
    RESULTS,
    ROOT,
    Measurement,
    by_machine,
    load_of_machine,
    machine,
    read,
    spread,
    write,
)

FILE = RESULTS / "survey.json"
PAGE = ROOT / "docs" / "benchmarks_survey.md"
SELECTIONS = {
    "one layer (head_conv)": "head_conv",
    "the last convolution of each block": [f"block{number}_project_conv" for number in range(16)],
    "all ReLUs": "r",
    "all convolutions": "c",
}
MEMORY = """
import resource
from benchmarks.survey.__main__ import small_pictures, surveyed
from cnnvis_widgets import demo
peaks = []
for count in (500, 500, 500, 5000):
    surveyed(demo.network(), small_pictures(count), "block4_add", batch=16, partition=256)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
print(*peaks)
"""
"""In a process of its own, because a peak never falls."""


def pictures(count: int, side: int = 224) -> np.ndarray:
    """Crops of the packaged photographs, uint8 (count, side, side, 3)."""
    from cnnvis_widgets import demo

    rng, photos = np.random.default_rng(0), list(demo.photos().values())
    crops = []
    for number in range(count):
        photo = photos[number % len(photos)]
        top, left = (int(rng.integers(0, size - side + 1)) for size in photo.shape[:2])
        crops.append(photo[top : top + side, left : left + side])
    return np.stack(crops)


def small_pictures(count: int) -> Iterator[np.ndarray]:
    """Pictures of 64 x 64 pixels as the network takes them, one at a time, so that they take no memory themselves."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield rng.uniform(-1, 1, (64, 64, 3)).astype(np.float32)


def surveyed(network: Any, images: Any, layers: Any, **options: Any) -> None:
    """Survey images into a folder that is thrown away."""
    from cnnvis_widgets import survey

    folder = tempfile.mkdtemp()
    try:
        survey(network, images, layers, out=folder, progress=False, **options)
    finally:
        shutil.rmtree(folder)


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Processor time and time of a call."""
    cpu, begun = process_time(), perf_counter()
    run()
    return process_time() - cpu, perf_counter() - begun


def rate(rounds: int, count: int) -> list[Measurement]:
    """Images a second of a survey, and its share of the rate of a forward pass on the same batches, decoded before."""
    from cnnvis_widgets import activations, demo

    network, images = demo.network(), pictures(count)
    batches = [network.feeds(list(images[start : start + 16])) for start in range(0, count, 16)]

    def forward() -> None:
        for batch in batches:
            activations(network, batch, [network.logits])

    runs: dict[str, Callable[[], object]] = {"forward": forward}
    for name, layers in SELECTIONS.items():
        runs[name] = partial(surveyed, network, images, layers)
    activations(network, batches[0], [network.logits])  # functions are compiled
    for layers in SELECTIONS.values():
        surveyed(network, images[:16], layers)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(seconds(run))
    base = min(cpu for cpu, _ in times["forward"])
    rows = []
    for name in SELECTIONS:
        cpus = [cpu for cpu, _ in times[name]]
        share = round(base / min(cpus), 2)
        figures = {
            "cpu ms an image": spread([1000 * cpu / count for cpu in cpus], 1),
            "forward pass": spread([1000 * cpu / count for cpu, _ in times["forward"]], 1),
            "images a second of a core": round(count / min(cpus), 1),
        }
        rows.append(Measurement(f"survey of {name}", ">= 0.75", share, share >= 0.75, figures=figures))
    return rows


def scaling(rounds: int, count: int) -> list[Measurement]:
    """How many times as fast two worker processes of one thread each are as one."""
    from distributed import Client, LocalCluster

    from cnnvis_widgets import demo

    network, images = demo.network(), pictures(min(count, 64))
    walls = {}
    for workers in (1, 2):
        with (
            LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            run = partial(surveyed, network, images, "block4_add", client=client, partition=16)
            run()  # the network travels, functions are compiled
            walls[workers] = [seconds(run)[1] for _ in range(rounds)]
    value = round(min(walls[1]) / min(walls[2]), 2)
    figures = {f"s with {workers}": spread(times) for workers, times in walls.items()}
    return [Measurement("two processes against one", "", value, figures=figures)]


def memory(rounds: int, count: int) -> list[Measurement]:
    """The peak of a process that surveys 500 images three times, while functions are compiled, and then 5,000."""
    done = subprocess.run([sys.executable, "-c", MEMORY], cwd=ROOT, check=True, capture_output=True, text=True)
    *_, early, late = map(int, done.stdout.split())
    flat = late < 1.05 * early
    figures = {"after 500 images": early, "after 5,000": late}
    return [Measurement("peak of a survey, MiB", "flat", round(late / early, 2), flat, figures=figures)]


def patches(rounds: int, count: int) -> list[Measurement]:
    """Projections of the nine patches of all channels of a layer, against projections of whole maps."""
    from cnnvis_widgets import demo, reconstruct, survey

    network, images = demo.network(), pictures(min(count, 64))
    folder, layer = tempfile.mkdtemp(), "block4_add"
    found = survey(network, images, layer, out=folder, progress=False)
    projected = list(found.all_patches(layer))
    number = sum(len(each.patches) for each in projected)
    feed = network.feeds(images[0])
    channels = list(range(16))

    def whole() -> None:
        reconstruct(network, feed, layer, channels=channels, rule="guided", seed="map")

    whole()
    times = [(seconds(lambda: list(found.all_patches(layer)))[0], seconds(whole)[0]) for _ in range(rounds)]
    ours, base = ([1000 * each[side] / per for each in times] for side, per in ((0, number), (1, len(channels))))
    shutil.rmtree(folder)
    value = round(min(base) / min(ours), 2)
    figures = {"projections": number, "cpu ms a patch": spread(ours, 1), "cpu ms a whole map": spread(base, 1)}
    work = f"nine patches of all channels of {layer}, against projections of whole maps"
    return [Measurement(work, "> 1", value, value > 1, figures=figures)]


PARTS: dict[str, Callable[[int, int], list[Measurement]]] = {
    "rate": rate,
    "scaling": scaling,
    "memory": memory,
    "patches": patches,
}


def document(rows: Sequence[Measurement]) -> str:
    """The page of all rows, by machine."""
    text = [
        "# Benchmarks of surveys",
        "",
        "Written by `python -m benchmarks.survey`. The network is the embedded one on pictures of 224 × 224 pixels.",
        "A share is that of the plain forward pass to the scores on the same batches, decoded before: 1 is as fast.",
        "Times are those of the processor; three figures are minimum / median / maximum. 'load before' is that of the",
        "machine: above 1, others were at work too.",
        "",
        "Most of the time beyond the forward pass goes into reading every map once more. In a profile of all",
        "convolutions 19 ms an image became 25 with the largest value of every map and 29 with the place of each,",
        "which is therefore looked for only where the value is among the best of its channel until then.",
    ]
    for title, own in by_machine(rows):
        head = "| work | value | target | met | figures |", "|---|---|---|---|---|"
        text += ["", f"## {title}", "", *head, *map(_line, own)]
    return "\n".join(text) + "\n"


def _line(row: Measurement) -> str:
    known = {**row.figures, "load before": row.load or 0.0}
    figures = "; ".join(f"{name} {_short(value)}" for name, value in known.items())
    met = {True: "yes", False: "no", None: ""}[row.met]
    return f"| {row.work} | {row.value} | {row.target} | {met} | {figures} |"


def _short(value: Any) -> str:
    return " / ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def main() -> None:
    """Measure, keep the rows, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="one round of 32 images; without memory")
    parser.add_argument("--images", type=int, default=256, help="a whole partition; fewer make its tables cost more")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    names = [name for name in arguments.only if not (arguments.quick and name == "memory")]
    about = machine("tensorflow", "keras")
    rows = {row.key: row for row in read(FILE)}
    for name in names:
        load = load_of_machine()
        for row in PARTS[name](*((1, 32) if arguments.quick else (arguments.rounds, arguments.images))):
            kept = dataclasses.replace(row, load=load, machine=about)
            rows[kept.key] = kept
            print(_line(kept), flush=True)
    if not arguments.quick:
        write(FILE, list(rows.values()))
        PAGE.write_text(document(read(FILE)), "utf-8")


if __name__ == "__main__":
    main()

"""Do pictures of the things network show what they should? Masks, parts and the planted watermark give the answer.

Each figure stands beside the same of the untrained network and, where that makes sense, of plain squared edges: the
things are what has contrast in these pictures, so a large share of energy inside the mask alone proves nothing.

    python -m benchmarks.teaching.things            # about ten minutes on two cores
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.measurements import RESULTS, Measurement, machine, read, write
from benchmarks.teaching.measures import (
    EDGES,
    RULES,
    SOURCES,
    channels_alive,
    correlation,
    dilated,
    energy_of,
    squared_edges,
    unit_energies,
)
from cnnvis_widgets import Network, activations, demo, dream, grad_cam, occlusion, predict, reconstruct
from cnnvis_widgets.demo.world.network import things_model
from cnnvis_widgets.demo.world.training import accuracy_by_class

FILE = RESULTS / "things.json"
LAYERS = ("conv2_2", "conv3_2", "conv4_1")
CHANNELS, PICTURES, ASKED, SEED = 16, 400, 40, 7
TRAINED, UNTRAINED = "trained", "untrained"
CLOCK = 9


def networks() -> dict[str, Network]:
    """The trained network and its control."""
    return {TRAINED: demo.things_network(), UNTRAINED: demo.things_network(None)}


def accuracy() -> Iterator[Measurement]:
    """How many of 2,000 new pictures each network gets right."""
    for weights, options in (
        ("honest", {}),
        ("honest", {"clutter": 0}),
        ("honest", {"clutter": 2}),
        ("shortcut", {}),
        ("shortcut", {"tagged": dict.fromkeys(demo.things(1, seed=0).names, 1.0)}),
    ):
        shares = accuracy_by_class(things_model(weights), **options)
        about = {"clutter": "clutter {clutter}", "tagged": "a watermark on every picture"}
        told = "".join(", " + about[key].format(**options) for key in options)
        target = ">= 0.97" if weights == "honest" and not options else ""
        mean = round(float(np.mean(list(shares.values()))), 4)
        met = mean >= 0.97 if target else None
        yield Measurement(f"accuracy of the {weights} network{told}", target, mean, met, figures=shares)


def dead() -> Iterator[Measurement]:
    """Which channels never fire in 400 pictures."""
    data = demo.things(PICTURES, seed=SEED)
    for layer in ("conv1_1", "conv2_1", *LAYERS):
        [maps] = activations(demo.things_network(), data.images, layer)
        silent = np.flatnonzero(maps.strengths.max(axis=0) == 0)
        text = ", ".join(map(str, silent)) or "none"
        yield Measurement(f"dead channels of {layer}", value=len(silent), figures={"channels": text})


def units() -> Iterator[Measurement]:
    """Where the energy of units lies: in the thing, and in one named part."""
    data = demo.things(PICTURES, seed=SEED)
    for name, network in networks().items():
        for layer in LAYERS:
            [maps] = activations(network, data.images, layer)
            channels = channels_alive(maps.strengths, CHANNELS)
            for source, rows in unit_energies(network, data, layer, maps.strengths, channels).items():
                parts = Counter(row.part for row in rows).most_common(4)
                figures = {
                    "in one part": mean(row.in_part for row in rows),
                    "in the thing": mean(row.in_mask for row in rows),
                    "channels": len(rows),
                    "parts": ", ".join(f"{count} {part}" for part, count in parts),
                }
                yield Measurement(f"energy of units of {layer}, {source}, {name}", figures=figures)


def scores() -> Iterator[Measurement]:
    """Where the energy of the class score's picture lies, in forty pictures."""
    data = demo.things(ASKED, seed=SEED)
    inside = dilated(data.masks)
    chance = float(inside.mean())
    for name, network in networks().items():
        pictures = {rule: own_class(network, data, rule) for rule in RULES}
        pictures[EDGES] = squared_edges(data.images)
        for source in SOURCES:
            share = float((energy_of(pictures[source]) * inside).sum(axis=(1, 2)).mean())
            figures = {"chance": round(chance, 3)}
            work = f"energy of the score in the thing, {source}, {name}"
            yield Measurement(work, value=round(share, 3), figures=figures)


def own_class(network: Network, data: demo.Things, rule: str) -> np.ndarray:
    """What speaks for the true class of each picture, (images, height, width, 3)."""
    seen = reconstruct(network, data.images, "scores", rule=rule)
    return seen.images[np.arange(len(data.labels)), data.labels]


def hiding() -> Iterator[Measurement]:
    """How well the fall of the score, and of the probability, under a square agrees with the true mask."""
    data = demo.things(ASKED, seed=SEED)
    fill = demo.things_preprocess(data.images[0] * 0 + data.images.mean(axis=(0, 1, 2)).round().astype(np.uint8))[0, 0]
    for name, network in networks().items():
        falls, probabilities = [], []
        for image, label, mask in zip(data.images, data.labels, data.masks, strict=True):
            swept = occlusion(network, image, int(label), size=13, stride=3, fill=fill)
            falls.append(correlation(swept.attribution.images[0, 0], mask))
            probabilities.append(correlation(spread(swept), mask))
        for what, values in (("score", falls), ("probability", probabilities)):
            by_class = {thing: mean(values[label::10]) for label, thing in enumerate(data.names)}
            work = f"correlation of the fall of the {what} under a square with the thing, {name}"
            yield Measurement(work, value=mean(values), figures=by_class)


def spread(swept: object) -> np.ndarray:
    """The fall of the probability at each pixel, the mean over the squares that cover it."""
    rows, columns = swept.corners
    fall, count = np.zeros((64, 64)), np.zeros((64, 64))
    before = swept.probabilities[0, 0].max()
    for row, column in np.ndindex(len(rows), len(columns)):
        window = (
            slice(rows[row], rows[row] + swept.size[0]),
            slice(columns[column], columns[column] + swept.size[1]),
        )
        fall[window] += before - swept.probabilities[0, 0, row, column]
        count[window] += 1
    return fall / count


def shortcut() -> Iterator[Measurement]:
    """What share of the evidence for 'clock' lies on the watermark, in both networks."""
    data = demo.things(ASKED, seed=SEED, tagged=dict.fromkeys(demo.things(1, seed=0).names, 1.0))
    tag = dilated(data.part("watermark"), 2)
    for weights in ("shortcut", "honest"):
        network = demo.things_network(weights)
        cam = grad_cam(network, data.images, CLOCK, upsampled=True).images[:, 0]
        swept = np.concatenate(
            [occlusion(network, image, CLOCK, size=13, stride=3).attribution.images[:, 0] for image in data.images]
        )
        pictures = {"Grad-CAM": cam.clip(0), "occlusion": swept.clip(0)}
        for rule in RULES:
            seen = reconstruct(network, data.images, "scores", channels=[CLOCK], rule=rule)
            pictures[rule] = energy_of(seen.images[:, 0])
        for source, values in pictures.items():
            totals = values.sum(axis=(1, 2))
            shares = (values * tag).sum(axis=(1, 2))[totals > 0] / totals[totals > 0]
            figures = {"chance": round(float(tag.mean()), 3), "pictures": len(shares)}
            work = f"share of the evidence for 'clock' on the watermark, {source}, {weights} network"
            yield Measurement(work, value=mean(shares), figures=figures)


def dreams() -> Iterator[Measurement]:
    """The probability of each class in the dream of it, with all defaults, and with other seeds."""
    network = demo.things_network()
    for seed in range(3):
        *_, last = dream(network, None, None, range(10), seed=seed)
        shares = predict(network, last.images).probabilities[np.arange(10), np.arange(10)]
        figures = {name: round(float(share), 4) for name, share in zip(network.class_names, shares, strict=True)}
        least = round(float(shares.min()), 4)
        work = "lowest probability of ten class dreams" + (f", seed {seed}" if seed else "")
        yield Measurement(work, "> 0.99", least, least > 0.99, figures=figures)


def mean(values: object) -> float:
    """The mean of numbers, rounded for the table."""
    return round(float(np.mean(list(values))), 3)


PARTS: dict[str, Callable[[], Iterator[Measurement]]] = {
    each.__name__: each for each in (accuracy, dead, units, scores, hiding, shortcut, dreams)
}
"""What can be measured alone: ``python -m benchmarks.teaching.things dreams``."""


def main() -> None:
    """Measure, print and store."""
    about = machine("tensorflow", "keras", "numpy")
    rows = {row.key: row for row in read(FILE)}
    for part in sys.argv[1:] or PARTS:
        for row in PARTS[part]():
            measured = Measurement(row.work, row.target, row.value, row.met, figures=row.figures, machine=about)
            rows[measured.key] = measured
            print(f"{row.work}: {'' if row.value is None else row.value} {dict(row.figures)}", flush=True)
    write(FILE, list(rows.values()))


if __name__ == "__main__":
    main()

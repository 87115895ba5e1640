"""Results as bytes, to prove that a change of the code changes no number.

    python benchmarks/engine/stored_results.py store before.npz    # on the old commit, with a copy of this file
    python benchmarks/engine/stored_results.py store after.npz     # on the new commit
    python benchmarks/engine/stored_results.py compare before.npz after.npz

Both run on one machine: other CPUs round otherwise. The networks are the embedded one and the random small ones
of the tests.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

import cnnvis_widgets as cv

TESTS = Path(cv.__file__).parents[1] / "tests"
RULES, SEEDS = ("deconvnet", "guided", "gradient"), ("strongest", "map", "ones")
RANDOM_NETWORKS = 12
EXACTLY = settings(
    deadline=None,
    database=None,
    derandomize=True,
    max_examples=RANDOM_NETWORKS,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

Results = Iterator[tuple[str, np.ndarray]]


def of_the_embedded_network() -> Results:
    """Arrays of every method on the embedded network and two of its photographs, by name."""
    photos = list(cv.demo.photos().values())[:2]
    network = cv.load(cv.demo.network(), photos)
    relus = network.select("r")
    for layer in (relus[3], relus[-8]):
        yield f"activations {layer.name}", cv.activations(network, None, layer.name)[0].values
        for rule in RULES:
            for seed in SEEDS:
                result = cv.reconstruct(network, None, layer.name, channels=[0, 5, 7], rule=rule, seed=seed)
                yield f"reconstruct {layer.name} {rule} {seed}", result.images
    yield "grad_cam", cv.grad_cam(network, None, 285).images
    yield "integrated_gradients", cv.integrated_gradients(network, None, 285, steps=8).images
    yield "smooth_grad", cv.smooth_grad(network, None, 285, samples=4).images
    swept = cv.occlusion(network, photos[:1], 285, size=64, stride=48)
    yield "occlusion scores", swept.scores
    yield "occlusion totals", swept.map_totals
    said = cv.predict(network)
    yield "predict scores", said.scores
    yield "predict probabilities", said.probabilities
    yield "evidence", cv.channel_evidence(network, None, relus[-8].name, 285)
    noise = cv.dream(network, None, network.logits, 985, octaves=2, steps=4, size=(96, 96), seed=3)
    yield "dream from noise", [step.images for step in noise][-1]
    photo = cv.dream(network, None, relus[6].name, [0, 5], start="feed", octaves=2, steps=3, seed=3, together=2)
    yield "dream on a photo", [step.images for step in photo][-1]


def of_random_networks() -> Results:
    """Arrays of small random networks: activations of every layer, and reconstructions of the last."""
    sys.path.insert(0, str(TESTS))
    from oracles.in_tensorflow import graph_of, spell
    from oracles.random_networks import cases

    for exact in (True, False):
        for index, case in enumerate(drawn_from(cases(exact=exact))):
            network = cv.load(graph_of(lambda image, twin=case.twin: spell(twin, image), case.x.shape[1:]), case.x)
            name = f"random {'quarters' if exact else 'numbers'} {index}"
            for layer in network.layers:
                yield f"{name} {layer.name}", cv.activations(network, None, layer.name)[0].values
            for rule in RULES:
                for seed in SEEDS:
                    images = cv.reconstruct(network, None, "out", rule=rule, seed=seed).images
                    yield f"{name} {rule} {seed}", images


def drawn_from(strategy: SearchStrategy[Any]) -> list[Any]:
    """The same examples of a strategy in every process."""
    examples = []

    @EXACTLY
    @given(strategy)
    def draw(example: Any) -> None:
        examples.append(example)

    draw()
    return examples


def store(path: str) -> None:
    """Compute everything and write it to one file."""
    arrays = dict(of_the_embedded_network()) | dict(of_random_networks())
    np.savez_compressed(path, **arrays)
    print(f"{len(arrays)} arrays in {path}")


def compare(before: str, after: str) -> int:
    """How many arrays differ in a byte; each is named with its largest difference."""
    with np.load(before) as old, np.load(after) as new:
        missing = set(old.files) ^ set(new.files)
        for name in sorted(missing):
            print("only in one of the files:", name)
        shared = sorted(set(old.files) & set(new.files))
        different = [name for name in shared if not same_bytes(old[name], new[name])]
        for name in different:
            print("differs:", name, describe_difference(old[name], new[name]))
        print(f"{len(shared) - len(different)} of {len(shared)} arrays equal in every byte, {len(missing)} missing")
    return len(different) + len(missing)


def same_bytes(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays have the same type, shape and bytes."""
    return (one.dtype, one.shape) == (other.dtype, other.shape) and one.tobytes() == other.tobytes()


def describe_difference(one: np.ndarray, other: np.ndarray) -> str:
    """The types and shapes where they differ, or else the largest difference beside the largest value."""
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return f"{one.dtype} {one.shape} and {other.dtype} {other.shape}"
    return f"by up to {np.abs(one - other).max():.3g} of {np.abs(one).max():.3g}"


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["store", path]:
            store(path)
        case ["compare", before, after]:
            sys.exit(bool(compare(before, after)))
        case _:
            sys.exit(__doc__)

"""The engine's answer beside the twin's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from cnnvis_widgets import activations, load, reconstruct
from cnnvis_widgets.engine.network.network import Network

from . import RULES, Op, Rule, project
from .in_tensorflow import graph_of, spell


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Random numbers, the same for the same seed."""
    return np.random.default_rng(seed).normal(size=shape)


def same(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-6) -> None:
    """Equal shapes, float32, and values that differ by ``tolerance`` of the largest at most."""
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    largest = np.abs(expected).max(initial=1e-3)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * largest)


def compare(
    model: Any,
    twin: Op,
    x: np.ndarray,
    *,
    rules: Sequence[Rule] = RULES,
    seed: str | tuple[int, ...] = "map",
    layer: str = "out",
    channels_first: bool = False,
    tolerance: float = 1e-6,
) -> Network:
    """Activations and reconstructions of ``layer``, checked against ``twin`` for images ``x``, channels last."""
    network = load(model, {"image": np.moveaxis(x, -1, 1) if channels_first else x})
    values = twin.forward(x.astype(np.float64))
    same(activations(network, None, layer)[0].values, values, tolerance)
    for rule in rules:
        result = reconstruct(network, None, layer, rule=rule, seed=seed)
        seeded = seed
        if seed == "strongest":  # of two values that differ by rounding either may be the largest
            seeded = result.units
            same(result.seed_values, values.max(axis=tuple(range(1, values.ndim - 1))), tolerance)
        same(result.images, project(twin, x, rule, seeded), tolerance)
    return network


def compare_spelled(twin: Op, x: np.ndarray, *, channels_first: bool = False, **options: Any) -> Network:
    """The same for the graph that ``twin`` spells, in the dtype of ``x``."""
    graph = graph_of(
        lambda image: spell(twin, image, channels_first), x.shape[1:], tf.as_dtype(x.dtype), channels_first
    )
    return compare(graph, twin, x, channels_first=channels_first, **options)

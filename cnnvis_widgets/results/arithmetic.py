"""How one number comes about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .layers import Layer


@dataclass(frozen=True, eq=False)
class ArithmeticStep:
    """One op on the way to a unit's value.

    Attributes:
        op: the name of the op in the graph.
        kind: what people call it: 'convolution', 'max_pool', 'bias', 'batch_normalization', 'relu', ...
        inputs: the numbers that enter, float32: of a window (height, width, channels) for a convolution, (height,
            width) for a depthwise convolution or a pool, with as many axes as the map has; (numbers,) for a dense
            layer, a sum or a softmax; () for a function of one number.
        weights: what they are multiplied by, in the same shape; ``None`` for ops without.
        parameters: further numbers of the op, by name, such as 'bias', 'mean', 'variance', 'factor' or 'slope'.
        computed: what ``inputs``, ``weights`` and ``parameters`` give, in double precision.
        value: what the network computed.
        places: for windows, along each axis the places in the map below that ``inputs`` come from; those outside the
            map are padding, whose numbers are zero in a convolution and no numbers (NaN) in a pool.
        switch: the number of the input that a maximum took, counted along the flattened window; ``None`` for others.
        signals: by rule, what the signal is when it arrives from above.
        sent: by rule, what goes down, in the shape of ``inputs``.
        note: why numbers are missing, if they are.
    """

    op: str
    kind: str
    inputs: np.ndarray
    computed: float
    value: float
    weights: np.ndarray | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    places: tuple[tuple[int, ...], ...] = ()
    switch: int | None = None
    signals: Mapping[str, float] = field(default_factory=dict)
    sent: Mapping[str, np.ndarray] = field(default_factory=dict)
    note: str = ""

    @property
    def products(self) -> np.ndarray:
        """Inputs times weights; the inputs where there are no weights."""
        return self.inputs if self.weights is None else self.inputs * self.weights


@dataclass(frozen=True, eq=False)
class UnitArithmetic:
    """How the value of one unit comes about, from the numbers that enter to the value.

    Attributes:
        layer, channel, unit: which unit.
        value: of the unit, as the network computed it.
        steps: the ops in order: first the one that reads the map below, last the one that gives the value.
        below: the name of the layer that the first op reads, 'image' for the image, or '' for a tensor that is no
            layer.
        rules: those of the signals.
    """

    layer: Layer
    channel: int
    unit: tuple[int, ...]
    value: float
    steps: tuple[ArithmeticStep, ...]
    below: str
    rules: tuple[str, ...]

"""Projections of a layer back to pixels, and which ops obeyed the rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .layers import Layer
from .notebook import Shown


@dataclass(frozen=True)
class OpCoverage:
    """How the ops of one kind between image and layer were treated under a rule.

    Attributes:
        kind: what people call the op, such as 'relu' or 'square root'; for unknown ops the type, such as 'Igamma'.
        count: how many there are.
        treatment: 'rule' (the rule's own backward pass), 'exact' (the rule prescribes the true gradient), 'identity'
            (the signal passes as it is), 'removed' (a softmax at the end), 'unruled' (an op that is not linear, or a
            product of two tensors that depend on the image; the rule does not say what to do, and the true gradient
            was used), 'unknown' (nothing is known of the op; TensorFlow's own gradient was used), or 'lost' (the author
            of the model gave the op a gradient of its own, which is not known; that of its forward ops was used).
    """

    kind: str
    count: int
    treatment: str

    @property
    def covered(self) -> bool:
        """Whether the rule says what to do with these ops, and that was done."""
        return self.treatment not in ("unruled", "unknown", "lost")


@dataclass(frozen=True)
class Coverage:
    """The ops between the image and one layer, and how they were treated under a rule.

    Attributes:
        rule: its name.
        ops: by kind and treatment.
        reason: why this rule was chosen for ``rule='auto'``; '' if it was asked for.
    """

    rule: str
    ops: tuple[OpCoverage, ...]
    reason: str = ""

    @property
    def complete(self) -> bool:
        """Whether every op obeyed the published rule."""
        return all(op.covered for op in self.ops)

    def __str__(self) -> str:
        rule = f"{self.rule} ({self.reason})" if self.reason else self.rule
        return f"{rule}: " + ", ".join(f"{op.count} {op.kind} {op.treatment}" for op in self.ops)


@dataclass(frozen=True, eq=False, repr=False)
class Reconstruction(Shown):
    """What in the image made the channels of a layer fire, projected back to pixels.

    Attributes:
        layer: the layer that was projected.
        images: float32 (images, channels, height, width, input channels), unnormalised: signed,
            in the units of the gradient times the seed.
        channels: the channel shown at each index of the second axis of ``images``.
        rule: the rule that was used: 'deconvnet', 'guided', 'gradient' or one of your own; never 'auto'.
        seed: 'strongest', 'map', 'ones', or the unit's coordinates.
        units: int (images, channels, spatial axes): where the seeded unit lies, or -1 where the
            seed is a whole map.
        seed_values: float32 (images, channels): the activation at that unit (for a whole map,
            its largest). Zero means a dead map, whose picture is zero everywhere. Of several units at the ceiling of a
            ReLU6 or another clipped ReLU, the one with the largest value before the clip is the strongest.
        coverage: which ops obeyed the rule.
        precision: of the signals that went backwards: 'float32', 'bfloat16', or another type that the network has.
        precision_reason: why that precision: 'as asked for', or what was measured for 'auto'.
        strategy: how signals went backwards: 'patch pullback' (the fastest), 'batched pullback', or 'tiled gradients'
            (the slowest, by TensorFlow's own gradient). Pictures are the same up to rounding.
        strategy_reason: why no faster strategy was possible, for instance an op whose pullback is not known; '' if
            this is the fastest.
        notes: (images, channels): why a picture is zero everywhere, such as 'gradient is zero: the unit is saturated'
            or 'fires most where its input is zero: nothing to project'; '' where there is something to see.
        next_units: (images, channels): for an empty picture of the seed 'strongest', the coordinates of the next unit
            of its channel that has something to show, which ``notes`` name, too; () where there is none.
    """

    main_array: ClassVar[str] = "images"

    layer: Layer
    images: np.ndarray
    channels: tuple[int, ...]
    rule: str
    seed: str | tuple[int, ...]
    units: np.ndarray
    seed_values: np.ndarray
    coverage: Coverage
    precision: str = "float32"
    precision_reason: str = "as asked for"
    strategy: str = "batched pullback"
    strategy_reason: str = ""
    notes: tuple[tuple[str, ...], ...] = ()
    next_units: tuple[tuple[tuple[int, ...], ...], ...] = ()

    def __repr__(self) -> str:
        count, images = len(self.channels), len(self.images)
        slower = f", {self.strategy} ({self.strategy_reason})" if self.strategy_reason else ""
        return (
            f"<Reconstruction: {count} channels of {self.layer.name!r}, {images} images, seed {self.seed!r}, "
            f"{self.precision} ({self.precision_reason}){slower}; {self.coverage}>"
        )

    def _rows(self) -> Iterator[dict[str, Any]]:
        for image, index in np.ndindex(self.seed_values.shape):
            unit, value = tuple(self.units[image, index].tolist()), float(self.seed_values[image, index])
            yield {"image": image, "channel": self.channels[index], "unit": unit, "seed_value": value}

"""Sliding windows over any number of spatial axes: how many there are, and where each one lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

Padding = str | tuple[tuple[int, int], ...]
Index = tuple[int | slice, ...]


@dataclass(frozen=True)
class Windows:
    """Windows of a ``size``, one for each step of ``strides``, over lengths extended by ``padding``.

    ``padding`` is 'VALID' (none), 'SAME' (so much that the count is length / stride, rounded up; of an odd amount
    the larger half goes behind) or the margins (before, after) of each axis.
    """

    size: tuple[int, ...]
    strides: tuple[int, ...] = ()
    padding: Padding = "VALID"
    dilations: tuple[int, ...] = ()

    @property
    def steps(self) -> tuple[int, ...]:
        return self.strides or (1,) * len(self.size)

    @property
    def gaps(self) -> tuple[int, ...]:
        return self.dilations or (1,) * len(self.size)

    @property
    def spans(self) -> tuple[int, ...]:
        """How far a window reaches along each axis."""
        return tuple((size - 1) * gap + 1 for size, gap in zip(self.size, self.gaps, strict=True))

    def margins(self, lengths: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
        """How much is added before and after each axis."""
        if self.padding == "VALID":
            return ((0, 0),) * len(lengths)
        if self.padding != "SAME":
            return self.padding
        margins = []
        for length, span, step in zip(lengths, self.spans, self.steps, strict=True):
            count = -(-length // step)
            total = max((count - 1) * step + span - length, 0)
            margins.append((total // 2, total - total // 2))
        return tuple(margins)

    def counts(self, lengths: tuple[int, ...]) -> tuple[int, ...]:
        """How many windows there are along each axis."""
        return tuple(
            (before + length + after - span) // step + 1
            for length, (before, after), span, step in zip(
                lengths, self.margins(lengths), self.spans, self.steps, strict=True
            )
        )

    def padded(self, x: np.ndarray, value: float = 0) -> np.ndarray:
        margins = self.margins(x.shape[1:-1])
        return np.pad(x, ((0, 0), *margins, (0, 0)), constant_values=value)

    def cropped(self, padded: np.ndarray, lengths: tuple[int, ...]) -> np.ndarray:
        """The inverse of ``padded``."""
        starts = (before for before, _ in self.margins(lengths))
        inside = (slice(start, start + length) for start, length in zip(starts, lengths, strict=True))
        return padded[(slice(None), *inside)]

    def over(self, lengths: tuple[int, ...]) -> Iterator[tuple[Index, Index]]:
        """Of each window: its index in the result, and its index in the padded array."""
        for place in np.ndindex(self.counts(lengths)):
            window = (
                slice(at * step, at * step + span, gap)
                for at, step, span, gap in zip(place, self.steps, self.spans, self.gaps, strict=True)
            )
            yield (slice(None), *place), (slice(None), *window)

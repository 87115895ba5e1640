"""What the colours of feature maps stand for: a bar with its two ends."""

from __future__ import annotations

import numpy as np

from ...imaging.colormaps import DIVERGING, SEQUENTIAL


def colour_bar(limit: float | None, *, signed: bool, clipped: float = 0.0) -> str:
    """HTML of a colour bar.

    Args:
        limit: the value of full brightness; None where each map has its own.
        signed: whether zero is in the middle.
        clipped: percent of the values beyond the ends.
    """
    stops = (DIVERGING if signed else SEQUENTIAL)[np.linspace(0, 255, 9).astype(int)]
    colours = ", ".join(f"rgb{tuple(map(int, stop))}" for stop in stops)
    most = "largest of each map" if limit is None else f"{limit:.4g}"
    least = "0" if not signed else f"-{most}" if limit is not None else "its negative"
    zero = ", white is 0" if signed else ""
    said = f"{clipped:.3g} % of the values are beyond the ends" if clipped else "no value is clipped"
    bar = f'<span class="cnnvis-scale" aria-hidden="true" style="background:linear-gradient(90deg,{colours})"></span>'
    return f'<div class="cnnvis-note">{least} {bar} {most}{zero}; {said}</div>'

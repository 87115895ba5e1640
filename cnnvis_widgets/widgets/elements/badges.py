"""What stands below a picture: the badge that says how it was computed, and the bar that explains its colours."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import numpy as np

from ...results import Coverage, OpCoverage

_SWITCHES = {"max_pool", "maxout", "maximum over axes"}

Fact = tuple[str, bool]
"""A few words, and whether they are a warning."""


def badge(coverage: Coverage, seed: str) -> str:
    """HTML of a badge: one mark for each kind of op. Ops that the rule does not cover have a red mark with words.

    Ops for which every rule prescribes the true gradient, such as convolutions, are only in the tooltip.
    """
    return marks([*obeyed(coverage), (f"seed {seed}", False)], str(coverage), coverage.complete)


def obeyed(coverage: Coverage) -> list[Fact]:
    """Why the rule was chosen, if it was, and how each kind of op obeyed it."""
    chosen = f"{coverage.rule} chosen: {coverage.reason}" if coverage.reason else ""
    return [(chosen, False)] + [(_words(op, coverage.rule), not op.covered) for op in coverage.ops]


def marks(facts: Iterable[Fact], tooltip: str = "", complete: bool = True) -> str:
    """HTML of a badge; facts without words are left out. A badge that is not ``complete`` has a style of its own."""
    spans = "".join(_mark(words, warning) for words, warning in facts if words)
    style = "" if complete else " cnnvis-incomplete"
    return f'<div class="cnnvis-badge{style}" title="{escape(tooltip)}">{spans}</div>'


def colour_bar(
    limit: float | None,
    palette: np.ndarray,
    *,
    signed: bool,
    floor: float = 0.0,
    clipped: float = 0.0,
    silent: int = 0,
) -> str:
    """HTML of a colour bar.

    Args:
        limit: the value of full brightness; None where each map has a limit of its own.
        palette: the colour of each level, uint8 (256, 3).
        signed: whether there are negative values; zero is in the middle then.
        floor: the value of the dark end, where there are no negative values.
        clipped: the percentage of values beyond the ends.
        silent: how many maps are plain grey, because they are zero everywhere.
    """
    stops = palette[np.linspace(1, 254, 9).astype(int)]
    colours = ", ".join(f"rgb{tuple(map(int, stop))}" for stop in stops)
    high = "largest of each map" if limit is None else f"{limit:.4g}"
    low = f"{floor:.4g}" if not signed else f"-{high}" if limit is not None else "its negative"
    zero = ", white is 0" if signed else ""
    facts = [f"{clipped:.3g} % of the values are beyond the ends"] if clipped else []
    if silent:
        facts.append("1 map in grey is silent" if silent == 1 else f"{silent} maps in grey are silent")
    said = f"; {'; '.join(facts)}" if facts else ""
    bar = f'<span class="cnnvis-scale" aria-hidden="true" style="background:linear-gradient(90deg,{colours})"></span>'
    return f'<div class="cnnvis-note">{low} {bar} {high}{zero}{said}</div>'


def _mark(words: str, warning: bool) -> str:
    return f'<span class="cnnvis-wrong">⚠ {escape(words)}</span>' if warning else f"<span>{escape(words)}</span>"


def _words(op: OpCoverage, rule: str) -> str:
    kind = op.kind.replace("_", " ")
    if op.treatment == "rule":
        return f"{kind} {op.count}/{op.count} {rule}"
    if op.treatment == "unruled":
        return f"{kind} 0/{op.count} {rule}: true gradient"
    if op.treatment == "unknown":
        return f"{kind} {op.count} unknown: TensorFlow's gradient"
    if op.treatment == "lost":
        return f"{kind} {op.count} lost: not the gradient of its author"
    if op.treatment == "identity":
        return f"{kind} {op.count} skipped"
    if op.treatment == "removed":
        return f"{kind} removed"
    return f"{kind} {op.count}/{op.count} switches" if op.kind in _SWITCHES else ""

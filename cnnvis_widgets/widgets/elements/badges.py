"""The truth badge of a picture: how it was made, which ops obeyed its rule, and what did not hold."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from ...results import Coverage, OpCoverage

Fact = tuple[str, bool]
"""A few words, and whether they are a warning."""


def badge(coverage: Coverage, seed: str) -> str:
    """HTML of a line of marks, each of one kind of op; what the rule does not cover is red and says so in words.

    Ops whose true gradient is what every rule prescribes, such as convolutions, are left to the tooltip.
    """
    return marks([*obeyed(coverage), (f"seed {seed}", False)], str(coverage), coverage.complete)


def obeyed(coverage: Coverage) -> list[Fact]:
    """Which kinds of ops obeyed a rule."""
    return [(_words(op, coverage.rule), op.treatment == "unruled") for op in coverage.ops]


def marks(facts: Iterable[Fact], tooltip: str = "", complete: bool = True) -> str:
    """HTML of a line of marks; empty words are left out. An incomplete line is marked as a whole."""
    shown = "".join(_mark(words, wrong) for words, wrong in facts if words)
    whole = "" if complete else " cnnvis-incomplete"
    return f'<div class="cnnvis-badge{whole}" title="{escape(tooltip)}">{shown}</div>'


def _mark(words: str, wrong: bool) -> str:
    return f'<span class="cnnvis-wrong">⚠ {escape(words)}</span>' if wrong else f"<span>{escape(words)}</span>"


def _words(op: OpCoverage, rule: str) -> str:
    kind = op.kind.replace("_", " ")
    if op.treatment == "rule":
        return f"{kind} {op.count}/{op.count} {rule}"
    if op.treatment == "unruled":
        return f"{kind} 0/{op.count} {rule}: true gradient"
    if op.treatment == "identity":
        return f"{kind} {op.count} skipped"
    if op.treatment == "removed":
        return f"{kind} removed"
    return f"{kind} {op.count}/{op.count} switches" if op.kind == "max_pool" else ""

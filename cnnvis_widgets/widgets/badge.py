"""The truth badge of a reconstruction: which ops obeyed its rule, and which did not."""

from __future__ import annotations

from html import escape

from ..results import Coverage, OpCoverage


def badge(coverage: Coverage, seed: str) -> str:
    """HTML of a line of marks, each of one kind of op; what the rule does not cover is red and says so in words.

    Ops whose true gradient is what every rule prescribes, such as convolutions, are left to the tooltip.
    """
    said = [(_words(op, coverage.rule), op.treatment == "unruled") for op in coverage.ops]
    marks = "".join(_mark(words, wrong) for words, wrong in [*said, (f"seed {seed}", False)] if words)
    whole = "" if coverage.complete else " cnnvis-incomplete"
    return f'<div class="cnnvis-badge{whole}" title="{escape(str(coverage))}">{marks}</div>'


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

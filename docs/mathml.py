"""Formulas as MathML, which browsers set by themselves: no script, no network, and screen readers can read them."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert


def of(latex: str, *, display: str) -> str:
    """A formula as MathML, with its source for those who copy it.

    Example:
        >>> of("x", display="inline").startswith('<math')
        True
    """
    html: str = convert(latex.strip(), display=display)
    return html


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(of(node.astext(), display="inline"))
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="formula" tabindex="0">{of(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Make this the way in which Sphinx writes formulas."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

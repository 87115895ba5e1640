"""A directive that lists the traits of the explorer's state from the code and its docstrings.

::

    .. explorer-state::
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from traitlets import Enum, TraitType, Undefined

from cnnvis_widgets.widgets.views.registry import FullState

HEAD = [".. list-table::", "   :header-rows: 1", "   :widths: 20 18 62", ""]


def rows() -> list[tuple[str, str, str]]:
    """(name, default, what it is) of every trait, in the order of the alphabet.

    Example:
        >>> {name: default for name, default, _ in rows()}["rule"]
        "'auto'"
        >>> {name: what for name, _, what in rows()}["family"]
        'which layers the menu lists, a key of ``FAMILY_FILTERS``.'
    """
    known = descriptions()
    traits = sorted(FullState.class_traits().items())
    return [(name, _default(trait), known.get(name, "") + _choices(trait)) for name, trait in traits]


def descriptions() -> dict[str, str]:
    """What the docstrings of the state's classes say of each attribute."""
    found: dict[str, str] = {}
    for part in FullState.__mro__:
        section = re.search(r"^Attributes:\n((?:    .*\n|\n)+)", f"{inspect.cleandoc(part.__doc__ or '')}\n", re.M)
        for names, text in re.findall(
            r"^    (\w[\w, ]*): ((?:.*\n(?=     )|.*$)+)", section[1] if section else "", re.M
        ):
            for name in names.split(", "):
                found.setdefault(name, " ".join(text.split()))
    return found


def _default(trait: TraitType) -> str:
    value = trait.default_value
    return "" if value is Undefined or callable(value) else repr(round(value, 4) if isinstance(value, float) else value)


def _choices(trait: TraitType) -> str:
    return f" One of {', '.join(f'``{value!r}``' for value in trait.values)}." if isinstance(trait, Enum) else ""


class ExplorerState(SphinxDirective):
    """The table."""

    def run(self) -> list[nodes.Node]:
        """Write the table as a list-table and let Sphinx read it."""
        lines = [*HEAD, "   * - trait", "     - default", "     - what it is"]
        for name, default, about in rows():
            lines += [f"   * - ``{name}``", f"     - ``{default}``" if default else "     -", f"     - {about}"]
        node = nodes.Element()
        self.state.nested_parse(StringList(lines, "explorer-state"), self.content_offset, node)
        return list(node.children)


def setup(app: Any) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("explorer-state", ExplorerState)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

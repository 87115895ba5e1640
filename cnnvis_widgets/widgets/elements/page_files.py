"""Scripts and style sheets of the page, which lie beside the modules of their widgets."""

from __future__ import annotations

from pathlib import Path


def page_files(module: str, *names: str) -> str:
    """The texts of files beside a module, one after the other.

    Anywidget would take a path, too. It would then watch that file for every widget, and keep each of them alive.

    Args:
        module: its ``__file__``.
        names: of the files.

    Example:
        >>> "focus" in page_files(__file__, "canvas.css")
        True
    """
    return "\n".join(Path(module).with_name(name).read_text("utf-8") for name in names)

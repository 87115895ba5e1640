"""How a card looks."""

from __future__ import annotations

from pathlib import Path

import anywidget


class CardStyle(anywidget.AnyWidget):
    """Brings the style of cards to the page; it shows nothing."""

    _esm = "export default { render({ el }) { el.style.display = 'none'; } };"
    _css = Path(__file__).with_name("card.css")

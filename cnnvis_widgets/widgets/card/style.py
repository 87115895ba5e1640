"""How a card looks."""

from __future__ import annotations

import anywidget

from ..elements.page_files import page_files


class CardStyle(anywidget.AnyWidget):
    """Brings the style of cards to the page; it shows nothing."""

    _esm = "export default { render({ el }) { el.style.display = 'none'; } };"
    _css = page_files(__file__, "card.css")

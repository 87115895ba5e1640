"""Cards that stay on the screen while others are looked at."""

from __future__ import annotations

import ipywidgets as w

from ..elements.controls import button, row, text
from ..elements.shared_layouts import create, shared
from ..state.cards import Address, CardTraits
from ..state.fed_images import FedImages
from .face import CardFace
from .facts import CardFacts
from .figures import Colouring, Subject
from .idle_dreams import KeptDream, kept_dream


class PinnedCards(w.VBox):
    """The pinned cards below each other, each with the pictures that the chosen card has, for the same image.

    Args:
        state: has their addresses.
        fed_images: the network and its images.

    Attributes:
        faces: what each shows, by 'layer[channel]'.
    """

    def __init__(self, state: CardTraits, fed_images: FedImages) -> None:
        self._state, self._fed_images = state, fed_images
        self.faces: dict[str, CardFace] = {}
        self._cards: dict[str, w.VBox] = {}
        super().__init__(layout=shared(w.Layout, min_width="0"))
        state.observe(self._name_again, "channel_names")

    def arrange(self) -> None:
        """Have a card for each pinned channel, in their order."""
        wanted = self._state.pinned_cards
        for address in wanted:
            if address not in self.faces:
                self.faces[address] = CardFace(self._state, f"pinned-{address}", lambda unit: None)
                self._cards[address] = self._card(address)
                self._name(address)
        for address in [address for address in self.faces if address not in wanted]:
            del self.faces[address], self._cards[address]
        title = create(w.HTML, value=text("Pinned cards, for the same image"))
        self.children = [title, *(self._cards[address] for address in wanted)] if wanted else []

    def show(self, address: str, facts: CardFacts, image: int, colouring: Colouring) -> None:
        """Show what is known of a pinned channel."""
        face = self.faces.get(address)
        if face is not None:
            face.show(Subject.of(facts, self._fed_images, image), colouring)
            dream = kept_dream(facts.fed_layer, facts.channel)
            face.show_dream(dream or KeptDream(None, reason="Open this card to dream of it."))

    def _card(self, address: str) -> w.VBox:
        face = self.faces[address]
        opened = button("Open", lambda: self._open(address), "Choose this layer and channel")
        unpinned = button("Unpin", lambda: self._unpin(address), "Take this card off the screen")
        bar = row(face.title, opened, unpinned)
        bar.add_class("cnnvis-card-bar")
        card: w.VBox = create(w.VBox, [bar, face.grid], layout={"min_width": "0"})
        card.add_class("cnnvis-pinned")
        return card

    def _open(self, address: str) -> None:
        layer, channel = Address.of(address)
        self._state.layer = layer
        self._state.channel = channel

    def _unpin(self, address: str) -> None:
        self._state.pinned_cards = tuple(each for each in self._state.pinned_cards if each != address)

    def _name_again(self, change: object) -> None:
        for address in self.faces:
            self._name(address)

    def _name(self, address: str) -> None:
        at = Address.of(address)
        self.faces[address].show_title(at, self._state.channel_name(*at))

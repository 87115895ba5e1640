"""What a view asks the network: one target of one of its heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...results import Target


@dataclass(frozen=True)
class Question:
    """A target of a head.

    Attributes:
        target: the class, or ``None`` in it for the one that the network is surest of, and where.
        scores: the name of the head; ``None`` for the main one.
    """

    target: Target
    scores: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Keywords of the methods that take a head."""
        return {} if self.scores is None else {"scores": self.scores}

    @property
    def where(self) -> Target:
        """The same place, of any class."""
        return Target(place=self.target.place, region=self.target.region)

    def code(self) -> str:
        """Python that gives the target as people write it.

        Example:
            >>> Question(Target(3)).code(), Question(Target(3, place=(1, 2))).code()
            ('3', 'cnnvis_widgets.Target(3, place=(1, 2))')
        """
        channel, where = self.target.channel, self._where_text()
        if not where:
            return repr(channel)
        first = "" if channel is None else f"{channel!r}, "
        return f"cnnvis_widgets.Target({first}{where})"

    def where_code(self) -> str:
        """Python of the keyword ``target`` for calls that compare predictions; '' for the whole image."""
        where = self._where_text()
        return f", target=cnnvis_widgets.Target({where})" if where else ""

    def _where_text(self) -> str:
        place, region = self.target.place, self.target.region
        if region is not None:
            return f"region={region!r}"
        return "" if place is None else f"place={place!r}"

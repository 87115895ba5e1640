"""Which class a view explains, and by which layer: shared by attribution, occlusion and class sensitivity."""

from __future__ import annotations

import ipywidgets as w
import traitlets as t

from ..elements.controls import dropdown
from ..state.explorer_state import ExplorerState
from ..state.questions import Question

NO_HEAD = "The network returns no class scores or other values that could be explained."


class ExplanationTraits(ExplorerState):
    """The class that is explained.

    Attributes:
        explained: the 'best' class, of which the network is surest, or the 'chosen' one, ``target``.
        at_layer: whether Grad-CAM weighs the maps of ``layer``, and occlusion follows its strongest map; if not,
            both take the last layer before the scores that has a height and a width.
    """

    explained = t.Enum(("best", "chosen"), "best")
    at_layer = t.Bool(False)

    def choose_class(self, number: int) -> None:
        super().choose_class(number)
        self.explained = "chosen"


def explained_class(state: ExplanationTraits) -> int | None:
    """The class that is explained; None for the one that the network is surest of."""
    return state.target if state.explained == "chosen" else None


def question(state: ExplanationTraits) -> Question:
    """The class that is explained, with its head and place."""
    return state.question(explained_class(state))


def explains_another_class(state: ExplanationTraits, trait: str) -> bool:
    """Whether a change of this trait is the choice of another class to explain."""
    return trait in ("explained", "head", "place") or (trait == "target" and state.explained == "chosen")


def target_code(state: ExplanationTraits) -> str:
    """Python that defines ``target``."""
    return f"target = {question(state).code()}"


def explained_menu(state: ExplanationTraits) -> w.Dropdown:
    """The menu for the class to explain."""
    choices = [("what the network is surest of", "best"), ("the chosen class", "chosen")]
    return dropdown(state, "explained", "Explain", choices, tooltip="The class that is asked about", width="290px")

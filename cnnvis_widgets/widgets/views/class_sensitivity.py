"""The class-sensitivity meter: whether pictures of a rule depend on what is asked, in two numbers."""

from __future__ import annotations

from ...engine.attribution.sanity_checks import sensitivity
from ...errors import CnnvisError
from ...results import Sensitivity
from ..elements.badges import Fact, marks
from ..elements.controls import text
from ..jobs.computations import RESULTS
from ..state.explorer_state import ExplorerState
from ..state.fed_images import Where

HIGH = 0.9
"""A correlation from which the badge warns: the picture is hardly another one for another class."""


def measured(where: Where, rule: str, target: int | None) -> Sensitivity | CnnvisError:
    """The meter of a rule on an image, for a class or, with None, the most probable one; or why there is none: a
    network without classes has no such number."""
    network, feed, key, _ = where
    about = network, key, "sensitivity", rule, target
    kept: Sensitivity | CnnvisError | None = RESULTS.get(about)
    if kept is None:
        try:
            kept = sensitivity(network, feed, rule=rule, target=target)
        except CnnvisError as error:
            kept = error
        RESULTS.put(about, kept, 1000)
    return kept


def meter(found: Sensitivity | CnnvisError, state: ExplorerState) -> str:
    """HTML of the meter."""
    if isinstance(found, CnnvisError):
        return text(f"No class sensitivity: {found}")
    names = [state.classes[number] if number < len(state.classes) else str(number) for number in found.classes[0]]
    facts = [
        (f"class sensitivity by {found.rule}, for {names[0]}, not for this map", False),
        _fact(float(found.rival[0]), f"as for {names[1]}"),
        _fact(float(found.randomised[0]), "as with a shuffled top layer"),
    ]
    return marks(facts, "Correlations of the class's picture; near 1 it shows the image, whatever is asked")


def _fact(correlation: float, what: str) -> Fact:
    return f"{what}: correlation {correlation:.2f}", correlation >= HIGH

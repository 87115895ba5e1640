"""Class sensitivity: whether the pictures of a rule depend on the class, in two numbers below the reconstructions."""

from __future__ import annotations

from ...engine.attribution.sanity_checks import sensitivity
from ...errors import CnnvisError
from ...results import Sensitivity
from ..elements.badges import marks
from ..elements.controls import text
from ..jobs.computations import RESULTS
from ..state.explorer_state import ExplorerState
from ..state.fed_images import FedLayer
from ..state.questions import Question

HIGH = 0.9
"""A correlation from which the pictures of two classes are called hardly different."""

_BYTES = 1000  # of a result in the cache


def measure(fed_layer: FedLayer, rule: str, question: Question) -> Sensitivity | CnnvisError:
    """Measure the class sensitivity of a rule on an image, for a class.

    Returns:
        The result; the error where there is none, as for a network without classes.
    """
    network, feed, key, _ = fed_layer
    about = network, key, "sensitivity", rule, question
    result: Sensitivity | CnnvisError | None = RESULTS.get(about)
    if result is None:
        try:
            result = sensitivity(network, feed, rule=rule, target=question.target, **question.options)
        except CnnvisError as error:
            result = error
        RESULTS.put(about, result, _BYTES)
    return result


def sensitivity_badge(result: Sensitivity | CnnvisError, state: ExplorerState) -> str:
    """HTML of a badge with both numbers and what they mean, or of the reason why there are none.

    High correlations are no fault of the network or the picture: some rules have them always.
    """
    if isinstance(result, CnnvisError):
        return text(f"No class sensitivity: {result}")
    name, rival = (state.class_name(number) for number in result.classes[0])
    correlations = float(result.rival[0]), float(result.randomised[0])
    words = [
        f"class sensitivity by {result.rule}, for {name}, not for this map",
        f"as for {rival}: correlation {correlations[0]:.2f}",
        f"as with a shuffled top layer: correlation {correlations[1]:.2f}",
    ]
    tooltip = "Correlations of the class's picture; near 1 the picture hardly depends on the class"
    return marks([(each, False) for each in words], tooltip) + text(_meaning(result.rule, *correlations))


def _meaning(rule: str, rival: float, randomised: float) -> str:
    """What the correlations say of the pictures of a rule; '' where one is NaN."""
    if rival >= HIGH:
        return f"By {rule}, a picture hardly depends on the class: it shows what the network sees, not why it decides."
    if randomised >= HIGH:
        return f"By {rule}, a picture depends on the class, but hardly on what the top layer has learned."
    return f"By {rule}, a picture depends on the class." if rival < HIGH and randomised < HIGH else ""

"""All views, and the state with all their traits.

A new view is a module beside this one and a line in ``VIEWS``, and one in ``FullState`` if it has traits of its own.
"""

from __future__ import annotations

from ..state.cards import CardTraits
from ..state.surveys import SurveyTraits
from .activations import ActivationsTraits, ActivationsView
from .attention import AttentionTraits, AttentionView
from .attribution import AttributionTraits, AttributionView
from .comparison import ComparisonTraits, ComparisonView
from .deconvolution import DeconvolutionTraits, DeconvolutionView
from .dream import DreamTraits, DreamView
from .intervention import InterventionTraits, InterventionView
from .method_wall import MethodWallView
from .mistakes import MistakesView
from .occlusion import OcclusionTraits, OcclusionView
from .view import View

VIEWS: tuple[type[View], ...] = (
    ActivationsView,
    DeconvolutionView,
    AttributionView,
    AttentionView,
    OcclusionView,
    MethodWallView,
    InterventionView,
    ComparisonView,
    MistakesView,
    DreamView,
)
"""In the order of their buttons; the first one is shown when an explorer opens."""


class FullState(
    ActivationsTraits,
    DeconvolutionTraits,
    AttributionTraits,
    AttentionTraits,
    OcclusionTraits,
    InterventionTraits,
    ComparisonTraits,
    DreamTraits,
    CardTraits,
    SurveyTraits,
):
    """The whole state of a ``ModelExplorer``: the traits that all views share and those of every view.

    ``help(explorer.state)`` lists them, each class with its own.
    """

    methods = tuple(view.name for view in VIEWS)

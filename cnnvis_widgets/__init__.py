"""Look inside any TensorFlow CNN, live, in a notebook.

``ModelExplorer(graph, feed)`` opens the explorer; ``load``, ``activations``, ``reconstruct`` and
``dream`` give the same results as arrays. Importing this package imports nothing heavy: each
public name loads its module when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .extras import missing
from .methods import METHODS

__version__ = "0.1.0"

_HOME = {method.function: method.module for method in METHODS.values()} | {
    "DreamControls": "engine.dreaming.steering",
    "DreamOptions": "engine.dreaming.options",
    "Exercise": "widgets.exercises.exercise",
    "ExerciseSheet": "widgets.exercises.sheets",
    "ModelExplorer": "widgets.explorer",
    "Network": "engine.network.network",
    "Question": "widgets.exercises.questions",
    "ReceptiveField": "engine.ops.windows",
    "Survey": "surveys.survey",
    "SurveyOptions": "surveys.options",
    "Target": "results",
    "WatchTraining": "widgets.watch_training",
    "activation_visualization": "legacy",
    "average_drop": "engine.attribution.perturbation",
    "channel_evidence": "engine.attribution.predictions",
    "convert_into_grid": "imaging.tf_cnnvis",
    "deconv_visualization": "legacy",
    "deepdream_visualization": "legacy",
    "demo": "demo",
    "deletion": "engine.attribution.perturbation",
    "errors": "errors",
    "image_normalization": "imaging.tf_cnnvis",
    "insertion": "engine.attribution.perturbation",
    "invariance": "surveys.invariance",
    "limit_memory": "engine.runtime.budget",
    "load": "engine.network.loading",
    "objectives": "engine.dreaming.objectives",
    "occlude": "engine.attribution.occluder",
    "occlusion_steps": "engine.attribution.occlusion",
    "parameterizations": "engine.dreaming.parameterizations",
    "predict": "engine.attribution.predictions",
    "recreate": "outputs.provenance",
    "results": "results",
    "rules": "engine.backward.rules",
    "sensitivity": "engine.attribution.sanity_checks",
    "stream": "surveys.streams",
    "survey": "surveys.run",
    "transforms": "engine.dreaming.transforms",
    "write_animation": "outputs.animation",
    "write_html": "outputs.html",
    "write_mistakes_page": "outputs.mistake_pages",
    "write_survey_page": "outputs.survey_pages",
    "zoom": "engine.dreaming.zoom",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from . import demo, errors, results
    from .engine.activations import activations
    from .engine.attention.flow import attention_relevance, attention_rollout
    from .engine.attention.maps import attention_maps
    from .engine.attribution.grad_cam import grad_cam, grad_cam_plus_plus, hires_cam, layer_cam
    from .engine.attribution.gradient_times_input import gradient_times_input
    from .engine.attribution.integrated_gradients import integrated_gradients
    from .engine.attribution.intervention import intervene
    from .engine.attribution.method_wall import method_wall
    from .engine.attribution.occluder import occlude
    from .engine.attribution.occlusion import occlusion, occlusion_steps
    from .engine.attribution.perturbation import average_drop, deletion, insertion
    from .engine.attribution.predictions import channel_evidence, predict
    from .engine.attribution.sanity_checks import sensitivity
    from .engine.attribution.score_cam import score_cam
    from .engine.attribution.smooth_grad import smooth_grad
    from .engine.backward import rules
    from .engine.dreaming import objectives, parameterizations, transforms
    from .engine.dreaming.dream import dream
    from .engine.dreaming.options import DreamOptions
    from .engine.dreaming.steering import DreamControls
    from .engine.dreaming.zoom import zoom
    from .engine.network.loading import load
    from .engine.network.network import Network
    from .engine.ops.windows import ReceptiveField
    from .engine.reconstruction.reconstruct import reconstruct
    from .engine.runtime.budget import limit_memory
    from .imaging.tf_cnnvis import convert_into_grid, image_normalization
    from .legacy import activation_visualization, deconv_visualization, deepdream_visualization
    from .outputs.animation import write_animation
    from .outputs.html import write_html
    from .outputs.mistake_pages import write_mistakes_page
    from .outputs.provenance import recreate
    from .outputs.survey_pages import write_survey_page
    from .results import Target
    from .surveys.invariance import invariance
    from .surveys.options import SurveyOptions
    from .surveys.run import survey
    from .surveys.streams import stream
    from .surveys.survey import Survey
    from .widgets.exercises.exercise import Exercise
    from .widgets.exercises.questions import Question
    from .widgets.exercises.sheets import ExerciseSheet
    from .widgets.explorer import ModelExplorer
    from .widgets.watch_training import WatchTraining


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f".{_HOME[name]}", __name__)
    except ModuleNotFoundError as error:
        raise (missing(error) or error) from error
    value = getattr(module, name, module)  # some public names are modules
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

"""Look inside any TensorFlow CNN, live, in a notebook.

``ModelExplorer(graph, feed)`` opens the explorer; ``load``, ``activations``, ``reconstruct`` and
``dream`` give the same results as arrays. Importing this package imports nothing heavy: each
public name loads its module when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "DreamControls": "engine.dream_controls",
    "Exercise": "widgets.exercise",
    "ModelExplorer": "widgets.explorer",
    "Network": "engine.network",
    "ReceptiveField": "engine.receptive_field",
    "WatchTraining": "widgets.training",
    "activation_visualization": "legacy",
    "activations": "engine.activations",
    "channel_evidence": "engine.predictions",
    "convert_into_grid": "legacy",
    "deconv_visualization": "legacy",
    "deepdream_visualization": "legacy",
    "demo": "demo",
    "dream": "engine.dream",
    "errors": "errors",
    "grad_cam": "engine.attribution",
    "image_normalization": "legacy",
    "integrated_gradients": "engine.attribution",
    "intervene": "engine.predictions",
    "load": "engine.loading",
    "objectives": "engine.objectives",
    "occlude": "engine.occlusion",
    "occlusion": "engine.occlusion",
    "occlusion_steps": "engine.occlusion",
    "parameterizations": "engine.parameterizations",
    "predict": "engine.predictions",
    "reconstruct": "engine.reconstruction",
    "recreate": "outputs.provenance",
    "results": "results",
    "rules": "engine.rules",
    "sensitivity": "engine.sensitivity",
    "smooth_grad": "engine.attribution",
    "transforms": "engine.transforms",
    "write_animation": "outputs.animation",
    "write_html": "outputs.html",
    "zoom": "engine.zoom",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from . import demo, errors, results
    from .engine import objectives, parameterizations, rules, transforms
    from .engine.activations import activations
    from .engine.attribution import grad_cam, integrated_gradients, smooth_grad
    from .engine.dream import dream
    from .engine.dream_controls import DreamControls
    from .engine.loading import load
    from .engine.network import Network
    from .engine.occlusion import occlude, occlusion, occlusion_steps
    from .engine.predictions import channel_evidence, intervene, predict
    from .engine.receptive_field import ReceptiveField
    from .engine.reconstruction import reconstruct
    from .engine.sensitivity import sensitivity
    from .engine.zoom import zoom
    from .legacy import (
        activation_visualization,
        convert_into_grid,
        deconv_visualization,
        deepdream_visualization,
        image_normalization,
    )
    from .outputs.animation import write_animation
    from .outputs.html import write_html
    from .outputs.provenance import recreate
    from .widgets.exercise import Exercise
    from .widgets.explorer import ModelExplorer
    from .widgets.training import WatchTraining


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f".{_HOME[name]}", __name__)
    value = getattr(module, name, module)  # some public names are modules
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

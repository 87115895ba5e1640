"""What of a network and its input the views need, and what to say where it is not there."""

from __future__ import annotations

from ...errors import GradientError
from ...results import Layer
from .explorer_state import ExplorerState


def no_gradient(state: ExplorerState) -> str:
    """Why no layer passes a gradient to the image input; '' for inputs of floating point."""
    runtime = state.network.runtime
    if runtime.layout.dtype.is_floating or not state.network.layers:
        return ""
    try:
        runtime.require_gradient(state.network.layers[-1])
    except GradientError as error:
        return str(error)
    return ""


def has_axes_of_image(state: ExplorerState, layer: Layer) -> bool:
    """Whether maps of a layer can be enlarged to the image: they have a height and a width if it has."""
    return len(layer.spatial_shape) == len(state.network.runtime.layout.picture_shape) - 1

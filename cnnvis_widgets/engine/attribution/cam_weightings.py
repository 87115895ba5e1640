"""Grad-CAM and its relatives as formulas: feature maps and the gradients there become one map.

All four compute the maps A and the gradients G of a score at a layer, and differ only in how the gradients weigh the
maps. Every function takes ``maps`` and ``gradients``, both (rows, any spatial axes, channels), and returns
(rows, spatial axes). In the formulas k is a channel, i a place, S the score, and G = dS/dA.

References:
    [1] R. R. Selvaraju et al., "Grad-CAM", ICCV 2017, DOI 10.1109/ICCV.2017.74.
    [2] A. Chattopadhay et al., "Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep Convolutional
        Networks", WACV 2018, DOI 10.1109/WACV.2018.00097.
    [3] R. L. Draelos and L. Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional
        neural networks", 2020, arXiv 2011.08891.
    [4] P.-T. Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE Transactions
        on Image Processing 30, 2021, DOI 10.1109/TIP.2021.3089943.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from ...errors import LayerError

Weighting = Callable[[np.ndarray, np.ndarray], np.ndarray]


def grad_cam(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Weigh each map by its mean gradient [1]: max(0, sum_k mean_i(G_ik) A_k)."""
    weights = gradients.mean(axis=_places(maps), keepdims=True)
    return np.maximum((weights * maps).sum(axis=-1), 0)


def grad_cam_plus_plus(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Weigh each map by a sum of its positive gradients, which counts each place by itself [2].

    The weight of map k is sum_i alpha_ik max(0, dY/dA_ik) with Y = exp(S) and, where S is piecewise linear in the maps,
    alpha_ik = G_ik^2 / (2 G_ik^2 + G_ik^3 sum_j A_jk), which is 1 / (2 + G_ik sum_j A_jk). The factor exp(S) of all
    weights is left out, because it overflows for large scores and changes nothing but the scale of the map.

    Raises:
        LayerError: the denominator of an alpha is not positive, so that the weights have no meaning. It is positive
            if no value of the maps is negative.
    """
    places, positive = _places(maps), np.maximum(gradients, 0)
    denominators = 2 + positive * maps.sum(axis=places, keepdims=True)
    if not (denominators > 0).all():
        raise LayerError(
            "Expected feature maps whose sums are positive, or hardly negative, as Grad-CAM++ divides by them. "
            f"Received: maps with a denominator of {denominators.min():.3g}. Choose the layer after the activation "
            "function, or another method."
        )
    weights = (positive / denominators).sum(axis=places, keepdims=True)
    return np.maximum((weights * maps).sum(axis=-1), 0)


def hires_cam(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Weigh each value by its own gradient [3]: sum_k G_ik A_ik, signed."""
    return (gradients * maps).sum(axis=-1)


def layer_cam(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Weigh each value by its own gradient where that is positive [4]: max(0, sum_k max(0, G_ik) A_ik)."""
    return np.maximum((np.maximum(gradients, 0) * maps).sum(axis=-1), 0)


WEIGHTINGS: Mapping[str, Weighting] = MappingProxyType(
    {
        "grad_cam": grad_cam,
        "grad_cam_plus_plus": grad_cam_plus_plus,
        "hires_cam": hires_cam,
        "layer_cam": layer_cam,
    }
)
"""By the name of the method."""


def _places(maps: np.ndarray) -> tuple[int, ...]:
    return tuple(range(1, maps.ndim - 1))

"""The results of all methods: frozen dataclasses of names, numbers and NumPy arrays.

Nothing here runs a network, draws or writes. Axes are always in the order
(image, height, width, channel); a signal has one length instead of height and width, a volume has
(depth, height, width), and a dense layer has no spatial axis at all.
"""

from .arithmetic import ArithmeticStep, UnitArithmetic
from .attribution import (
    AttentionMaps,
    Attribution,
    AverageDrop,
    MethodWall,
    Occlusion,
    PerturbationCurve,
    Sensitivity,
    WallTile,
)
from .dreams import DreamStep
from .heads import MEANINGS, Head, Intervention, Occluded, Predictions, Target
from .layers import FAMILIES, FeatureMaps, Layer, TensorInfo
from .reconstruction import Coverage, OpCoverage, Reconstruction
from .surveys import (
    Concept,
    Concepts,
    Evidence,
    Invariance,
    Mistake,
    Mistakes,
    Patch,
    StreamedBatch,
    StrongestPatches,
    Unread,
)

__all__ = [
    "FAMILIES",
    "MEANINGS",
    "ArithmeticStep",
    "AttentionMaps",
    "Attribution",
    "AverageDrop",
    "Concept",
    "Concepts",
    "Coverage",
    "DreamStep",
    "Evidence",
    "FeatureMaps",
    "Head",
    "Intervention",
    "Invariance",
    "Layer",
    "MethodWall",
    "Mistake",
    "Mistakes",
    "Occluded",
    "Occlusion",
    "OpCoverage",
    "Patch",
    "PerturbationCurve",
    "Predictions",
    "Reconstruction",
    "Sensitivity",
    "StreamedBatch",
    "StrongestPatches",
    "Target",
    "TensorInfo",
    "UnitArithmetic",
    "Unread",
    "WallTile",
]

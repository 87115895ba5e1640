"""Why a picture is empty, and what lies below a layer: the value before the clip, and the input of its last linear ops.

A reconstruction can be exactly zero although its unit fires. The gradient of a ReLU6 is zero at 6. And a unit can be
on by its bias alone, with nothing but zeros in the window that it sees of the layer below.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import tensorflow as tf

from ...results import Layer
from ..graph.graphdef import data_inputs, node_of, tensor_of
from ..graph.receptive_field import seen_by
from ..graph.structure import Structure
from ..network.channels import channels_last
from ..network.feeds import Feeds
from ..network.runtime import Runtime
from ..ops.specs import OPS, is_linear
from ..ops.windows import ReceptiveField

CLIPPED = ("relu6", "clipped_relu", "clipped_leaky_relu")
"""The kinds of layers that saturate at a ceiling, where the rule follows the gradient."""

ENDS = {"sigmoid": 1.0, "tanh": 1.0, "hard_sigmoid": 1.0}
"""Where other kinds of layers saturate under every rule."""

_MOST_UNITS = 512  # of a channel that are looked at
_RANKS = (0, 1, 3, 7, 15)  # neighbours mostly have the same fate

INACTIVE = "the unit is not active: its value is zero"
SATURATED = "gradient is zero: the unit is saturated"
SILENT_INPUT = "fires most where its input is zero: nothing to project"
BLOCKED = "the rule lets no signal of this unit through to the image"


def entering(structure: Structure, layer: Layer) -> str:
    """The tensor that enters a layer's activation function; the layer's own tensor if it is none."""
    name = node_of(layer.tensor)
    if name in structure.composites:
        return structure.composites[name].input
    node = structure.nodes[name]
    is_activation = node.op in OPS and OPS[node.op].family == "r"
    return tensor_of(node.input[0]) if is_activation else layer.tensor


def before_the_clip(runtime: Runtime, layer: Layer, feeds: Feeds) -> np.ndarray:
    """What enters the activation function of a layer, for one image: float32 (height, width, channels)."""
    (values,) = runtime.run(feeds, [entering(runtime.structure, layer)])
    return channels_last(values, layer)[0]


def break_ties(runtime: Runtime, layer: Layer, feeds: Feeds, values: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Of units that share the largest value of their map, choose the one with the largest value before the clip.

    Args:
        runtime: of the network.
        layer: where the units are; other layers than those of ``CLIPPED`` have no ties to break.
        feeds: of one image.
        values: (height, width, channels), the layer's values.
        units: int (channels, spatial axes), the first of the strongest units of each channel.

    Returns:
        The units, of which only those on maps with ties at the ceiling may be others.
    """
    if layer.kind not in CLIPPED or values.ndim < 2:
        return units
    *spatial, channels = values.shape
    rows = values.reshape(-1, channels)
    strongest = rows == rows.max(axis=0)
    tied = (strongest.sum(axis=0) > 1) & (rows.max(axis=0) > 0)
    if not tied.any():
        return units
    entered = before_the_clip(runtime, layer, feeds).reshape(-1, channels)
    places = np.where(strongest, entered, -np.inf).argmax(axis=0)
    return np.where(tied[:, None], np.stack(np.unravel_index(places, spatial), -1), units)


@dataclass(frozen=True)
class _Source:
    """What a layer's last linear ops take in.

    Attributes:
        tensor: its name.
        channelwise: whether each channel of the layer depends on the same channel of it only.
    """

    tensor: str
    channelwise: bool


def _source(structure: Structure, layer: Layer) -> _Source:
    """Walk down from a layer's activation function over linear ops with one input that depends on the image."""
    tensor, channelwise = entering(structure, layer), True
    while True:
        node = structure.nodes[node_of(tensor)]
        spec = OPS.get(node.op)
        inputs = data_inputs(node)
        varying = [place for place, name in enumerate(inputs) if node_of(name) in structure.varying]
        ends = spec is None or len(varying) != 1 or spec.family == "p" or node.name in structure.composites
        if ends or spec is None or not is_linear(node, varying):
            return _Source(tensor, channelwise)
        channelwise &= spec.channelwise or node.op == "DepthwiseConv2dNative" or spec.pointwise
        tensor = tensor_of(inputs[varying[0]])


@dataclass(frozen=True, eq=False)
class EmptyPictures:
    """Tells why pictures of one image are empty, and which other units may have something to show.

    Attributes:
        runtime: of the network.
        layer: where signals started.
        feeds: of one image.
        rule: of the pictures.
        values: (height, width, channels), the layer's values.
    """

    runtime: Runtime
    layer: Layer
    feeds: Feeds
    rule: str
    values: np.ndarray

    def reason(self, channel: int, unit: np.ndarray) -> str:
        """Why the picture of a unit is empty; of a whole map, where the unit is -1."""
        value = _at(self.values, unit, channel)
        if not value.any():
            return INACTIVE
        if _at(self._saturated, unit, channel)[value != 0].all():
            return SATURATED
        return SILENT_INPUT if self._sees_nothing(channel, unit) else BLOCKED

    def next_units(self, channel: int, unit: np.ndarray) -> list[tuple[int, ...]]:
        """Active units of a channel that may have a picture, strong to weak; not all of them after the first few."""
        spatial = self.values.shape[:-1]
        if not spatial:
            return []
        candidates = np.where(self._saturated[..., channel], 0, self.values[..., channel]).ravel()
        ranked = np.argsort(-candidates, kind="stable")[:_MOST_UNITS]
        places = [tuple(map(int, np.unravel_index(index, spatial))) for index in ranked if candidates[index] > 0]
        seeing = [
            place for place in places if place != tuple(unit) and not self._sees_nothing(channel, np.array(place))
        ]
        return [seeing[rank] for rank in _RANKS if rank < len(seeing)]

    @cached_property
    def _saturated(self) -> np.ndarray:
        """Where the layer's activation function sends nothing back although it is active."""
        if self.layer.kind in ENDS:
            return np.abs(self.values) >= ENDS[self.layer.kind]
        if self.layer.kind not in CLIPPED or self.rule != "gradient":
            return np.zeros(self.values.shape, bool)
        if self.layer.kind == "relu6":  # at exactly 6 its gradient is zero, too
            return self.values >= 6
        return (before_the_clip(self.runtime, self.layer, self.feeds) > self.values) & (self.values > 0)

    @cached_property
    def _below(self) -> _Below:
        """What enters the layer's last linear ops."""
        structure = self.runtime.structure
        source = _source(structure, self.layer)
        (values,) = self.runtime.run(self.feeds, [source.tensor])
        axis = structure.axes.get(node_of(source.tensor), values.ndim - 1)
        spec = tf.TensorSpec([None, *values.shape[1:]], values.dtype)
        field = None
        if values.ndim == len(self.layer.shape) == 4 and (axis == 1) == (self.layer.channel_axis == 1):
            graph_def, layer_input = structure.graph_def, entering(structure, self.layer)
            field = seen_by(graph_def, source.tensor, spec, layer_input, axis == 1)
        maps = np.moveaxis(values, axis, -1)[0]
        return _Below(maps, field, source.channelwise and maps.shape[-1] == self.layer.channels)

    def _sees_nothing(self, channel: int, unit: np.ndarray) -> bool:
        return not self._below.window(tuple(unit), channel).any()


@dataclass(frozen=True, eq=False)
class _Below:
    """What enters the last linear ops of a layer.

    Attributes:
        maps: (height, width, channels).
        field: what a unit of the layer sees of them, if that is known.
        channelwise: whether a channel of the layer sees the same channel only.
    """

    maps: np.ndarray
    field: ReceptiveField | None
    channelwise: bool

    def window(self, unit: tuple[int, ...], channel: int) -> np.ndarray:
        """The part of the maps that a unit sees, as far as that is known."""
        maps = self.maps[..., channel : channel + 1] if self.channelwise else self.maps
        if self.field is None or any(place < 0 for place in unit):
            return maps
        return maps[tuple(slice(max(side.start, 0), max(side.stop, 0)) for side in self.field.window(unit))]


def _at(values: np.ndarray, unit: np.ndarray, channel: int) -> np.ndarray:
    """The value of a channel at a unit, as an array; all its values if the seed is the whole map."""
    chosen = values[..., channel]
    return chosen if (unit < 0).any() else np.asarray(chosen[tuple(unit)])

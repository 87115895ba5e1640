"""Why a picture is empty, and what lies below a layer: the value before the clip, and the input of its last linear ops.

A reconstruction can be exactly zero although its unit fires. The gradient of a ReLU6 is zero at 6. And a unit can be
on by its bias alone, with nothing but zeros in the window that it sees of the layer below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
"""The kinds of layers that saturate at a ceiling."""

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


def notes(
    runtime: Runtime, layer: Layer, feeds: Feeds, rule: str, channels: Sequence[int], forward: tuple[np.ndarray, ...]
) -> dict[int, str]:
    """Tell why the pictures of some channels are empty.

    Args:
        runtime: of the network.
        layer: where signals started.
        feeds: of one image.
        rule: of the pictures.
        channels: those with an empty picture.
        forward: the layer's values (height, width, channels) and the seeded units (channels, spatial axes).

    Returns:
        The reason for each channel.
    """
    values, units = forward
    found = {channel: INACTIVE for channel in channels if not _at(values, units[channel], channel).any()}
    active = [channel for channel in channels if channel not in found]
    if active and rule == "gradient" and layer.kind in CLIPPED:
        entered = before_the_clip(runtime, layer, feeds)
        if layer.kind == "relu6":
            entered = np.where(values >= 6, np.inf, entered)  # at exactly 6 its gradient is zero, too
        found |= {channel: SATURATED for channel in active if _is_clipped(entered, values, units[channel], channel)}
    rest = [channel for channel in active if channel not in found]
    return found | (_by_input(runtime, layer, feeds, rest, units) if rest else {})


def _at(values: np.ndarray, unit: np.ndarray, channel: int) -> np.ndarray:
    """The value of a channel at a unit; all its values if the seed is the whole map."""
    chosen = values[..., channel]
    return chosen if (unit < 0).any() else chosen[tuple(unit)]


def _is_clipped(entered: np.ndarray, values: np.ndarray, unit: np.ndarray, channel: int) -> bool:
    """Whether everything active that is seeded was larger before the clip."""
    before, after = _at(entered, unit, channel), _at(values, unit, channel)
    return bool((before > after)[after > 0].all())


def _by_input(
    runtime: Runtime, layer: Layer, feeds: Feeds, channels: Sequence[int], units: np.ndarray
) -> dict[int, str]:
    """Tell whether units see nothing but zeros of what enters the layer's last linear ops."""
    structure = runtime.structure
    source = _source(structure, layer)
    (values,) = runtime.run(feeds, [source.tensor])
    axis = structure.axes.get(node_of(source.tensor), values.ndim - 1)
    spec = tf.TensorSpec([None, *values.shape[1:]], values.dtype)
    field = None
    if values.ndim == len(layer.shape) == 4 and (axis == 1) == (layer.channel_axis == 1):
        field = seen_by(runtime.frozen.graph_def, source.tensor, spec, entering(structure, layer), axis == 1)
    maps = np.moveaxis(values, axis, -1)[0]
    channelwise = source.channelwise and maps.shape[-1] == layer.channels
    seen = [_window(maps, field, tuple(units[channel]), channel if channelwise else None) for channel in channels]
    return {channel: BLOCKED if part.any() else SILENT_INPUT for channel, part in zip(channels, seen, strict=True)}


def _window(maps: np.ndarray, field: ReceptiveField | None, unit: tuple[int, ...], channel: int | None) -> np.ndarray:
    """The part of the maps (height, width, channels) that a unit sees, as far as that is known."""
    if channel is not None:
        maps = maps[..., channel : channel + 1]
    if field is None or any(place < 0 for place in unit):
        return maps
    return maps[tuple(slice(max(side.start, 0), max(side.stop, 0)) for side in field.window(unit))]

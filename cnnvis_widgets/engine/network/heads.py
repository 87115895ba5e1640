"""Heads: what each output of a network means, found from the graph behind it.

A head ends in a softmax, in sigmoids, or in neither. Methods explain and raise the scores *before* that activation,
because it saturates: where a network is sure, a probability has almost no gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...errors import ChannelError, LayerError, OptionError, nearest
from ...results import MEANINGS, Head, Layer
from ..graph.composite_activations import CompositeActivation
from ..graph.graphdef import data_inputs, node_of, tensor_of
from ..graph.layers import constant_numbers
from ..graph.structure import Structure

ClassNames = Sequence[str] | Mapping[int, str] | Mapping[str, Any]
"""Names in the order of the classes, names by class number, or one of these for each head by its name."""

_PASSING = {"Cast", "ExpandDims", "Identity", "Reshape", "Squeeze", "StopGradient", "Transpose"}
_ACTIVATIONS = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid"}
_CHOOSING = {"ArgMax", "TopKV2"}
_COMPOSITES = {"hard_sigmoid", "sigmoid", "softmax"}
_MEANING = {"softmax": "classes", "log_softmax": "classes", "sigmoid": "labels", "hard_sigmoid": "labels"}


def find_heads(
    structure: Structure,
    outputs: Mapping[str, str],
    meanings: Mapping[str, str] | None = None,
    class_names: ClassNames | None = None,
) -> tuple[Head, ...]:
    """Find the heads of a network, in the order of its outputs.

    Args:
        structure: of the graph.
        outputs: the tensors that the network returns, by name. The number of the best class stands for the values
            that it was chosen from; other integer outputs are no heads.
        meanings: what a head means, by its name, where the graph does not tell.
        class_names: for the main head, or for each head by its name.

    Raises:
        OptionError: there is no such head or meaning.
        ChannelError: the number of names is not that of the classes.
    """
    heads = [head for name, tensor in outputs.items() for head in _heads_of(name, tensor, structure)]
    heads = heads or _last_resort(structure)
    heads = _with_meanings(heads, meanings or {})
    return tuple(_with_names(heads, class_names))


def main_head(heads: Sequence[Head]) -> Head | None:
    """The head that methods take by default: classes before labels, yes or no and values; all maps behind them."""
    return min(heads, key=lambda head: (head.is_map, MEANINGS.index(head.meaning)), default=None)


def find_head(wanted: str | Layer | Head | None, heads: Sequence[Head], structure: Structure) -> Head:
    """Find the head that a person means: by its name, or by a layer.

    A layer that belongs to no head is one of its own: a softmax with its logits, any other layer as values.

    Args:
        wanted: ``None`` for the main head.
        heads, structure: of the network.

    Raises:
        LayerError: there is no such head or layer, or the network has no head.
    """
    if isinstance(wanted, Head):
        return wanted
    if wanted is None:
        main = main_head(heads)
        if main is None:
            raise LayerError(
                "Expected a network with class scores or other values as output. Received: one without. "
                "Name the layer whose channels are to be explained: scores=..."
            )
        return main
    named = [head for head in heads if head.name == wanted]
    if named:
        return named[0]
    layer = structure.layer(wanted)
    for head in heads:
        if layer.tensor in (head.output.tensor, head.activated, head.scores.tensor):
            return head
    main = main_head(heads)
    names = main.names if main is not None and main.classes == layer.channels else None
    scores = structure.before_softmax(layer)
    if scores is layer:
        return Head(layer.name, "values", layer, layer, names=names)
    return Head(layer.name, "classes", layer, scores, "softmax", layer.tensor, names)


@dataclass(frozen=True)
class _Saturation:
    """A saturating activation: its kind, the name of its node, and the tensor that enters it."""

    activation: str
    node: str
    entered: str


def _head(name: str, tensor: str, structure: Structure) -> Head | None:
    output = structure.layer_of(tensor)
    if output is None:
        return None
    saturation = _saturation_before(tensor, structure)
    scores = None if saturation is None else _scores(saturation, output, structure)
    if saturation is None or scores is None:
        return _values(name, output, structure)
    meaning = _MEANING[saturation.activation]
    if output.channels == 1:
        if meaning == "classes":  # a softmax of one channel is 1 whatever enters
            return _values(name, output, structure)
        meaning = "yes or no"
    return Head(name, meaning, output, scores, saturation.activation, tensor_of(saturation.node))


def _values(name: str, output: Layer, structure: Structure) -> Head:
    return Head(name, "values", output, structure.layer_of(structure.origin(output.tensor)) or output)


def _saturation_before(tensor: str, structure: Structure) -> _Saturation | None:
    """The softmax or sigmoid that a tensor comes from, through ops that change no value."""
    while (node := structure.nodes.get(node_of(tensor))) is not None:
        composite = structure.composites.get(node.name)
        if composite is not None:
            saturates = composite.kind in _COMPOSITES and _sums_over_channels(composite, structure)
            return _Saturation(composite.kind, node.name, composite.input) if saturates else None
        if node.op in _ACTIVATIONS:
            return _Saturation(_ACTIVATIONS[node.op], node.name, tensor_of(data_inputs(node)[0]))
        if node.op not in _PASSING:
            return None
        tensor = tensor_of(data_inputs(node)[0])
    return None


def _sums_over_channels(composite: CompositeActivation, structure: Structure) -> bool:
    """Whether a softmax of several ops divides by the sum over channels, and not, for instance, over places."""
    for node in (structure.nodes[name] for name in composite.inner):
        if node.op == "Sum":
            divided = structure.layer_of(tensor_of(composite.output))
            axes = constant_numbers(structure.nodes, data_inputs(node)[1])
            if divided is None or axes is None:
                return False
            return [axis % len(divided.shape) for axis in axes] == [divided.channel_axis]
    return True


def _scores(saturation: _Saturation, output: Layer, structure: Structure) -> Layer | None:
    """The layer of the scores, with one channel for each channel of the output; ``None`` where they do not fit."""
    entered = structure.origin(saturation.entered)
    reshape = structure.nodes[node_of(entered)]
    # the softmax of TensorFlow 1 takes rows: maps are reshaped before it and after it
    before = [structure.origin(tensor_of(data_inputs(reshape)[0]))] if reshape.op == "Reshape" else []
    for tensor in (*before, entered, saturation.entered):
        layer = structure.layer_of(tensor)
        if layer is None:
            continue
        if saturation.node not in structure.composites and saturation.activation.endswith("softmax"):
            # the op works along the last axis, whatever the layout
            activated = structure.shapes[tensor_of(saturation.node)][1]
            if not activated or activated[-1] != layer.shape[-1]:
                continue  # a reshape changes the channels
            layer = replace(layer, channel_axis=len(layer.shape) - 1)
        if layer.channels == output.channels:
            return layer
    return None


def _heads_of(name: str, tensor: str, structure: Structure) -> list[Head]:
    """The head of one output; of the number of the best class, that of the values which it was chosen from."""
    node = structure.nodes.get(node_of(tensor))
    while node is not None and node.op in _PASSING and node.name in structure.varying:
        node = structure.nodes.get(node_of(data_inputs(node)[0]))
    if node is None or node.op not in _CHOOSING:
        head = _head(name, tensor, structure)
        return [] if head is None else [head]
    head = _head(name, tensor_of(data_inputs(node)[0]), structure)
    if head is None:
        return []
    chosen = head.meaning == "values" and (head.output.channels or 0) > 1
    return [replace(head, meaning="classes") if chosen else head]


def _last_resort(structure: Structure) -> list[Head]:
    """The last softmax or dense layer without places, of a graph whose outputs are no layers, such as losses."""
    for kind in ("softmax", "dense"):
        layers = [layer for layer in structure.layers if layer.kind == kind and not layer.spatial_shape]
        heads = [head for layer in layers[-1:] if (head := _head(layer.name, layer.tensor, structure)) is not None]
        if heads:
            return heads
    return []


def _with_meanings(heads: Sequence[Head], meanings: Mapping[str, str]) -> list[Head]:
    names = [head.name for head in heads]
    for name, meaning in meanings.items():
        if name not in names:
            raise OptionError(f"Expected heads={{name: meaning}}. Received: head {name!r}. {nearest(name, names)}")
        if meaning not in MEANINGS:
            raise OptionError(
                f"Expected the meaning of head {name!r} to be one of {', '.join(map(repr, MEANINGS))}. "
                f"Received: {meaning!r}."
            )
        head = heads[names.index(name)]
        channels = head.output.channels
        if (meaning == "yes or no") != (channels == 1) and meaning in ("yes or no", "classes"):
            raise OptionError(
                f"Expected one channel for the meaning 'yes or no', and several for 'classes'. Received: {meaning!r} "
                f"for head {name!r} with {channels} channels."
            )
    return [replace(head, meaning=meanings.get(head.name, head.meaning)) for head in heads]


def _with_names(heads: Sequence[Head], class_names: ClassNames | None) -> list[Head]:
    if class_names is None or not heads:
        return list(heads)
    if isinstance(class_names, Mapping) and any(isinstance(key, str) for key in class_names):
        by_head = {str(key): value for key, value in class_names.items()}
        names = [head.name for head in heads]
        unknown = next((name for name in by_head if name not in names), None)
        if unknown is not None:
            raise OptionError(f"Expected class names by head. Received: head {unknown!r}. {nearest(unknown, names)}")
        return [_named(head, by_head[head.name]) if head.name in by_head else head for head in heads]
    main = main_head(heads)
    return [_named(head, class_names) if head is main else head for head in heads]


def _named(head: Head, class_names: ClassNames) -> Head:
    count = head.classes
    if isinstance(class_names, Mapping):
        by_index = {int(index): str(name) for index, name in class_names.items()}
        last = max(by_index, default=-1)
        indices = range(last + 1 if count is None else count)
        names = tuple(by_index.get(index, f"class {index}") for index in indices)
        given = last + 1 if count is None or last >= count else count
    else:
        names = tuple(map(str, class_names))
        if head.meaning == "yes or no" and len(names) == 1:
            names = (f"not {names[0]}", names[0])
        given = len(names)
    if count is not None and given != count:
        raise ChannelError(
            f"Expected one class name for each of the {count} classes of head {head.name!r}. Received: {given} names. "
            "Names of several heads go by head: class_names={head: names}."
        )
    linear = head.meaning == "values" and not head.is_map and count != 1
    return replace(head, names=names, meaning="classes" if linear else head.meaning)

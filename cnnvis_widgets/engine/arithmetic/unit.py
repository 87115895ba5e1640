"""The arithmetic of one unit: from the numbers of the map below to its value, and a signal back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import ChannelError
from ...results import ArithmeticStep, Layer, UnitArithmetic
from ..backward import rules as known_rules
from ..graph.graphdef import node_of
from ..network.channels import channel_number
from ..network.feeds import Feeds
from ..network.loading import load
from ..network.network import Network
from .path import Link, names_of, path_to
from .windows import CONVOLUTIONS, POOLS, Places, axes_of_node, is_first, kernel_of, places_of, window_of

RULES = ("gradient", "deconvnet", "guided")

Place = tuple[int, ...]


def unit_arithmetic(
    network: Any,
    feed: Any,
    layer: str | Layer,
    channel: int | str,
    unit: Sequence[int] | None = None,
    *,
    rules: Sequence[str] = RULES,
) -> UnitArithmetic:
    """Tell how the value of one unit comes about, with the numbers of the network.

    The path begins at the op that reads the layer below: a convolution, a dense layer, a pool, a sum. It goes through
    bias, batch normalisation and activation function to the unit. The same ops are told backwards: the value of the
    unit is the signal, as in a reconstruction, and goes down under each rule as far as that layer.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: see ``load``; its first image is told about.
        layer: any layer.
        channel: of the layer.
        unit: its place; by default the strongest one of the channel. () in layers without places.
        rules: the rules of the signals.

    Returns:
        The numbers that enter, and each op with what it gives. ``computed`` is computed anew from these numbers in
        double precision; ``value`` is the network's own.

    Raises:
        LayerError, ChannelError, FeedError: there is no such layer, channel, unit or feed.

    Example:
        >>> import keras, numpy as np
        >>> convolution = keras.layers.Conv2D(2, 3, activation="relu", name="edges")
        >>> model = keras.Sequential([keras.Input((5, 5, 1)), convolution])
        >>> image = np.arange(25, dtype=np.float32).reshape(5, 5, 1)
        >>> told = unit_arithmetic(model, image, "edges", 1, (0, 2))
        >>> [step.kind for step in told.steps], told.steps[0].inputs[..., 0].tolist(), told.below
        (['convolution', 'bias', 'relu'], [[2.0, 3.0, 4.0], [7.0, 8.0, 9.0], [12.0, 13.0, 14.0]], 'image')

    References:
        [1] M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", section 2.1,
            ECCV 2014, DOI 10.1007/978-3-319-10590-1_53 (the way back).
    """
    loaded = load(network, feed)
    chosen = loaded.layer(layer)
    number = channel_number(loaded, chosen, channel)
    for rule in rules:
        known_rules.require_rule(rule)
    links = path_to(loaded.runtime.structure, chosen.tensor)
    feeds = loaded.runtime.batches.rows_of(loaded.feeds(), np.array([0]))
    values, slopes = _values(loaded, feeds, links, chosen.tensor)
    place = _index(values[chosen.tensor], chosen, number, unit)
    value = float(values[chosen.tensor][place])
    steps = _forward(links, values, slopes, place)
    seen = tuple(index for axis, index in enumerate(place) if axis not in (0, chosen.channel_axis))
    back = _backward(steps, dict.fromkeys(rules, value))
    return UnitArithmetic(chosen, number, seen, value, tuple(back), _below(loaded, links), tuple(rules))


def _values(
    network: Network, feeds: Feeds, links: list[Link], tensor: str
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What every tensor of a path holds, and the slope of every activation function."""
    runtime = network.runtime
    names = names_of(links, runtime.structure.shapes) or [tensor]
    curves = [link for link in links if link.is_activation]

    def body(*fed: tf.Tensor) -> list[tf.Tensor]:
        built = dict(zip(names, runtime.build(dict(zip(feeds, fed, strict=True)), names), strict=True))
        slopes = [tf.gradients(built[link.tensor], built[link.entered])[0] for link in curves]
        zeros = [tf.zeros_like(built[link.entered]) for link in curves]
        slopes = [zero if slope is None else slope for slope, zero in zip(slopes, zeros, strict=True)]
        return [tf.identity(each) for each in (*built.values(), *slopes)]

    key = ("arithmetic", tuple(feeds), tuple(names))
    function = runtime.compiled(key, body, runtime.batches.signature(feeds))
    arrays = [np.asarray(array) for array in function(*feeds.values())]
    by_name = dict(zip(names, arrays, strict=False))
    return by_name, {link.tensor: slope for link, slope in zip(curves, arrays[len(names) :], strict=True)}


def _index(values: np.ndarray, layer: Layer, channel: int, unit: Sequence[int] | None) -> Place:
    """The place of a unit in the tensor of its layer."""
    maps = np.moveaxis(values, layer.channel_axis, -1)[0, ..., channel]
    strongest = np.unravel_index(int(maps.argmax()), maps.shape)
    seen: Place = tuple(map(int, strongest if unit is None else unit))
    if len(seen) != maps.ndim or any(not 0 <= at < size for at, size in zip(seen, maps.shape, strict=True)):
        raise ChannelError(
            f"Expected the place of a unit in a map of {layer.name!r}, of shape {maps.shape}. Received: unit={unit!r}."
        )
    place = [0, *seen]
    place.insert(layer.channel_axis if layer.channel_axis < len(place) else len(place), channel)
    return tuple(place)


def _below(network: Network, links: list[Link]) -> str:
    """The layer that the last op of a path reads."""
    if not links:
        return "image"
    tensor, structure = links[-1].entered, network.runtime.structure
    by_tensor = {layer.tensor: layer.name for layer in network.layers}
    while tensor not in by_tensor and node_of(tensor) in structure.nodes and tensor != network.runtime.image_tensor:
        node = structure.nodes[node_of(tensor)]
        if node.op not in ("Identity", "Pad", "PadV2", "SpaceToBatchND", "Squeeze", "ExpandDims", "Reshape"):
            return ""
        tensor = f"{node.input[0]}" if ":" in node.input[0] else f"{node.input[0]}:0"
    return by_tensor.get(tensor, "image" if tensor == network.runtime.image_tensor else "")


# ---- forward


def _forward(
    links: list[Link], values: Mapping[str, np.ndarray], slopes: Mapping[str, np.ndarray], place: Place
) -> list[ArithmeticStep]:
    """The steps in order of computation."""
    steps = []
    for link in links:
        given = values[link.tensor]
        if link.is_activation:
            parameters = {"slope": float(slopes[link.tensor][place])}
            steps.append(_step(link, given[place], values[link.entered][place], given[place], parameters))
        elif link.passes:
            moved = _moved(link, values, place)
            if moved is None:
                step = _by_constant(link, values, place)
                steps.append(step)
            else:
                place = moved
        else:
            steps.append(_mixing(link, values, place))
    return steps[::-1]


def _step(
    link: Link, value: Any, inputs: Any, computed: Any, parameters: Mapping[str, float] | None = None, **more: Any
) -> ArithmeticStep:
    entered, numbers = np.asarray(inputs, np.float32), parameters or {}
    return ArithmeticStep(link.node.name, link.kind, entered, float(computed), float(value), parameters=numbers, **more)


def _moved(link: Link, values: Mapping[str, np.ndarray], place: Place) -> Place | None:
    """Where a number comes from that an op only hands on; ``None`` for other ops."""
    source, given = values[link.entered], values[link.tensor]
    if link.node.op == "Transpose":
        order, moved = values[link.inputs[1]], [0] * len(place)
        for axis, at in zip(order, place, strict=True):
            moved[int(axis)] = at
        return tuple(moved)
    if link.node.op == "BatchToSpaceND":
        block, crops = values[link.inputs[1]].tolist(), values[link.inputs[2]].tolist()
        batch, rows = 0, [at + crop[0] for at, crop in zip(place[1:], crops, strict=False)]
        for row, size in zip(rows, block, strict=True):
            batch = batch * size + row % size
        return batch, *(row // size for row, size in zip(rows, block, strict=True)), *place[1 + len(block) :]
    if link.node.op in ("Add", "AddV2", "Sub", "Mul", "RealDiv", "BiasAdd") or "BatchNorm" in link.node.op:
        return None
    return tuple(map(int, np.unravel_index(np.ravel_multi_index(place, given.shape), source.shape)))


def _by_constant(link: Link, values: Mapping[str, np.ndarray], place: Place) -> ArithmeticStep:
    """A bias, a factor, or a batch normalisation."""
    node, given, entered = link.node, values[link.tensor], values[link.entered]
    number = float(entered[place])
    if "BatchNorm" in node.op:
        axis = 1 if is_first(node) else len(place) - 1
        scale, offset, mean, variance = (float(values[name][place[axis]]) for name in link.inputs[1:5])
        epsilon = float(node.attr["epsilon"].f)
        factor = scale / np.sqrt(variance + epsilon)
        named = {"mean": mean, "variance": variance, "scale": scale, "offset": offset, "factor": float(factor)}
        return _step(link, given[place], number, (number - mean) * factor + offset, named)
    constant = values[link.inputs[1 - link.varying[0]]]
    if node.op == "BiasAdd":
        other = float(constant[place[1 if is_first(node) else len(place) - 1]])
    else:
        other = float(np.broadcast_to(constant, given.shape)[place])
    first = link.varying[0] == 0
    if node.op in ("Mul", "RealDiv"):
        factor = other if node.op == "Mul" else 1 / other
        return _step(replace(link, kind="factor"), given[place], number, number * factor, {"factor": factor})
    computed = number + other if node.op != "Sub" else number - other if first else other - number
    sign = -1.0 if node.op == "Sub" and not first else 1.0
    bias = -other if node.op == "Sub" and first else other
    return _step(replace(link, kind="bias"), given[place], number, computed, {"bias": bias, "factor": sign})


def _mixing(link: Link, values: Mapping[str, np.ndarray], place: Place) -> ArithmeticStep:
    """An op that mixes numbers: a window, a dense layer, a mean, a sum of branches, a softmax."""
    tell = _TELLERS.get(link.node.op)
    step = None if tell is None else tell(link, values, place)
    if step is not None:
        return step
    note = f"The arithmetic of the op {link.node.op} is not told."
    value = values[link.tensor][place]
    return _step(link, value, [], value, note=note)


def _window(link: Link, values: Mapping[str, np.ndarray], place: Place) -> ArithmeticStep | None:
    node, maps = link.node, values[link.inputs[0]][place[0]]
    unit, channel = (place[2:], place[1]) if is_first(node) else (place[1:-1], place[-1])
    maps = np.moveaxis(maps, 0, -1) if is_first(node) else maps
    value, sizes = values[link.tensor][place], maps.shape[:-1]
    if node.op in CONVOLUTIONS:
        if link.varying != (0,):
            return None
        weights, channels = kernel_of(node, values[link.inputs[1]], channel, maps.shape[-1])
        places = places_of(axes_of_node(node, weights.shape[: len(sizes)], sizes), unit)
        window = window_of(maps[..., channels], places, 0.0)
        places = _spread_out(link, values, place[0], places)
        window = window[..., 0] if node.op == "DepthwiseConv2dNative" else window
        computed = np.sum(window.astype(np.float64) * weights)
        return _step(link, value, window, computed, weights=np.asarray(weights, np.float32), places=places)
    sizes_of_kernel = list(node.attr["ksize"].list.i)[2:] if is_first(node) else list(node.attr["ksize"].list.i)[1:-1]
    places = places_of(axes_of_node(node, sizes_of_kernel, sizes), unit)
    window = window_of(maps[..., channel], places, np.nan)
    if POOLS[node.op] == "max":
        return _step(link, value, window, np.nanmax(window), places=places, switch=int(np.nanargmax(window)))
    return _step(link, value, window, np.nanmean(window.astype(np.float64)), places=places)


def _spread_out(link: Link, values: Mapping[str, np.ndarray], batch: int, places: Places) -> Places:
    """The places in the map below, of a convolution over every second or third row and column of it."""
    if not link.spread:
        return places
    block, paddings = (values[name].tolist() for name in link.spread)
    offsets = list[int]()
    for size in reversed(block):
        batch, offset = divmod(batch, size)
        offsets.insert(0, offset)
    axes = zip(places, block, offsets, paddings, strict=True)
    return tuple(tuple(at * size + offset - padding[0] for at in taken) for taken, size, offset, padding in axes)


def _dense(link: Link, values: Mapping[str, np.ndarray], place: Place) -> ArithmeticStep | None:
    first, second = (values[name] for name in link.inputs[:2])
    if link.varying != (0,) or first.ndim != 2:
        return None
    entered = first[:, place[0]] if link.node.attr["transpose_a"].b else first[place[0]]
    weights = second[place[1]] if link.node.attr["transpose_b"].b else second[:, place[1]]
    computed = np.sum(entered.astype(np.float64) * weights)
    value = values[link.tensor][place]
    named = replace(link, kind="dense")
    return _step(named, value, entered, computed, weights=np.asarray(weights, np.float32))


def _reduction(link: Link, values: Mapping[str, np.ndarray], place: Place) -> ArithmeticStep | None:
    maps, axes = values[link.inputs[0]], values[link.inputs[1]]
    reduced = sorted(int(axis) % maps.ndim for axis in np.ravel(axes))
    if link.varying != (0,) or 0 in reduced:
        return None
    kept = list(place)
    if not link.node.attr["keep_dims"].b:
        for axis in reduced:
            kept.insert(axis, 0)
    chosen = maps[tuple(slice(None) if axis in reduced else at for axis, at in enumerate(kept))]
    places = tuple(tuple(range(size)) for size in chosen.shape)
    value, numbers = values[link.tensor][place], chosen.astype(np.float64)
    if link.node.op == "Max":
        named = replace(link, kind="global max_pool")
        return _step(named, value, chosen, numbers.max(), places=places, switch=int(chosen.argmax()))
    if link.node.op == "Mean":
        return _step(replace(link, kind="global average_pool"), value, chosen, numbers.mean(), places=places)
    return _step(link, value, chosen, numbers.sum(), weights=np.ones_like(chosen), places=places)


def _sum(link: Link, values: Mapping[str, np.ndarray], place: Place) -> ArithmeticStep:
    given = values[link.tensor]
    numbers = np.array([np.broadcast_to(values[name], given.shape)[place] for name in link.inputs], np.float32)
    signs = np.array([1.0, -1.0] if link.node.op == "Sub" else [1.0] * len(numbers), np.float32)
    named = replace(link, kind="addition")
    return _step(named, given[place], numbers, np.sum(numbers.astype(np.float64) * signs), weights=signs)


def _softmax(link: Link, values: Mapping[str, np.ndarray], place: Place) -> ArithmeticStep:
    numbers = values[link.inputs[0]][place[:-1]].astype(np.float64)
    shares = np.exp(numbers - numbers.max())
    shares /= shares.sum()
    slopes = shares[place[-1]] * ((np.arange(len(shares)) == place[-1]) - shares)
    value = values[link.tensor][place]
    return replace(_step(link, value, numbers, shares[place[-1]]), sent={"": slopes.astype(np.float32)})


_TELLERS: dict[str, Callable[[Link, Mapping[str, np.ndarray], Place], ArithmeticStep | None]] = {
    **dict.fromkeys((*CONVOLUTIONS, *POOLS), _window),
    **dict.fromkeys(("Add", "AddV2", "AddN", "Sub"), _sum),
    **dict.fromkeys(("Mean", "Max", "Sum"), _reduction),
    "MatMul": _dense,
    "Softmax": _softmax,
}


# ---- backward


def _backward(steps: list[ArithmeticStep], signals: dict[str, float]) -> list[ArithmeticStep]:
    """The same steps with the signals that go down through them."""
    told = []
    for step in reversed(steps):
        sent = {rule: _sent(step, rule, signal) for rule, signal in signals.items()}
        told.append(replace(step, signals=dict(signals), sent=sent))
        if step.inputs.ndim:
            break
        signals = {rule: float(sent[rule]) for rule in signals}
    return told[::-1]


def _sent(step: ArithmeticStep, rule: str, signal: float) -> np.ndarray:
    """What a signal becomes behind one op, in the shape of its inputs."""
    if step.inputs.ndim == 0:
        if "slope" in step.parameters:
            sent = known_rules.sent_down(rule, step.kind, signal, float(step.inputs), step.parameters["slope"])
        else:
            sent = signal * step.parameters.get("factor", 1.0)
        return np.asarray(sent, np.float32)
    if step.weights is not None:
        return np.asarray(signal * step.weights, np.float32)
    if step.switch is not None:
        at_switch = np.arange(step.inputs.size).reshape(step.inputs.shape) == step.switch
        return np.asarray(np.where(at_switch, signal, 0.0), np.float32)
    if "" in step.sent:  # a softmax: its slopes
        return np.asarray(signal * step.sent[""], np.float32)
    counted = ~np.isnan(step.inputs)
    return np.asarray(counted * signal / max(1, int(counted.sum())), np.float32)

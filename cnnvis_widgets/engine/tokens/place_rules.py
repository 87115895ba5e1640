"""How the places of values go through each op: a reshape moves them, a product of matrices brings them together.

Each rule takes an op of a ``tf.Graph`` of known shapes and the places of its inputs (``None`` for what does not depend
on the images), and returns the places of its first output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import tensorflow as tf

from ..graph.products import BATCH_PRODUCTS
from ..ops.specs import OPS
from .places import NOWHERE, SPAN, Grids, Places, all_of, compact, joined, nowhere, place_of, reduced

Entered = Sequence[Places | None]
"""The places of the inputs of an op."""

_REDUCTIONS = {"All", "Any", "Max", "Mean", "Min", "Prod", "Sum"}
_ALONG_THE_LAST_AXIS = {"LogSoftmax", "Softmax"}
_NEW_PLACES = {
    *("ExtractImagePatches", "DepthToSpace", "SpaceToDepth", "Dilation2D", "Conv", "CropAndResize"),
    *("ResizeArea", "ResizeBicubic", "ResizeBilinear", "ResizeNearestNeighbor", "ScaleAndTranslate"),
}
"""The ops, beside convolutions and pools, whose output has a height and a width of its own."""


def places_after(op: tf.Operation, entered: Entered, grids: Grids, images: int) -> list[Places]:
    """Return the places of the outputs of an op.

    Args:
        op: of a graph whose shapes are known.
        entered: the places of its inputs.
        grids: of the network; new ones are added.
        images: the number of images.
    """
    shapes = [tuple(output.shape) for output in op.outputs]
    try:
        if op.type in _SPLITS:
            return _parts(op, entered)
        places = _of_first_output(op, entered, grids, images)
    except _UnknownError:
        return [_of_images_only(shape, images) for shape in shapes]
    return [places if shape == shapes[0] else _of_images_only(shape, images) for shape in shapes]


def _of_first_output(op: tf.Operation, entered: Entered, grids: Grids, images: int) -> Places:
    if op.type in _RULES:
        return _RULES[op.type](op, entered, grids)
    if op.type in _NEW_PLACES or (op.type in OPS and OPS[op.type].family in ("c", "p")):
        return _of_a_new_map(op, entered, grids, images)
    if op.type in _ALONG_THE_LAST_AXIS or (op.type in OPS and OPS[op.type].pointwise):
        return _elementwise(op, entered)
    raise _UnknownError


class _UnknownError(Exception):
    """What an op does to places is not known, since an argument is computed from the images."""


def _of_images_only(shape: tuple[int, ...], images: int) -> Places:
    if not shape or shape[0] != images:
        return nowhere(shape)
    return np.broadcast_to((np.arange(images) * SPAN).reshape(-1, *(1,) * (len(shape) - 1)), shape)


def _static(tensor: tf.Tensor) -> np.ndarray:
    value = tf.get_static_value(tensor)
    if value is None:
        raise _UnknownError
    return np.asarray(value)


def _first(entered: Entered) -> Places:
    if entered[0] is None:
        raise _UnknownError
    return entered[0]


# ---- values that meet


def _elementwise(op: tf.Operation, entered: Entered) -> Places:
    shape = tuple(op.outputs[0].shape)
    met = [places for places in entered if places is not None and len(places.shape) <= len(shape)]
    if not met:
        raise _UnknownError
    return np.broadcast_to(reduce(joined, met), shape)


def _reduction(op: tf.Operation, entered: Entered, grids: Grids) -> Places:
    places = _first(entered)
    axes = [int(axis) % places.ndim for axis in np.ravel(_static(op.inputs[1]))]
    keep = bool(op.get_attr("keep_dims"))
    pools = not keep and places.ndim - 1 not in axes
    left = reduced(places, axes, grids if pools else None)
    return left if keep else left.reshape(tuple(op.outputs[0].shape))


def _chosen_along(op: tf.Operation, entered: Entered, _: Grids) -> Places:
    """ArgMax, ArgMin."""
    places = _first(entered)
    return reduced(places, [int(_static(op.inputs[1])) % places.ndim]).reshape(tuple(op.outputs[0].shape))


def _matrix_product(op: tf.Operation, entered: Entered, grids: Grids) -> Places:
    batched = op.type in BATCH_PRODUCTS
    turned = [bool(op.get_attr(key)) for key in (("adj_x", "adj_y") if batched else ("transpose_a", "transpose_b"))]
    return _product(op, entered, grids, [(-2, -1)[not turned[0]], (-2, -1)[turned[1]]])


def _product(op: tf.Operation, entered: Entered, grids: Grids, contracted: Sequence[int]) -> Places:
    """The places of the rows of the first matrix, and of the columns of the second."""
    shape = tuple(op.outputs[0].shape)
    met = []
    alone = sum(places is not None for places in entered) == 1
    for side, (places, axis) in enumerate(zip(entered, contracted, strict=True)):
        if places is not None:
            left = reduced(places, [places.ndim + axis], grids if alone and side == 0 else None)
            kept = np.squeeze(left, places.ndim + axis)
            met.append(np.expand_dims(kept, (kept.ndim, kept.ndim - 1)[side]))
    return np.broadcast_to(reduce(joined, met), shape)


def sides_of_product(op: tf.Operation, entered: Entered, grids: Grids) -> tuple[Places, Places]:
    """The places that the output of a product of two matrices has by its first and by its second factor alone."""
    first, second = entered[:2]
    nowhere = np.broadcast_to(np.int64(0), tuple(op.outputs[0].shape))
    return (
        nowhere if first is None else _RULES[op.type](op, [first, None], grids),
        nowhere if second is None else _RULES[op.type](op, [None, second], grids),
    )


def _einsum(op: tf.Operation, entered: Entered, grids: Grids) -> Places:
    terms, output = _terms(op)
    shape = tuple(op.outputs[0].shape)
    alone = sum(places is not None for places in entered) == 1
    met = []
    for term, places in zip(terms, entered, strict=True):
        if places is None:
            continue
        lost = [axis for axis, letter in enumerate(term) if letter not in output]
        left = reduced(places, lost, grids if alone else None)
        kept = [axis for axis, letter in enumerate(term) if letter in output]
        order = sorted(kept, key=lambda axis, term=term: output.index(term[axis]))  # type: ignore[misc]
        left = np.transpose(left, [*order, *lost])
        left = left.reshape(left.shape[: len(order)])
        met.append(left[tuple(slice(None) if letter in term else None for letter in output)])
    return np.broadcast_to(reduce(joined, met), shape)


def _terms(op: tf.Operation) -> tuple[list[str], str]:
    """The letters of the inputs and of the output of an einsum, capitals for the axes that an ellipsis stands for."""
    inputs, _, output = op.get_attr("equation").decode().replace(" ", "").partition("->")
    terms = inputs.split(",")
    hidden = [tensor.shape.rank - len(term.replace(".", "")) for term, tensor in zip(terms, op.inputs, strict=True)]
    capitals = "ABCDEFGH"[: max(hidden)]
    spelled = [
        term.replace("...", capitals[len(capitals) - count :]) for term, count in zip(terms, hidden, strict=True)
    ]
    return spelled, output.replace("...", capitals)


def _of_a_new_map(op: tf.Operation, entered: Entered, grids: Grids, images: int) -> Places:
    """A convolution, a pool, a resize: its output is a grid of its own."""
    shape = tuple(op.outputs[0].shape)
    layout = op.get_attr("data_format").decode() if "data_format" in op.node_def.attr else ""
    axis = 1 if layout.startswith("NC") else len(shape) - 1
    spatial = [size for place, size in enumerate(shape) if place not in (0, axis)]
    places = next((each for each in entered if each is not None), None)
    if shape[0] == images:
        numbers = all_of(grids.of_shape(spatial), images)
    elif places is not None and tuple(places.shape[:axis]) == shape[:axis] and axis == len(shape) - 1:
        numbers = np.squeeze(reduced(places, [places.ndim - 1]), -1)  # windows that stay where they are
    else:
        raise _UnknownError
    return np.broadcast_to(np.expand_dims(numbers, axis), shape)


# ---- values that move


def _reshape(op: tf.Operation, entered: Entered, _: Grids) -> Places:
    return _first(entered).reshape(tuple(op.outputs[0].shape))


def _transpose(op: tf.Operation, entered: Entered, _: Grids) -> Places:
    return np.transpose(_first(entered), _static(op.inputs[1]).tolist())


def _concat(op: tf.Operation, entered: Entered, grids: Grids) -> Places:
    """ConcatV2. What is put beside places and has none itself becomes a token of its own, such as a class token."""
    shape = tuple(op.outputs[0].shape)
    axis = int(_static(op.inputs[-1])) % len(shape)
    parts = [
        nowhere(tensor.shape) if places is None else places
        for tensor, places in zip(op.inputs[:-1], entered[:-1], strict=True)
    ]
    placed = [bool(place_of(part).any()) for part in parts]
    if len(shape) > 2 and 0 < axis < len(shape) - 1 and any(placed) and not all(placed):
        beside = compact(reduced(parts[placed.index(True)], [axis]))
        image = np.where(beside < 0, beside, beside // SPAN * SPAN)
        parts = [part if has else _tokens(part, axis, image, grids) for part, has in zip(parts, placed, strict=True)]
    thin = _thin(parts, [axis])
    return np.broadcast_to(np.concatenate(thin, axis), shape)


def _thin(parts: Sequence[Places], axes: Sequence[int]) -> list[Places]:
    """The arrays with length 1 along all axes, but for some, along which none of them changes."""
    same = [axis not in axes and all(part.strides[axis] == 0 for part in parts) for axis in range(parts[0].ndim)]
    return [part[tuple(slice(0, 1) if thin else slice(None) for thin in same)] for part in parts]


def _tokens(part: Places, axis: int, image: Places, grids: Grids) -> Places:
    """A token of its own for each position along an axis."""
    numbers = np.array([grids.single().first for _ in range(part.shape[axis])], np.int64)
    along = numbers.reshape(tuple(-1 if place == axis else 1 for place in range(part.ndim)))
    return np.broadcast_to(np.where(image < 0, image, image + along), part.shape)


def _pack(op: tf.Operation, entered: Entered, _: Grids) -> Places:
    parts = [
        nowhere(tensor.shape) if places is None else places for tensor, places in zip(op.inputs, entered, strict=True)
    ]
    return np.broadcast_to(np.stack(_thin(parts, []), op.get_attr("axis")), tuple(op.outputs[0].shape))


def _pad(op: tf.Operation, entered: Entered, _: Grids) -> Places:
    margins = _static(op.inputs[1])
    (thin,) = _thin([_first(entered)], np.flatnonzero(margins.any(axis=1)).tolist())
    if op.type == "MirrorPad":
        mode: Any = "reflect" if op.get_attr("mode") == b"REFLECT" else "symmetric"
        padded = np.pad(thin, margins.tolist(), mode=mode)
    else:
        padded = np.pad(thin, margins.tolist(), constant_values=NOWHERE)
    return np.broadcast_to(padded, tuple(op.outputs[0].shape))


def _roll(op: tf.Operation, entered: Entered, _: Grids) -> Places:
    places = _first(entered)
    shifts, axes = (np.ravel(_static(tensor)).tolist() for tensor in op.inputs[1:])
    (thin,) = _thin([places], [axis % places.ndim for axis in axes])
    return np.broadcast_to(np.roll(thin, shifts, axes), places.shape)


def _reverse(op: tf.Operation, entered: Entered, _: Grids) -> Places:
    return np.flip(_first(entered), tuple(np.ravel(_static(op.inputs[1])).tolist()))


def _repeated(op: tf.Operation, entered: Entered, _: Grids) -> Places:
    """Tile, BroadcastTo."""
    places = _first(entered)
    if op.type == "BroadcastTo":
        return np.broadcast_to(places, tuple(op.outputs[0].shape))
    times = _static(op.inputs[1]).tolist()
    (thin,) = _thin([places], [])
    spread = [1 if a == 1 and b > 1 else count for a, b, count in zip(thin.shape, places.shape, times, strict=True)]
    return np.broadcast_to(np.tile(thin, spread), tuple(op.outputs[0].shape))


def _gather(op: tf.Operation, entered: Entered, _: Grids) -> Places:
    axis = int(_static(op.inputs[2])) if op.type == "GatherV2" else 0
    batched = op.get_attr("batch_dims") if op.type == "GatherV2" else 0
    if entered[1] is not None or batched:
        raise _UnknownError
    return np.take(_first(entered), _static(op.inputs[1]), axis)


def _slice(op: tf.Operation, entered: Entered, _: Grids) -> Places:
    begin = _static(op.inputs[1]).tolist()
    window = (slice(first, first + size) for first, size in zip(begin, tuple(op.outputs[0].shape), strict=True))
    return _first(entered)[tuple(window)]


def _strided_slice(op: tf.Operation, entered: Entered, _: Grids) -> Places:
    places = _first(entered)
    begin, end, strides = (np.ravel(_static(tensor)).tolist() for tensor in op.inputs[1:4])
    masked: Callable[[str, int], bool] = lambda key, place: bool(int(op.get_attr(key)) >> place & 1)  # noqa: E731
    index: list[Any] = []
    for place, (first, last, stride) in enumerate(zip(begin, end, strides, strict=True)):
        if masked("ellipsis_mask", place):
            index.append(Ellipsis)
        elif masked("new_axis_mask", place):
            index.append(None)
        elif masked("shrink_axis_mask", place):
            index.append(first)
        else:
            opened = None if masked("begin_mask", place) else first
            closed = None if masked("end_mask", place) else last
            index.append(slice(opened, closed, stride))
    return places[tuple(index)]


def _parts(op: tf.Operation, entered: Entered) -> list[Places]:
    """The places of all outputs of an op that takes a tensor apart."""
    value, along = (1, 0) if op.type == "Split" else (0, 2)
    places = entered[value]
    if places is None:
        raise _UnknownError
    if op.type == "Unpack":
        return [np.take(places, index, op.get_attr("axis")) for index in range(len(op.outputs))]
    axis = int(_static(op.inputs[along])) % places.ndim
    ends = np.cumsum([output.shape[axis] for output in op.outputs])[:-1].tolist()
    return np.split(places, ends, axis)


_SPLITS = {"Split", "SplitV", "Unpack"}

_RULES: dict[str, Callable[[tf.Operation, Entered, Grids], Places]] = {
    **dict.fromkeys(_REDUCTIONS, _reduction),
    **dict.fromkeys(("ArgMax", "ArgMin"), _chosen_along),
    **dict.fromkeys(("MatMul", *BATCH_PRODUCTS), _matrix_product),
    "Einsum": _einsum,
    **dict.fromkeys(("Reshape", "ExpandDims", "Squeeze"), _reshape),
    "Transpose": _transpose,
    "ConcatV2": _concat,
    "Pack": _pack,
    **dict.fromkeys(("MirrorPad", "Pad", "PadV2"), _pad),
    "Roll": _roll,
    "ReverseV2": _reverse,
    **dict.fromkeys(("Tile", "BroadcastTo"), _repeated),
    **dict.fromkeys(("Gather", "GatherV2"), _gather),
    "Slice": _slice,
    "StridedSlice": _strided_slice,
}

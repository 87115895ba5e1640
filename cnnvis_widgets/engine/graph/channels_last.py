"""Makes ops that keep channels first run on a CPU, whose kernels need channels last, and known to pullbacks.

Each such op is put between two transposes. TensorFlow's optimiser cancels neighbouring ones. The last transpose takes
the name of the op, so the tensor of that name still has its channels first.
"""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow as tf

from ..devices import device_policy
from ..ops.specs import OPS
from .graphdef import NodeDef, data_inputs

_PER_AXIS = ("strides", "dilations", "ksize")
_SIZES_FIRST = {"Conv2DBackpropInput", "Conv3DBackpropInputV2"}


def for_device(nodes: Iterable[NodeDef]) -> list[NodeDef]:
    """Return the nodes as the policy of the device wants them: as ``run_on_cpu`` does, or as they are."""
    return run_on_cpu(nodes) if device_policy().channels_last else list(nodes)


def run_on_cpu(nodes: Iterable[NodeDef]) -> list[NodeDef]:
    """Return the nodes, with every channels-first op as a channels-last one between two transposes."""
    result = []
    for node in nodes:
        stated = node.attr["data_format"].s.decode() if "data_format" in node.attr else ""
        image = OPS[node.op].image_input if node.op in OPS else None
        if stated.startswith("NC") and image is not None:
            result += _turned(node, stated, image)
        else:
            result.append(node)
    return result


def _turned(node: NodeDef, stated: str, image: int) -> list[NodeDef]:
    """Return the nodes that take the place of a channels-first op.

    Args:
        node: the op.
        stated: its data format, such as 'NCHW'.
        image: the place of the images among its inputs.
    """
    rank = len(stated)
    last, first = [0, *range(2, rank), 1], [0, rank - 1, *range(1, rank - 1)]
    inputs = data_inputs(node)
    before = _transposes(f"{node.name}/before", inputs[image], last, node.attr["T"].type)
    turned = NodeDef.FromString(node.SerializeToString())
    turned.name = f"{node.name}/channels_last"
    turned.input[image] = before[-1].name
    turned.attr["data_format"].s = f"N{stated[2:]}C".encode()
    for key in _PER_AXIS:
        if key in turned.attr:
            values = list(turned.attr[key].list.i)
            turned.attr[key].list.i[:] = [values[axis] for axis in last]
    if "explicit_paddings" in turned.attr and turned.attr["explicit_paddings"].list.i:
        pads = list(turned.attr["explicit_paddings"].list.i)
        turned.attr["explicit_paddings"].list.i[:] = [pads[2 * axis + side] for axis in last for side in (0, 1)]
    extra = []
    if node.op in _SIZES_FIRST:
        extra = _gather(f"{node.name}/sizes", inputs[0], last)
        turned.input[0] = extra[-1].name
    after = _transposes(node.name, turned.name, first, node.attr["T"].type)
    return [*before, *extra, turned, *after]


def _constant(name: str, values: list[int] | int) -> NodeDef:
    """Return a node that holds int32 values."""
    node = NodeDef(op="Const", name=name)
    node.attr["dtype"].type = tf.int32.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values, tf.int32))
    return node


def _transposes(name: str, reference: str, permutation: list[int], dtype: int) -> list[NodeDef]:
    """Return the nodes that permute the axes of a tensor; the last one has the name."""
    order = _constant(f"{name}/permutation", permutation)
    node = NodeDef(op="Transpose", name=name, input=[reference, order.name])
    node.attr["T"].type = dtype
    node.attr["Tperm"].type = tf.int32.as_datatype_enum
    return [order, node]


def _gather(name: str, reference: str, order: list[int]) -> list[NodeDef]:
    """Return the nodes that put an int32 vector into another order; the last one has the name."""
    indices, axis = _constant(f"{name}/order", order), _constant(f"{name}/axis", 0)
    node = NodeDef(op="GatherV2", name=name, input=[reference, indices.name, axis.name])
    for key in ("Tparams", "Tindices", "Taxis"):
        node.attr[key].type = tf.int32.as_datatype_enum
    return [indices, axis, node]

"""Changes whole inputs into odd ones: bytes, JSON and GraphDefs."""

from __future__ import annotations

import copy
import random
from typing import Any

from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.framework.tensor_shape_pb2 import TensorShapeProto

NUMBERS = (-(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 7, 255, 10**6, 2**31 - 1, 2**40, 2**62)
VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 2, 10**9, 10**30, -1.5, 1e308, float("nan"), "", "a", "\0", "x" * 10_000, "ü🐈"),
    *([], [[]], [None], [1, 2, 3], {}, {"class_name": "Dense", "config": {}}, {"kind": "array", "data": "AAAA"}),
)
OPS = (
    *("Identity", "IdentityN", "Const", "Placeholder", "VarHandleOp", "ReadVariableOp", "NoOp", "Reshape", "Conv2D"),
    *("MaxPool", "Relu", "MatMul", "Merge", "Switch", "Enter", "Exit", "NextIteration", "While", "If", "Case"),
    *("PartitionedCall", "StatefulPartitionedCall", "TensorListStack", "FusedBatchNormV3", "ConcatV2", "Pack", "Split"),
    *("WriteFile", "ReadFile", "PyFunc", "EagerPyFunc", "Print", "DebugIdentity", "IteratorGetNext", "NoSuchOp", ""),
    *("Fill", "Range", "Tile", "BroadcastTo", "StridedSlice", "TopKV2", "Einsum", "ResizeBilinear", "DecodePng"),
)


def of_bytes(content: bytes, rng: random.Random) -> bytes:
    """Flip, cut, repeat, overwrite or insert bytes."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        place, length = rng.randrange(len(data) + 1), rng.choice((1, 1, 2, 4, 16, 256))
        way = rng.randrange(6)
        if way == 0 and data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif way == 1:
            del data[place:]
        elif way == 2:
            data[place:place] = data[max(place - length, 0) : place]
        elif way == 3:
            data[place : place + length] = bytes(rng.choice((0, 255, rng.randrange(256))) for _ in range(length))
        elif way == 4:
            data[place:place] = rng.randbytes(length)
        else:
            del data[place : place + length]
    return bytes(data)


def of_json(value: Any, rng: random.Random) -> Any:
    """Replace, drop, double or move values of a JSON document."""
    result = copy.deepcopy(value)
    for _ in range(rng.randint(1, 3)):
        places = list(_places(result))
        if not places:
            return rng.choice(VALUES)
        parent, key = rng.choice(places)
        way = rng.randrange(5)
        if way == 0:
            del parent[key]
        elif way == 1:
            other_parent, other_key = rng.choice(places)
            parent[key] = copy.deepcopy(other_parent[other_key])
        elif way == 2 and isinstance(parent[key], int | float) and not isinstance(parent[key], bool):
            parent[key] = rng.choice(NUMBERS)
        else:
            parent[key] = copy.deepcopy(rng.choice(VALUES))
    return result


def _places(value: Any) -> list[tuple[Any, Any]]:
    found, pending = [], [value]
    while pending:
        parent = pending.pop()
        if isinstance(parent, dict | list):
            keys = list(parent) if isinstance(parent, dict) else range(len(parent))
            found += [(parent, key) for key in keys]
            pending += [parent[key] for key in keys]
    return found


def of_graph(graph_def: GraphDef, rng: random.Random) -> GraphDef:
    """Change nodes, edges, attributes and functions of a graph."""
    result = GraphDef.FromString(graph_def.SerializeToString())
    for _ in range(rng.randint(1, 3)):
        functions = list(result.library.function)
        nodes = rng.choice(functions).node_def if functions and rng.random() < 0.4 else result.node
        if nodes:
            _change_node(rng.choice(nodes), nodes, rng)
    return result


def _change_node(node: NodeDef, nodes: Any, rng: random.Random) -> None:
    way = rng.randrange(8)
    if way == 0:
        nodes.remove(node)
    elif way == 1:
        nodes.add().CopyFrom(node)
        nodes[-1].name += rng.choice(("", "_again", "/x", "\0", " "))
    elif way == 2:
        node.op = rng.choice(OPS)
    elif way == 3:
        node.name = rng.choice((rng.choice(nodes).name, "", "^a", "a:0", "x" * 1000, "🐈"))
    elif way == 4:
        others = [*(other.name for other in nodes), "", "^", ":", "gone", f"{node.name}:7", node.name]
        reference = rng.choice(("", "^")) + rng.choice(others) + rng.choice(("", "", ":0", ":1", ":out:0"))
        if node.input and rng.random() < 0.7:
            node.input[rng.randrange(len(node.input))] = reference
        else:
            node.input.append(reference)
    elif node.attr:
        _change_attribute(node, rng.choice(sorted(node.attr)), rng)


def _change_attribute(node: NodeDef, key: str, rng: random.Random) -> None:
    value, way = node.attr[key], rng.randrange(6)
    if way == 0:
        del node.attr[key]
    elif way == 1:
        other = rng.choice(sorted(node.attr))
        node.attr[key].CopyFrom(node.attr[other])
    elif value.WhichOneof("value") == "type":
        value.type = rng.choice((*range(1, 24), 99, 101))
    elif value.WhichOneof("value") == "shape":
        _change_shape(value.shape, rng)
    elif value.WhichOneof("value") == "tensor":
        if rng.random() < 0.5:
            _change_shape(value.tensor.tensor_shape, rng)
        elif rng.random() < 0.5:
            value.tensor.dtype = rng.choice((*range(1, 24), 99))
        else:
            value.tensor.tensor_content = of_bytes(value.tensor.tensor_content, rng)
    elif value.WhichOneof("value") == "list":
        value.list.i.append(rng.choice(NUMBERS))
        if rng.random() < 0.5:
            value.list.Clear()
    elif way < 4:
        value.i = rng.choice(NUMBERS)
    else:
        value.s = rng.choice((b"", b"SAME", b"NCHW", b"\xff", b"x" * 1000))


def _change_shape(shape: TensorShapeProto, rng: random.Random) -> None:
    if shape.dim and rng.random() < 0.8:
        rng.choice(shape.dim).size = rng.choice(NUMBERS)
    else:
        shape.dim.add(size=rng.choice(NUMBERS))
    if rng.random() < 0.1:
        shape.unknown_rank = True

"""The way of signals back through a graph, and through the functions that its loops and branches call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..graph.custom_gradients import sending_inputs
from ..graph.function_bodies import FunctionFacts
from ..graph.graphdef import NodeDef, data_inputs, node_of, tensor_of
from ..ops.specs import CUT, OPS, SHAPE

LOOPS = ("While", "StatelessWhile")
BRANCHES = ("If", "StatelessIf", "Case", "StatelessCase")


@dataclass(frozen=True)
class SignalPath:
    """The nodes through which signals go back, and all nodes whose values depend on the image."""

    nodes: Collection[str]
    varying: Collection[str]

    def varying_inputs(self, node: NodeDef) -> list[int]:
        """The places of the inputs whose values depend on the image."""
        return [place for place, each in enumerate(data_inputs(node)) if node_of(each) in self.varying]


def signal_path(
    nodes: Sequence[NodeDef], sources: Sequence[str], targets: Sequence[str], carries: Callable[[str], bool]
) -> SignalPath:
    """Follow values from the sources upwards, then signals from the targets downwards.

    Signals travel along floating-point tensors and the lists of loops. They end at ops such as ``tf.stop_gradient`` and
    ``tf.shape``.

    Args:
        nodes: each after its inputs.
        sources: the names of the tensors that depend on the image by themselves.
        targets: the names of the tensors where signals begin.
        carries: whether a tensor, by its name, is of a type that carries signals.
    """
    entries = {node_of(source) for source in sources}
    varying, leading = set(entries), dict[str, list[str]]()
    for node in nodes:
        entered = [tensor_of(each) for each in sending_inputs(node) if node_of(each) in varying]
        linearity = OPS[node.op].linearity if node.op in OPS else None
        if node.name in entries or not entered or linearity is SHAPE:
            continue
        varying.add(node.name)
        carrying = [each for each in entered if (each in sources or node_of(each) in leading) and carries(each)]
        if carrying and linearity is not CUT:
            leading[node.name] = [node_of(each) for each in carrying]
    reached, pending = set[str](), [node_of(target) for target in targets]
    while pending:
        name = pending.pop()
        if name in leading and name not in reached:
            reached.add(name)
            pending += leading[name]
    return SignalPath(reached, varying)


def called(
    node: NodeDef, varying: Sequence[int], functions: Mapping[str, FunctionFacts]
) -> Iterator[tuple[FunctionFacts, SignalPath]]:
    """The functions that carry the signals of a loop or a branch, with the paths of signals in them.

    Args:
        node: of any type; only loops and branches carry signals through functions.
        varying: the places of the node's inputs that depend on the image.
        functions: all that the graph has, by name.
    """
    if node.op in LOOPS:
        yield _body_of_loop(functions[node.attr["body"].func.name], varying)
    elif node.op in BRANCHES:
        for name in _ways_of(node):
            function, places = functions[name], [place - 1 for place in varying if place]  # the first input chooses
            yield function, _path(function, places)


def _ways_of(node: NodeDef) -> list[str]:
    if "branches" in node.attr:
        return [each.name for each in node.attr["branches"].list.func]
    return [node.attr[key].func.name for key in ("then_branch", "else_branch")]


def _body_of_loop(function: FunctionFacts, varying: Sequence[int]) -> tuple[FunctionFacts, SignalPath]:
    """What depends on the image after one round does so before the next."""
    places, before = set(varying), set[int]()
    path = _path(function, places)
    while places != before:
        before = set(places)
        depends = {*path.varying}
        places |= {place for place, (tensor, _) in enumerate(function.body.returned) if node_of(tensor) in depends}
        path = _path(function, places)
    return function, path


def _path(function: FunctionFacts, places: Collection[int]) -> SignalPath:
    body = function.body
    sources = [f"{name}:0" for place, (name, _) in enumerate(body.arguments) if place in places]
    return signal_path(body.nodes, sources, [tensor for tensor, _ in body.returned], function.carries_signals)

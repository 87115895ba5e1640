"""The engine computes eagerly, whatever mode its caller is in.

People call from within ``with graph.as_default():``, and after ``disable_v2_behavior()``; in both,
TensorFlow would add ops to a graph of theirs instead of computing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import tensorflow as tf
from tensorflow.core.protobuf.config_pb2 import ConfigProto
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

from ..graph.graphdef import GraphDef, placeholder
from ..ops.portable_gradient import has_groups, has_kernels
from ..tensorflow_internals import (
    add_capture,
    default_optimiser_options,
    eager_mode,
    is_captured,
    optimiser_options,
)

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def eagerly(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The same function, run in eager mode."""

    @wraps(function)
    def wrapped(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        with eager_mode():
            return function(*args, **kwargs)

    return wrapped


def traced(body: Callable[..., Any], signature: Sequence[tf.TensorSpec], *, soon: bool = False) -> Callable[..., Any]:
    """Compile a function of tensors once, as a function of NumPy arrays.

    With ``soon`` there is less to wait for before the first call; see ``calling``.

    Not tf.function: ``tf.config.run_functions_eagerly`` would run its body op by op, and a frozen
    graph cannot be imported so.
    """
    function = eagerly(tf.compat.v1.wrap_function)(body, signature)
    optimised = calling(function.graph, soon=soon)

    @eagerly
    def wrapped(*arrays: Any) -> Any:
        given = [tf.convert_to_tensor(array, spec.dtype) for array, spec in zip(arrays, signature, strict=True)]
        with optimised():
            return tf.nest.map_structure(lambda tensor: tensor.numpy(), function(*given))

    return wrapped


def calling(graph: tf.Graph, *, soon: bool = False) -> Callable[[], AbstractContextManager[None]]:
    """The context in which functions with the ops of a graph are to be called.

    With ``soon``, the optimiser of TensorFlow goes over them once instead of twice, and with those of its passes alone
    that take little and change much: the same bytes, a third of the time. Half of it was folding constants, of which
    there are none to speak of, since weights are captured and what is made of them alone is settled.

    Where a convolution has groups and TensorFlow has no oneDNN, nothing is fused: the optimiser would put convolution
    and bias into one op whose kernel refuses groups.
    """
    unfused = not has_kernels() and any(map(has_groups, graph.get_operations()))
    return partial(optimiser_options, _configuration(soon, unfused)) if soon or unfused else nullcontext


@eagerly
def _configuration(soon: bool, unfused: bool) -> ConfigProto:
    config = default_optimiser_options()
    options = config.graph_options.rewrite_options
    if unfused:
        options.remapping = RewriterConfig.OFF
    if soon:
        options.meta_optimizer_iterations = RewriterConfig.ONE
        options.disable_model_pruning = options.disable_tfg_optimizer = True
        options.constant_folding = options.shape_optimization = options.loop_optimization = RewriterConfig.OFF
        options.implementation_selector = RewriterConfig.OFF
    if soon and not tf.config.list_physical_devices("GPU"):
        options.memory_optimization, options.layout_optimizer = RewriterConfig.NO_MEM_OPT, RewriterConfig.OFF
    return config


def captured(values: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Values computed eagerly, as tensors of the function that is being traced, which takes them as further inputs.

    TensorFlow's own ``capture`` makes these inputs one by one, which takes as long as importing the whole network.
    """
    graph = tf.compat.v1.get_default_graph()
    new = {id(value): value for value in values.values() if value.dtype.is_floating and not is_captured(graph, value)}
    inputs = [placeholder(f"weight_{place}", value.dtype, value.shape) for place, value in enumerate(new.values())]
    names = [f"{node.name}:0" for node in inputs]
    made = tf.graph_util.import_graph_def(GraphDef(node=inputs), return_elements=names, name="captured") if new else []
    for value, tensor in zip(new.values(), made, strict=True):
        add_capture(graph, value, tensor)
    return {name: graph.capture(value) for name, value in values.items()}

"""All private API of TensorFlow that the package uses, so that a new TensorFlow can break one module only.

Nothing else imports ``tensorflow.python`` or reads a private attribute of a TensorFlow object; a test holds that. The
module lies below all rooms of the engine, because ops, graph, backward and runtime each need some of it. Each function
says why the public API does not suffice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from inspect import getclosurevars
from typing import Any, cast
from weakref import finalize

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.op_def_pb2 import OpDef
from tensorflow.core.protobuf.config_pb2 import ConfigProto
from tensorflow.python.client.device_lib import list_local_devices
from tensorflow.python.eager import context as _context
from tensorflow.python.eager.execute import quick_execute
from tensorflow.python.framework import op_def_registry
from tensorflow.python.framework.func_graph import FuncGraph, dismantle_func_graph
from tensorflow.python.framework.ops import gradient_registry
from tensorflow.python.util import _pywrap_util_port

# ---- what TensorFlow knows of an op


def op_definition(op: str) -> OpDef | None:
    """Return the definition of an op: its inputs, outputs and attributes. The public API lists no ops."""
    return op_def_registry.get(op)


def gradient_function(op: str) -> Callable[..., Any]:
    """Return the registered gradient function of an op or rule. ``tf.RegisterGradient`` registers, but reads nothing.

    Raises:
        LookupError: there is none.
    """
    return cast("Callable[..., Any]", gradient_registry.lookup(op))


def computes_with_onednn() -> bool:
    """Return whether TensorFlow uses oneDNN on this CPU. To try an op of oneDNN would print a warning."""
    return bool(_pywrap_util_port.IsMklEnabled())


# ---- eager computation


def eager_mode() -> AbstractContextManager[None]:
    """Compute eagerly within this context, also in a graph's context and after ``disable_v2_behavior()``.

    ``tf.init_scope`` leaves a graph's context, but not that mode.
    """
    return cast("AbstractContextManager[None]", _context.eager_mode())


def current_device() -> str | None:
    """Return the device that a ``tf.device`` around this line names, ``None`` if there is none.

    Nothing public tells it in eager mode. ``tf.device`` takes ``None`` for no device, but '' for the first CPU.
    """
    return cast("str", _context.context().device_name) or None


@cache
def gpu_memory_limit() -> int | None:
    """Return the bytes that TensorFlow may take of the first GPU; ``None`` without one. Nothing public tells them."""
    if not tf.config.list_logical_devices("GPU"):
        return None
    return next(int(device.memory_limit) for device in list_local_devices() if device.device_type == "GPU")


def run_op(op: str, inputs: Sequence[tf.Tensor], outputs: int, attributes: Sequence[Any]) -> list[tf.Tensor]:
    """Compute any op eagerly by its name. ``tf.raw_ops`` wants every input and attribute by its own name.

    Args:
        op: its name, such as 'Conv2D'.
        inputs: tensors, in order.
        outputs: how many tensors it returns.
        attributes: name, value, name, value ... of all attributes that the op has.
    """
    return list(quick_execute(op, outputs, list(inputs), tuple(attributes), _context.context()))


# ---- functions


def default_optimiser_options() -> ConfigProto:
    """Return a copy of the options under which functions are optimised. ``tf.config`` changes them for all."""
    config = ConfigProto()
    config.CopyFrom(_context.context().config)
    return config


@contextmanager
def optimiser_options(config: ConfigProto) -> Iterator[None]:
    """Optimise the functions whose first call falls in this context under these options, and no others."""
    current = _context.context()
    before = current.function_call_options
    current.function_call_options = _context.FunctionCallOptions(before.executor_type, config)
    try:
        yield
    finally:
        current.function_call_options = before


def free_with(function: Any) -> None:
    """Free what ``wrap_function`` returned as soon as it is gone: its graph and all that it captured.

    Tensors and ops of a graph refer to each other. TensorFlow breaks these circles for a ``tf.function``, but not for
    this one, whose weights would wait for the garbage collector. ``wrap_function`` also registers the functions that
    the graph calls, such as bodies of loops, once more. TensorFlow never takes that back: they would stay for good.
    """
    called = [each.signature.name for each in function.graph.as_graph_def().library.function]
    finalize(function, _dismantle, function.graph).atexit = False
    finalize(function, _unregister, called).atexit = False


def _unregister(names: Iterable[str]) -> None:
    """Give up one registration of each function. TensorFlow counts them, and frees a function with its last one."""
    for name in names:
        _context.context().remove_function(name)


def _dismantle(graph: FuncGraph) -> None:
    dismantle_func_graph(graph)
    _ = graph.captures  # this list keeps its former tensors until it is read


def is_captured(graph: tf.Graph, value: tf.Tensor) -> bool:
    """Return whether the graph of a function being traced already has an input for an eager value."""
    return id(value) in graph.function_captures.by_val_internal


def add_capture(graph: tf.Graph, value: tf.Tensor, placeholder: tf.Tensor) -> None:
    """Make a placeholder of the graph an input of its function, which always receives ``value``."""
    graph.add_capture(value, placeholder)


def captures_of(graph: tf.Graph) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """Return the values that a function's graph captured, and the inputs that receive them."""
    return list(graph.captures)


def dtype_of_variable(handle: tf.Tensor) -> int | None:
    """Return the dtype of the variable behind a resource handle, as an enum of protocol buffers.

    Returns:
        ``None`` for a resource that is not a variable.
    """
    data = handle._handle_data
    return data.shape_and_type[0].dtype if data is not None and data.shape_and_type else None


# ---- custom gradients


@dataclass(frozen=True)
class TracedGradient:
    """A gradient function as a graph.

    Attributes:
        graph: its inputs are placeholders signal_0, signal_1 ..., and what it captured.
        sent: what it sends to each input of its op, ``None`` for nothing.
    """

    graph: Any
    sent: list[tf.Tensor | None]


def traced_gradient(name: str, signals: Sequence[tf.TensorSpec], graph: tf.Graph | None) -> TracedGradient:
    """Trace a registered gradient function, which may take tensors of ``graph``; that graph stays as it is.

    A ``tf.function`` would do, if it left None among the results.
    """
    outer = tf.Graph() if graph is None else graph
    with outer.as_default():
        inner = FuncGraph("gradient")
    with inner.as_default():
        given = [
            tf.compat.v1.placeholder(spec.dtype, spec.shape, name=f"signal_{place}")
            for place, spec in enumerate(signals)
        ]
        sent = gradient_function(name)(None, *given)
        return TracedGradient(inner, [None if each is None else tf.convert_to_tensor(each) for each in sent])


def recomputes(name: str) -> bool:
    """Return whether a registered gradient is that of ``tf.recompute_grad``. Nothing public tells whose it is."""
    function: Any = gradient_function(name)
    for cell in ("tape_grad_fn", "grad_fn"):
        function = getclosurevars(function).nonlocals.get(cell)
        if function is None:
            return False
    return str(getattr(function, "__qualname__", "")).startswith("recompute_grad.")


def value_of_variable(handle: tf.Tensor) -> np.ndarray:
    """Return the value of the variable behind a resource handle."""
    with eager_mode():
        dtype = tf.as_dtype(dtype_of_variable(handle))
        return np.asarray(tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype))

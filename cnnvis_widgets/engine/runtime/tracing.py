"""Functions of tensors become functions of arrays, whatever mode TensorFlow is in.

People call from within ``with graph.as_default():`` and after ``disable_v2_behavior()``. In both modes TensorFlow would
add ops to a graph of theirs and compute nothing, so the engine enters eager mode first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.versions_pb2 import VersionDef
from tensorflow.core.protobuf.config_pb2 import ConfigProto
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

from ...errors import FeedError, NotEnoughMemoryError
from ..devices import device_policy
from ..graph.graphdef import GraphDef, placeholder
from ..ops.convolutions import has_groups, has_kernels
from ..tensorflow_internals import (
    add_capture,
    current_device,
    default_optimiser_options,
    eager_mode,
    free_with,
    is_captured,
    optimiser_options,
)
from .interrupts import interruptible

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def eagerly(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Return the same function, which now enters eager mode first."""

    @wraps(function)
    def wrapped(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        with eager_mode():
            return function(*args, **kwargs)

    return wrapped


@contextmanager
def computing() -> Iterator[None]:
    """Raise errors of ours where TensorFlow refuses to compute.

    Raises:
        NotEnoughMemoryError: memory ran out.
        FeedError: the values that are fed do not go through the network, or an op of it cannot run.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        if isinstance(error, NotEnoughMemoryError):
            raise
        raise NotEnoughMemoryError(
            f"Expected work that fits into memory. Received: {_cause(error)}. Feed fewer or smaller images, "
            "choose fewer layers, or close other notebooks."
        ) from error
    except tf.errors.CancelledError:
        raise
    except tf.errors.OpError as error:
        raise FeedError(
            f"Expected values that go through the network. Received: values at which TensorFlow says: "
            f"{_cause(error)}. Check the sizes of what is fed, or whether the model is damaged."
        ) from error


def _cause(error: BaseException) -> str:
    """The line that tells what happened: the first, or that above the node of a function in which it happened."""
    lines = [line.strip() for line in str(getattr(error, "message", error)).splitlines() if line.strip()]
    node = next((place for place, line in enumerate(lines) if place and line.startswith("[[{{node ")), 1)
    return lines[node - 1][:300].rstrip(".") if lines else type(error).__name__


def traced(
    body: Callable[..., Any],
    signature: Sequence[tf.TensorSpec],
    *,
    quick_start: bool = False,
    take_over: bool = False,
) -> Callable[..., Any]:
    """Compile a function of tensors once, and return it as a function of NumPy arrays.

    ``tf.function`` would not do: after ``tf.config.run_functions_eagerly`` it runs its body op by op, and a frozen
    graph cannot be imported then.

    Args:
        body: takes tensors and returns a tensor, or a structure of tensors.
        signature: a spec for each argument of ``body``.
        quick_start: whether the first call should start as early as possible; see ``call_context``.
        take_over: whether arrays take over the memory of the tensors. No result may be a weight as it is.

    Returns:
        A function that takes anything that converts to these specs, and returns arrays in the structure of ``body``.
    """
    function = function_of(body, signature)
    context = call_context(function.graph, quick_start=quick_start)

    @eagerly
    def wrapped(*arrays: Any) -> Any:
        tensors = [tf.convert_to_tensor(array, spec.dtype) for array, spec in zip(arrays, signature, strict=True)]
        results = called(function, tensors, context)
        return as_arrays(results) if take_over else tf.nest.map_structure(lambda tensor: tensor.numpy(), results)

    return wrapped


@eagerly
def function_of(body: Callable[..., Any], signature: Sequence[tf.TensorSpec]) -> Any:
    """Trace a function of tensors, which then forgets its body, and frees its graph when it is gone.

    What TensorFlow returns would keep the body, which knows the network, whose cache keeps the function: the network
    and its weights would stay until the next full garbage collection.
    """
    bodies = [body]
    function = tf.compat.v1.wrap_function(lambda *tensors: bodies.pop()(*tensors), signature)
    free_with(function)
    return function


def called(function: Any, tensors: Sequence[tf.Tensor], context: Callable[[], AbstractContextManager[None]]) -> Any:
    """Call a function of tensors within a context, so that an interrupt ends the wait for it.

    Raises:
        NotEnoughMemoryError, FeedError: see ``computing``.
    """
    device = current_device()

    def call() -> Any:  # another thread has none of TensorFlow's contexts of this one
        with eager_mode(), tf.device(device), context():
            return function(*tensors)

    with computing():
        return interruptible(call)


class _OwnMemory:
    """The memory of a tensor that nobody else holds, as the base of an array that may be written to."""

    def __init__(self, view: np.ndarray) -> None:
        self._view = view  # it keeps the tensor's memory
        self.__array_interface__ = {**view.__array_interface__, "data": (view.ctypes.data, False)}


def as_arrays(tensors: Any) -> Any:
    """Turn a structure of new eager tensors into arrays that take over their memory.

    ``tensor.numpy()`` copies, which takes as long as computing a small network. Tensors that share their memory with
    another one, as a reshape does, are copied.
    """
    taken, shares = set[int](), device_policy().takes_over_results

    def as_array(tensor: tf.Tensor) -> np.ndarray:
        view = np.asarray(tensor)
        if view.dtype.kind not in "fiub" or not (view.size and shares) or view.ctypes.data in taken:
            return np.array(view)
        taken.add(view.ctypes.data)
        return np.asarray(_OwnMemory(view))

    return tf.nest.map_structure(as_array, tensors)


def call_context(graph: tf.Graph, *, quick_start: bool = False) -> Callable[[], AbstractContextManager[None]]:
    """Return the context in which to call a function with the ops of a graph.

    Args:
        graph: of the function.
        quick_start: whether TensorFlow's optimiser goes over the graph once and not twice, with only those of its
            passes that take little time and change much. The results are the same to the byte, and the optimiser takes
            a third of the time. Half of its time went into constant folding, which finds next to nothing: weights are
            captured, and what depends on weights alone is already folded.

    Where a convolution has groups and TensorFlow has no oneDNN, the optimiser must not fuse ops: it would put
    convolution and bias into one op, and the kernel of that op refuses groups.
    """
    unfused = not has_kernels() and any(map(has_groups, graph.get_operations()))
    return partial(optimiser_options, _options(quick_start, unfused)) if quick_start or unfused else nullcontext


@eagerly
def _options(quick_start: bool, unfused: bool) -> ConfigProto:
    config = default_optimiser_options()
    options = config.graph_options.rewrite_options
    if unfused:
        options.remapping = RewriterConfig.OFF
    if quick_start:
        options.meta_optimizer_iterations = RewriterConfig.ONE
        options.disable_model_pruning = options.disable_tfg_optimizer = True
        options.constant_folding = options.shape_optimization = options.loop_optimization = RewriterConfig.OFF
        options.implementation_selector = RewriterConfig.OFF
    if quick_start and not device_policy().optimises_memory:
        options.memory_optimization, options.layout_optimizer = RewriterConfig.NO_MEM_OPT, RewriterConfig.OFF
    return config


def capture_all(values: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Make eager values further inputs of the function being traced, and return them as its tensors.

    TensorFlow's own ``capture`` makes one input at a time. That takes as long as importing the whole network.
    """
    graph = tf.compat.v1.get_default_graph()
    new = {id(value): value for value in values.values() if value.dtype.is_floating and not is_captured(graph, value)}
    nodes = [placeholder(f"weight_{number}", value.dtype, value.shape) for number, value in enumerate(new.values())]
    names = [f"{node.name}:0" for node in nodes]
    # of older versions, a placeholder without axes has any shape
    graph_def = GraphDef(node=nodes, versions=VersionDef(producer=tf.version.GRAPH_DEF_VERSION))
    inputs = tf.graph_util.import_graph_def(graph_def, return_elements=names, name="captured") if new else []
    for value, tensor in zip(new.values(), inputs, strict=True):
        add_capture(graph, value, tensor)
    return {name: graph.capture(value) for name, value in values.items()}

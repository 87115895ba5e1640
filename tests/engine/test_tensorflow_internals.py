"""Private API of TensorFlow: all of it in one module, and all of it there in the installed TensorFlow."""

from __future__ import annotations

import ast
import gc
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.config_pb2 import ConfigProto

import cnnvis_widgets
from cnnvis_widgets.engine import tensorflow_internals as internals

PACKAGE = Path(cnnvis_widgets.__file__).parent
MODULE = PACKAGE / "engine" / "tensorflow_internals.py"
PRIVATE = ("tensorflow.python", "tensorflow.compiler", "keras.src", "keras._")


def imports(path: Path) -> list[tuple[str, str]]:
    """Every import of a file as (module, name in it); an ``import module`` has the name ''."""
    pairs = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            pairs += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            pairs += [(node.module, alias.name) for alias in node.names]
    return pairs


def is_there(module: str, name: str) -> bool:
    try:
        return hasattr(importlib.import_module(module), name) or bool(importlib.import_module(f"{module}.{name}"))
    except ImportError:
        return False


def test_the_installed_tensorflow_has_all_private_names() -> None:
    names = [(module, name) for module, name in imports(MODULE) if module.startswith("tensorflow.")]
    names += [("tensorflow.python.eager.context", name) for name in ("context", "eager_mode", "FunctionCallOptions")]
    assert len(names) > 8
    missing = [f"{module}.{name}" for module, name in names if not is_there(module, name)]
    assert not missing, f"TensorFlow {tf.__version__} lacks {', '.join(missing)}"


def test_where_no_device_is_named_none_is_current() -> None:
    """TensorFlow itself says '' then, which ``tf.device`` takes for the first CPU, on a machine with a GPU, too."""
    assert internals.current_device() is None
    with tf.device("CPU:0"):
        assert str(internals.current_device()).endswith("CPU:0")
        with tf.device(None):
            assert internals.current_device() is None


def test_a_missing_name_is_noticed() -> None:
    assert not is_there("tensorflow.python.framework", "no_such_name")
    assert not is_there("tensorflow.no_such_module", "name")


def test_no_other_module_uses_private_tensorflow() -> None:
    files = [path for path in PACKAGE.rglob("*.py") if path != MODULE]
    assert len(files) > 100
    found = [
        f"{path.relative_to(PACKAGE)}: {module}"
        for path in files
        for module, name in imports(path)
        if f"{module}.{name}".startswith(PRIVATE)
    ]
    assert not found
    attributes = ("_handle_data", "function_captures", "by_val_internal", "internal_captures", "add_capture")
    used = [
        f"{path.relative_to(PACKAGE)}: .{node.attr}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in attributes
    ]
    assert not used


def test_ops_are_found_and_run_by_name() -> None:
    assert [argument.name for argument in internals.op_definition("MatMul").output_arg] == ["product"]
    assert internals.op_definition("NoSuchOp") is None
    values = [tf.constant([1.0, 2.0]), tf.constant([3.0, 4.0])]
    (total,) = internals.run_op("AddN", values, 1, ("N", 2, "T", tf.float32))
    np.testing.assert_array_equal(total, np.float32([4, 6]))
    first, second = internals.run_op("Unpack", [tf.constant([[1], [2]])], 2, ("num", 2, "axis", 0, "T", tf.int32))
    assert (first.numpy(), second.numpy()) == ([1], [2])


def test_gradients_are_found_by_the_name_of_their_op() -> None:
    assert callable(internals.gradient_function("Conv2D"))
    with pytest.raises(LookupError):
        internals.gradient_function("NoSuchOp")


def test_optimiser_options_hold_within_their_context_only() -> None:
    config = internals.default_optimiser_options()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    assert not internals.default_optimiser_options().graph_options.rewrite_options.disable_meta_optimizer
    context = internals._context.context()
    before = context.function_call_options
    with internals.optimiser_options(config):
        assert ConfigProto.FromString(context.function_call_options.config_proto_serialized) == config
    assert context.function_call_options is before
    with pytest.raises(LookupError), internals.optimiser_options(config):
        internals.gradient_function("NoSuchOp")
    assert context.function_call_options is before


def test_a_value_is_captured_by_the_placeholder_it_is_given() -> None:
    value, seen = tf.constant([1.0, 2.0]), []

    def body() -> tf.Tensor:
        graph = tf.compat.v1.get_default_graph()
        placeholder = tf.compat.v1.placeholder(tf.float32, [2], name="weight")
        seen.append(internals.is_captured(graph, value))
        internals.add_capture(graph, value, placeholder)
        seen.extend([internals.is_captured(graph, value), graph.capture(value) is placeholder])
        return placeholder * 2

    function = tf.compat.v1.wrap_function(body, [])
    assert seen == [False, True, True]
    assert [(held is value, inner.name) for held, inner in internals.captures_of(function.graph)] == [
        (True, "weight:0")
    ]
    np.testing.assert_array_equal(function(), np.float32([2, 4]))


def test_the_dtype_of_a_variable_is_read_from_its_handle() -> None:
    variable = tf.Variable(np.zeros(2, np.float16))
    function = tf.function(lambda: variable + 1).get_concrete_function()
    [(handle, _)] = function.graph.captures
    assert internals.dtype_of_variable(handle) == tf.float16.as_datatype_enum
    assert internals.dtype_of_variable(tf.constant(1.0)) is None


def registered(name: bytes) -> bool:
    return internals._context.context().has_function(name)


def caller_of(called: Any) -> Any:
    function = tf.compat.v1.wrap_function(lambda x: called(x), [tf.TensorSpec([2])])
    internals.free_with(function)
    return function


def test_functions_that_a_function_calls_are_freed_with_the_last_that_calls_them() -> None:
    called = tf.function(lambda x: 2 * x).get_concrete_function(tf.TensorSpec([2]))
    name, callers = called.name, [caller_of(called), caller_of(called)]
    del called
    gc.collect()
    for _ in range(2):
        assert registered(name)
        np.testing.assert_array_equal(callers[-1](tf.ones([2])), [2, 2])
        callers.pop()
        gc.collect()
    assert not registered(name)


def test_the_functions_of_others_stay() -> None:
    called = tf.function(lambda x: 2 * x).get_concrete_function(tf.TensorSpec([2]))
    caller_of(called)
    gc.collect()
    assert registered(called.name)
    np.testing.assert_array_equal(called(tf.ones([2])), [2, 2])

"""Whatever the user holds -> a ``Draft``: one small reader for each form. The user's object is only read."""

from __future__ import annotations

import tempfile
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError, Message

from ...errors import ModelError, ModelFormError, VariableError
from ..graph.freezing import Draft
from ..graph.graphdef import GraphDef, NodeDef, Value, ancestors, clean, copy_of, node_of, tensor_of
from .functions import draft_of_function
from .keras_models import draft_of_keras_model

v1 = tf.compat.v1
_FORMS = (
    "a tf.Graph, GraphDef, MetaGraphDef, session, Keras model, ConcreteFunction or tf.function, or the path of "
    "a .keras, .h5, .pb or .meta file, a checkpoint, or a SavedModel directory"
)


def draft_of(model: Any, arguments: Callable[[], list[np.ndarray]]) -> Draft:
    """Read any form of model.

    Args:
        model: what the user gave.
        arguments: gives the arrays that were fed, in order; asked only for models without a graph
            of their own, which must be traced (a subclassed Keras model, a tf.function without signature).

    Raises:
        ModelFormError: it is none of the forms. ModelError: it cannot be read; the cause is chained.
    """
    if model is None:
        session = v1.get_default_session()
        return _from_session(session) if session is not None else _from_graph(v1.get_default_graph())
    if isinstance(model, str | Path):
        return _from_path(Path(model), arguments)
    if isinstance(model, keras.Model):
        return draft_of_keras_model(model, arguments)
    if isinstance(model, tf.Graph):
        return _from_graph(model)
    if isinstance(model, v1.MetaGraphDef):
        return _from_graph_def(model.graph_def)
    if isinstance(model, GraphDef):
        return _from_graph_def(model)
    if isinstance(getattr(model, "graph", None), tf.Graph) and hasattr(model, "run"):
        return _from_session(model)
    if hasattr(model, "signatures") and hasattr(model, "tensorflow_version"):
        return _from_saved_object(model, "the loaded SavedModel")
    if isinstance(model, tf.types.experimental.ConcreteFunction):
        return draft_of_function(model)
    if isinstance(model, tf.types.experimental.PolymorphicFunction):
        return draft_of_function(_traced(model, arguments))
    raise ModelFormError(f"Expected {_FORMS}. Received: model={model!r} of type {type(model).__name__}.")


# ---- graphs and sessions of TensorFlow 1


def _from_graph(graph: tf.Graph) -> Draft:
    session = v1.get_default_session()
    if session is not None and session.graph is graph:
        return _from_session(session)
    return _from_graph_def(graph.as_graph_def())


def _from_graph_def(graph_def: GraphDef) -> Draft:
    return Draft(graph_def, lambda names: _initial_values(graph_def, names))


def _from_session(session: Any) -> Draft:
    graph = session.graph
    return Draft(graph.as_graph_def(), lambda names: _session_values(session, graph, names))


def _session_values(session: Any, graph: tf.Graph, names: Sequence[str]) -> dict[str, Value]:
    fetches = {}
    for name in names:
        handle = graph.get_tensor_by_name(tensor_of(name))
        if handle.dtype == tf.resource:
            # a read with control inputs could run a training step
            reads = [op for op in handle.consumers() if op.type == "ReadVariableOp" and not op.control_inputs]
            if not reads:
                raise VariableError(
                    f"Expected an op that reads the variable. Received: {name!r}, which this graph never reads "
                    "by itself. Save a checkpoint and pass its path."
                )
            handle = reads[0].outputs[0]
        fetches[name] = handle
    try:
        return session.run(fetches)
    except tf.errors.FailedPreconditionError as error:
        raise VariableError(
            f"Expected a session whose variables have values. Received: {error.message.splitlines()[0]} "
            "Run the initializer or restore a checkpoint in this session first."
        ) from error


def _initial_values(graph_def: GraphDef, names: Sequence[str]) -> dict[str, Value]:
    """The initial values of variables that start as constants (pretrained weights are often given so)."""
    nodes = {node.name: node for node in graph_def.node}
    assigned: dict[str, str] = {}
    for node in graph_def.node:
        if node.op in ("Assign", "AssignVariableOp"):
            assigned.setdefault(node_of(node.input[0]), node.input[1])
    known = [name for name in names if name in assigned and _is_constant(nodes, assigned[name])]
    random = [name for name in names if name not in known]
    if random:
        shown = ", ".join(random[:5]) + (" ..." if len(random) > 5 else "")
        raise VariableError(
            f"Expected variables with values. Received: a graph without its session, and {len(random)} of "
            f"{len(names)} variables start at random or nowhere: {shown}. "
            "Pass the session that holds the values, or the path of the checkpoint."
        )
    warnings.warn(
        f"The graph came without a session: its {len(known)} variables are shown with their constant initial "
        "values. Pass the session to see the current ones.",
        stacklevel=2,
    )
    return _evaluate(graph_def, [assigned[name] for name in known], known)


def _is_constant(nodes: Mapping[str, NodeDef], reference: str) -> bool:
    stateful = {"Placeholder", "VarHandleOp", "VariableV2", "Variable", "PartitionedCall", "StatefulPartitionedCall"}
    ops = {nodes[name].op for name in ancestors(nodes, [node_of(reference)])}
    return not any(op in stateful or "Random" in op or op == "TruncatedNormal" for op in ops)


def _evaluate(graph_def: GraphDef, references: list[str], names: list[str]) -> dict[str, Value]:
    nodes = {node.name: node for node in graph_def.node}
    kept = ancestors(nodes, [node_of(reference) for reference in references])
    cut = clean(copy_of(graph_def, [nodes[name] for name in kept]))
    fetched = [tensor_of(reference) for reference in references]
    function = v1.wrap_function(
        lambda: tf.graph_util.import_graph_def(cut, return_elements=fetched, name=""), signature=[]
    )
    return dict(zip(names, function(), strict=True))


# ---- functions of TensorFlow 2


def _traced(function: Any, arguments: Callable[[], list[np.ndarray]]) -> Any:
    if function.input_signature is not None:
        return function.get_concrete_function()
    given = [tf.TensorSpec([None, *array.shape[1:]], array.dtype) for array in arguments()]
    return function.get_concrete_function(*given)


# ---- files


def _from_path(path: Path, arguments: Callable[[], list[np.ndarray]]) -> Draft:
    """Content decides, not the suffix; a checkpoint is found by its prefix."""
    if path.is_dir():
        return _from_directory(path)
    if path.is_file() and path.suffix != ".meta" and not path.name.endswith(".index"):
        return _from_file(path, arguments)
    return _from_checkpoint(path)


def _from_directory(path: Path) -> Draft:
    if (path / "saved_model.pb").is_file() or (path / "saved_model.pbtxt").is_file():
        return _from_saved_model(path)
    state = tf.train.get_checkpoint_state(str(path)) if (path / "checkpoint").is_file() else None
    if state is not None:
        latest = path / Path(state.model_checkpoint_path).name  # the file may name a folder that is gone
        if Path(f"{latest}.meta").is_file():
            return _from_checkpoint(latest)
    metas = sorted(path.glob("*.meta"), key=lambda each: each.stat().st_mtime)
    if metas:
        return _from_checkpoint(metas[-1])
    raise ModelError(
        f"Expected a SavedModel (saved_model.pb) or a checkpoint (*.meta) in the directory. "
        f"Received: {str(path)!r} with {sorted(each.name for each in path.iterdir())[:8]}."
    )


def _from_file(path: Path, arguments: Callable[[], list[np.ndarray]]) -> Draft:
    if zipfile.is_zipfile(path):
        return draft_of_keras_model(_load_keras(path, ".keras"), arguments)
    content = path.read_bytes()
    if content.startswith(b"\x89HDF\r\n"):
        return draft_of_keras_model(_load_keras(path, ".h5"), arguments)
    if content[:1] == b"\x08":  # SavedModel starts with its schema version, a GraphDef with a node
        return _from_saved_model(path.parent)
    graph_def = _parsed(GraphDef(), content)
    if graph_def is not None and any(node.op for node in graph_def.node):
        return _from_graph_def(graph_def)
    meta = _parsed(v1.MetaGraphDef(), content)
    if meta is not None and meta.graph_def.node:
        return _from_graph_def(meta.graph_def)
    raise ModelError(
        f"Expected the path of {_FORMS.split('the path of ')[1]}. "
        f"Received: {str(path)!r} ({len(content)} bytes), which is none of these."
    )


def _parsed(message: Message, content: bytes) -> Any:
    try:
        message.ParseFromString(content)
    except DecodeError:
        return None
    return message


def _load_keras(path: Path, suffix: str) -> keras.Model:
    # Keras chooses the format by suffix alone
    with tempfile.TemporaryDirectory() as folder:
        named = path if path.suffix == suffix else Path(folder) / f"model{suffix}"
        if named != path:
            named.symlink_to(path.resolve())
        try:
            return keras.models.load_model(named, compile=False)
        except Exception as error:
            if "No model config" in str(error):
                raise ModelError(
                    f"Expected a model with its architecture. Received: {str(path)!r}, which holds weights only. "
                    "Build the model in Python, call model.load_weights(path), and pass the model."
                ) from error
            raise ModelError(
                f"Expected a model that Keras {keras.__version__} can load. Received: {str(path)!r}: {error} "
                "For layers of your own, load it with keras.models.load_model(path, custom_objects=...) and pass "
                "the model."
            ) from error


def _from_saved_model(directory: Path) -> Draft:
    try:
        return _from_saved_object(tf.saved_model.load(str(directory)), str(directory))
    except ModelError:
        raise
    except Exception as error:  # some exports of older versions load only the old way
        return _from_saved_model_v1(directory, error)


def _from_saved_object(loaded: Any, origin: str) -> Draft:
    signatures = dict(loaded.signatures)
    if not signatures:
        raise ModelError(
            f"Expected a SavedModel with a signature. Received: {origin}, which has none. "
            "Export it with model.export(path), or pass one of its functions."
        )
    name = next((key for key in ("serving_default", "serve") if key in signatures), min(signatures))
    return draft_of_function(signatures[name])


def _from_saved_model_v1(directory: Path, cause: Exception) -> Draft:
    graph = tf.Graph()
    try:
        with graph.as_default(), v1.Session(graph=graph) as session:
            v1.saved_model.load(session, ["serve"], str(directory))
            names = [op.name for op in graph.get_operations() if op.type in ("VarHandleOp", "VariableV2", "Variable")]
            values = _session_values(session, graph, names) if names else {}
    except Exception as error:
        raise ModelError(
            f"Expected a SavedModel that TensorFlow {tf.__version__} can load. "
            f"Received: {str(directory)!r}: {cause}; and the loader of TensorFlow 1: {error}"
        ) from error
    return Draft(graph.as_graph_def(), lambda needed: {name: values[name] for name in needed})


def _from_checkpoint(path: Path) -> Draft:
    """A checkpoint needs no session: its graph is parsed and the values are read by name."""
    prefix = Path(str(path).removesuffix(".meta").removesuffix(".index"))
    meta_path = Path(f"{prefix}.meta")
    if not meta_path.is_file():
        raise ModelError(
            f"Expected {_FORMS}. Received: {str(path)!r}, which does not exist. "
            f"Looked for {str(path)!r} and {str(meta_path)!r}."
        )
    meta = _parsed(v1.MetaGraphDef(), meta_path.read_bytes())
    if meta is None:
        raise ModelError(f"Expected a MetaGraphDef. Received: {str(meta_path)!r}, which cannot be parsed.")

    def read(names: Sequence[str]) -> dict[str, Value]:
        if not Path(f"{prefix}.index").is_file():
            raise VariableError(
                f"Expected the checkpoint of {str(meta_path)!r}. Received: no such file. "
                f"Looked for '{prefix}.index' and '{prefix}.data-00000-of-00001'."
            )
        reader = tf.train.load_checkpoint(str(prefix))
        keys = _checkpoint_keys(meta.graph_def)
        return {
            name: reader.get_tensor(keys.get(name, name)) for name in names if reader.has_tensor(keys.get(name, name))
        }

    return Draft(meta.graph_def, read)


def _checkpoint_keys(graph_def: GraphDef) -> dict[str, str]:
    """Under which key the graph's own saver stores each variable; the name, unless the user chose others."""
    nodes = {node.name: node for node in graph_def.node}
    keys: dict[str, str] = {}
    for save in (node for node in graph_def.node if node.op == "SaveV2"):
        names = tf.make_ndarray(nodes[node_of(save.input[1])].attr["value"].tensor)
        for key, reference in zip(names, save.input[3:], strict=True):
            variables = [
                name
                for name in ancestors(nodes, [node_of(reference)])
                if nodes[name].op in ("VarHandleOp", "VariableV2", "Variable")
            ]
            if len(variables) == 1:
                keys[variables[0]] = key.decode()
    return keys

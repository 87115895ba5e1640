"""Finds the reader for what a person holds. A new form of model is one module and one row here.

Each reader takes the model, or the path of a file, and returns a ``Draft``, or ``None`` if the model has another form.
It raises ``ModelError`` if the model has its form and cannot be read. Readers change nothing. Of a file the content
decides, not the suffix. Errors name the forms as these tables do; the docstring of ``load`` and the README list them by
hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from ...errors import CnnvisError, ModelError, ModelFormError, described
from ..graph.freezing import Draft
from ..graph.graphdef import GraphDef
from . import checkpoints, foreign, functions, keras_files, keras_models, saved_models, tf1
from .tracing import Request


class Form(NamedTuple):
    """A form of model: its name for people, and its reader."""

    name: str
    read: Callable[[Any, Request], Draft | None]


OBJECTS = (
    Form("a Keras model", keras_models.read_model),
    Form("a tf.Graph", tf1.read_graph),
    Form("a GraphDef or MetaGraphDef", tf1.read_graph_def),
    Form("a session", tf1.read_session),
    Form("a loaded SavedModel", saved_models.read_object),
    Form("a ConcreteFunction", functions.read_concrete_function),
    Form("a tf.function", functions.read_function),
    Form("a tf.Module that can be called", functions.read_module),
)
FILES = (
    Form("a .keras file", keras_files.read_archive),
    Form("an .h5 file", keras_files.read_hdf5),
    Form("a SavedModel directory", saved_models.read_path),
    Form("a checkpoint or its .meta file", checkpoints.read_checkpoint),
    Form("a .pb or .pbtxt file", tf1.read_graph_file),
)
"""The first reader that returns a draft counts."""


def draft_of(model: Any, request: Request) -> Draft:
    """Read any form of model.

    Args:
        model: an object of one of the forms ``OBJECTS``, the path of one of ``FILES``, or ``None`` for the default
            session, else the default graph.
        request: what a reader needs beside the model. Its arrays are looked at only for models without a graph of
            their own, which must be traced: a subclassed Keras model, a tf.function without a signature.

    Raises:
        ModelFormError: it is none of the forms.
        ModelError: it cannot be read; the cause is chained.
        VariableError: its variables have no values.
        TrustError: it has code that would run, and the request is not trusted.
    """
    if model is None:
        return tf1.draft_of_default(request)
    is_path = isinstance(model, str | Path)
    source = Path(model) if is_path else model
    for form in FILES if is_path else OBJECTS:
        draft = form.read(source, request)
        if draft is not None:
            return draft
    if is_path:
        raise _unknown_path(source)
    message = (
        f"Expected {_names(OBJECTS)}, or the path of {_names(FILES)}. "
        f"Received: model={_shown(model)} of type {type(model).__name__}. {foreign.way_for_object(model)}"
    )
    raise ModelFormError(message.rstrip())


@contextmanager
def unreadable(model: Any) -> Iterator[None]:
    """Raise a ModelError in place of whatever a damaged file or graph makes TensorFlow, Keras or a walk raise.

    What Python objects of the user raise passes as it is.
    """
    try:
        yield
    except (CnnvisError, Warning):  # a warning may be an error by the user's own filters
        raise
    except Exception as error:
        if not isinstance(model, str | Path | GraphDef | tf.compat.v1.MetaGraphDef | bytes):
            raise
        shown = repr(str(model)) if isinstance(model, str | Path) else f"a {type(model).__name__}"
        raise ModelError(
            f"Expected a model that can be read. Received: {shown}, which raised {described(error)[:500]} "
            "It may be damaged: copy or download it again."
        ) from error


def _names(forms: tuple[Form, ...]) -> str:
    return ", ".join(form.name for form in forms)


def _weights_alone(path: Path) -> str:
    """Say what to do with a checkpoint of TensorFlow 2, which has no graph beside it."""
    if not any(path.glob("*.index")):
        return ""
    return (
        " This checkpoint holds weights only. Build the model in Python, restore them with "
        "tf.train.Checkpoint(model=model).restore(...) or model.load_weights(...), and pass the model."
    )


def _shown(model: Any, most: int = 80) -> str:
    text = repr(model)
    return text if len(text) <= most and "\n" not in text else f"{text.splitlines()[0][:most]} ..."


def _unknown_path(path: Path) -> ModelError:
    way = foreign.way_for_file(path)
    if way:
        return ModelError(f"Expected the path of {_names(FILES)}. Received: {str(path)!r}. {way}")
    if path.is_dir():
        return ModelError(
            f"Expected the path of {_names(FILES)}. Received: the directory {str(path)!r} "
            f"with {sorted(file.name for file in path.iterdir())[:8]}.{_weights_alone(path)}"
        )
    if path.is_file() and not checkpoints.belongs_to_checkpoint(path):
        return ModelError(
            f"Expected the path of {_names(FILES)}. "
            f"Received: {str(path)!r} ({path.stat().st_size} bytes), which is none of these."
        )
    return ModelError(
        f"Expected the path of {_names(FILES)}. Received: {str(path)!r}, where there is none. "
        f"Looked for {str(path)!r} and {str(checkpoints.meta_path(path))!r}."
    )

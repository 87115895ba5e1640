"""Looks at the files of a SavedModel before TensorFlow's loader does, which runs what a SavedModel tells it to run.

The loader creates the tables of a SavedModel and fills them, by functions that the file brings along. These may hold
any op. So each of them is held to ``ops.allowed.SETTING_UP`` first. Variables are read from the checkpoint by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from ...errors import ModelError, TrustError
from ..graph.function_bodies import functions_of
from ..graph.graphdef import parsed
from ..ops.allowed import READS_FILES_WHILE_IMPORTED, RESTORING, SETTING_UP
from .checkpoints import open_checkpoint
from .soundness import require_room, require_sound
from .trust import REMEDY, listed_ops, warn_of_trust

_RUN_BY_THE_LOADER = ("_create_resource", "_initialize", "_destroy_resource", "_initializer")


@dataclass(frozen=True)
class SavedModelFiles:
    """A SavedModel, parsed, of which nothing has run.

    Attributes:
        directory: where it lies.
        meta_graphs: its graphs; most have one.
    """

    directory: Path
    meta_graphs: tuple[MetaGraphDef, ...]

    @property
    def has_objects(self) -> bool:
        """Whether it is of TensorFlow 2, which stores objects and their functions."""
        return len(self.meta_graphs) == 1 and self.meta_graphs[0].HasField("object_graph_def")

    @property
    def variables(self) -> str:
        """The prefix of its checkpoint."""
        return str(self.directory / "variables" / "variables")

    def served(self) -> MetaGraphDef:
        """Return the graph that is meant for use.

        Raises:
            ModelError: none says so, and there are several.
        """
        serving = [meta for meta in self.meta_graphs if set(meta.meta_info_def.tags) == {"serve"}]
        if not serving and len(self.meta_graphs) != 1:
            tags = [sorted(meta.meta_info_def.tags) for meta in self.meta_graphs]
            raise ModelError(
                f"Expected a SavedModel with one graph, or one with the tag 'serve'. Received: "
                f"{str(self.directory)!r} with the tags {tags}. Export it for serving."
            )
        return (serving or list(self.meta_graphs))[0]

    def require_harmless(self) -> None:
        """Check that TensorFlow's loader would run nothing but what fills tables and variables.

        Raises:
            TrustError: it would.
        """
        others = self._others()
        if others:
            raise TrustError(
                f"Expected a SavedModel that runs nothing while it is read, but what fills its tables. Received: "
                f"{str(self.directory)!r}, which has {listed_ops(others)} run. {REMEDY}"
            )

    def tell(self) -> None:
        """Warn of what TensorFlow's loader runs beside the filling of tables."""
        others = self._others()
        if others:
            warn_of_trust(f"has {listed_ops(others)} run while it is read")

    def _others(self) -> list[NodeDef]:
        [meta] = self.meta_graphs
        bodies = {function.signature.name: function.node_def for function in meta.graph_def.library.function}
        reading = [
            node
            for nodes in (meta.graph_def.node, *bodies.values())
            for node in nodes
            if node.op in READS_FILES_WHILE_IMPORTED
        ]
        objects = meta.object_graph_def
        setting_up = _behind(_names(objects, _functions_of_resources(objects)), bodies)
        restoring = _behind(_names(objects, _functions_of_saveables(objects)), bodies)
        return [
            *reading,
            *(node for node in setting_up if node.op not in SETTING_UP | bodies.keys()),
            *(node for node in restoring if node.op not in RESTORING | bodies.keys()),
        ]


def read_saved_model(directory: Path) -> SavedModelFiles:
    """Parse a SavedModel, and look at its sizes.

    Raises:
        ModelError: it is damaged, or does not fit into memory.
    """
    binary, text = directory / "saved_model.pb", directory / "saved_model.pbtxt"
    path = binary if binary.is_file() else text
    require_room(2 * path.stat().st_size, f"the file {str(path)!r}")
    content = path.read_bytes()
    saved: Any = parsed(SavedModel(), content) if path == binary else _parsed_text(content)
    if saved is None or not saved.meta_graphs:
        raise ModelError(f"Expected a SavedModel. Received: {str(path)!r}, which cannot be parsed. Export it again.")
    for meta in saved.meta_graphs:
        require_sound(meta.graph_def)
    result = SavedModelFiles(directory, tuple(saved.meta_graphs))
    if Path(f"{result.variables}.index").is_file():
        open_checkpoint(result.variables)
    return result


def _parsed_text(content: bytes) -> SavedModel | None:
    try:
        return text_format.Parse(content.decode(), SavedModel())
    except (text_format.ParseError, UnicodeDecodeError):
        return None


def _functions_of_resources(objects: Any) -> Iterator[int]:
    """Yield the numbers of the objects that the loader calls to create, fill and destroy tables."""
    for node in objects.nodes:
        named = node.WhichOneof("kind") == "resource"
        yield from (child.node_id for child in node.children if named or child.local_name in _RUN_BY_THE_LOADER)


def _functions_of_saveables(objects: Any) -> Iterator[int]:
    for node in objects.nodes:
        yield from (saveable.restore_function for saveable in node.saveable_objects.values())


def _names(objects: Any, numbers: Iterator[int]) -> set[str]:
    """Return the functions in the library that objects stand for."""
    names: set[str] = set()
    for number in numbers:
        node = objects.nodes[number] if 0 <= number < len(objects.nodes) else None
        if node is not None and node.WhichOneof("kind") == "function":
            names.update(node.function.concrete_functions)
        elif node is not None and node.WhichOneof("kind") == "bare_concrete_function":
            names.add(node.bare_concrete_function.concrete_function_name)
    return names


def _behind(names: Collection[str], bodies: Any) -> list[NodeDef]:
    """Return the ops of functions, and of all that they call."""
    seen, pending, nodes = set[str](), list(names), list[NodeDef]()
    while pending:
        name = pending.pop()
        if name in bodies and name not in seen:
            seen.add(name)
            nodes += bodies[name]
            pending += [called for node in bodies[name] for called in functions_of(node)]
    return nodes

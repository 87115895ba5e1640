"""Loads the files in which Keras keeps models: .keras archives and .h5 files, of Keras 3 and of Keras 2."""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras

from ...errors import ModelError, described
from ..graph.freezing import Draft
from .file_variables import FileModel, built_from_file, emptied_when_read
from .keras2_configs import mended
from .keras2_layers import LAYERS
from .keras_archives import archive_texts, damaged, weights_in_archive, weights_in_hdf5
from .keras_models import draft_of_keras_model, require_backend
from .keras_trust import require_harmless, require_room_for_weights
from .tracing import Request

_HDF5_SIGNATURE = b"\x89HDF\r\n"
_MODELS = ("Functional", "Model", "Sequential")
_MODULES = (keras.layers, keras.initializers, keras.regularizers, keras.constraints)
_OTHER_WAYS = (
    "It loads where it was made, and as a SavedModel: there, call model.export('folder') (tf.keras of version 2: "
    "tf.saved_model.save(model, 'folder')) and pass the folder, or pass tf.function(lambda x: model(x))."
)


def read_archive(path: Path, request: Request) -> Draft | None:
    """Read a .keras file, which is a ZIP archive with a config; any other path gives ``None``.

    Raises:
        ModelError: it is damaged, or Keras cannot load it.
        TrustError: it holds or names code; see ``keras_trust``.
    """
    if not zipfile.is_zipfile(path):
        return None
    texts = archive_texts(path)
    if "config.json" not in texts:
        return None
    require_backend()
    config, metadata = texts["config.json"], texts.get("metadata.json")
    require_harmless(config, repr(str(path)), trusted=request.trusted)
    require_room_for_weights(config, weights_in_archive(path), repr(str(path)))
    version = str(metadata.get("keras_version", "3") if isinstance(metadata, dict) else "3")
    if not version.startswith("2"):
        return _draft_of(_loaded(path, ".keras", path, trusted=request.trusted), request)
    try:
        return _draft_of(_loaded_by_tf_keras(path, ".keras", request.trusted), request)
    except ImportError as error:
        raise ModelError(
            f"Expected a .keras file of Keras 3. Received: {str(path)!r} of Keras {version}. "
            "Install the package tf_keras, which reads it: pip install tf_keras. " + _OTHER_WAYS
        ) from error


def read_hdf5(path: Path, request: Request) -> Draft | None:
    """Read an .h5 file; any other path gives ``None``.

    Raises:
        ModelError: it is damaged, or Keras cannot load it.
        TrustError: it holds or names code; see ``keras_trust``.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        if file.read(len(_HDF5_SIGNATURE)) != _HDF5_SIGNATURE:
            return None
    require_backend()
    elements = weights_in_hdf5(path)
    config, version = _architecture(path)
    if config is None:
        raise ModelError(
            f"Expected a model with its architecture. Received: {str(path)!r}, which holds weights only. "
            "Build the model in Python, call model.load_weights(path), and pass the model."
        )
    require_harmless(config, repr(str(path)), trusted=request.trusted)
    require_room_for_weights(config, elements, repr(str(path)))
    return _draft_of(_loaded_hdf5(path, config, version, request.trusted), request)


def runs_python_code(path: Path) -> bool:
    """Return whether a file is one of Keras and may be loaded with code from elsewhere, which it only names."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json")) if "config.json" in archive.namelist() else None
    else:
        config = _architecture(path)[0] if h5py.is_hdf5(path) else None
    return config is not None and (bool(keras.saving.get_custom_objects()) or not _is_of_keras(config))


def _is_of_keras(config: Any) -> bool:
    """Return whether all classes of an architecture are those of Keras. Keras 2 does not say where they are from."""
    if isinstance(config, dict):
        name, module = str(config.get("class_name", "Model")), str(config.get("module", "keras"))
        is_plain = name.startswith("__") or name in _MODELS  # a tensor or a tuple, or the model
        known = "module" in config or is_plain or any(hasattr(each, name) for each in _MODULES)
        own = name == "Lambda" or not known or (module != "keras" and not module.startswith("keras."))
        return not own and all(map(_is_of_keras, config.values()))
    return not isinstance(config, list) or all(map(_is_of_keras, config))


def _architecture(path: Path) -> tuple[dict[str, Any] | None, str]:
    """Return the architecture in an .h5 file, and the version of Keras that wrote it."""

    def text(value: Any) -> str:
        return value.decode() if isinstance(value, bytes) else str(value)

    with damaged(path), h5py.File(path, "r") as file:
        weights = file.get("model_weights", file)
        version = text(file.attrs.get("keras_version", weights.attrs.get("keras_version", "")))
        if "model_config" not in file.attrs:
            return None, version
        config: dict[str, Any] = json.loads(text(file.attrs["model_config"]))
        return config, version


def _draft_of(loaded: FileModel, request: Request) -> Draft:
    return emptied_when_read(draft_of_keras_model(loaded.model, request.arguments), loaded.variables)


def _loaded_hdf5(path: Path, config: dict[str, Any], version: str, trusted: bool) -> FileModel:
    if version.startswith("3"):
        return _loaded(path, ".h5", path, trusted=trusted)
    ways: list[Callable[[], FileModel]] = [lambda: _loaded_mended(path, config, trusted)]
    if importlib.util.find_spec("tf_keras") is not None:
        ways.append(lambda: _loaded_by_tf_keras(path, ".h5", trusted))
    return _first_of(ways)


def _first_of(ways: list[Callable[[], FileModel]]) -> FileModel:
    """Return what the first way gives that does not fail; the error is that of the first."""
    first: ModelError | None = None
    for way in ways:
        try:
            return way()
        except ModelError as error:
            first = first or error
        except Exception as error:
            first = first or ModelError(f"Expected a model that loads. Received: {described(error)}")
    raise first or ModelError("Expected a model that loads.")


def _loaded_mended(path: Path, config: dict[str, Any], trusted: bool) -> FileModel:
    """Load an .h5 file of Keras 2 by way of a file with its weights and a mended architecture."""
    with tempfile.TemporaryDirectory() as folder:
        beside = Path(folder) / "model.h5"
        with h5py.File(path, "r") as old, h5py.File(beside, "w") as new:
            for key in ("keras_version", "backend"):
                if key in old.attrs:
                    new.attrs[key] = old.attrs[key]
            new.attrs["model_config"] = json.dumps(mended(config))
            old.copy("model_weights", new)  # a link would do, but Keras refuses files with links
        return _loaded(beside, ".h5", path, LAYERS, trusted=trusted)


def _loaded(
    path: Path, suffix: str, origin: Path, layers: Mapping[str, type] | None = None, *, trusted: bool
) -> FileModel:
    with tempfile.TemporaryDirectory() as folder:
        named = _named(path, suffix, folder)
        options: dict[str, Any] = {"custom_objects": layers, "compile": False, "safe_mode": not trusted}
        try:
            return built_from_file(lambda: keras.models.load_model(named, **options))
        except Exception as error:
            raise ModelError(
                f"Expected a model that Keras {keras.__version__} can load. Received: {str(origin)!r}: {error} "
                "For layers of your own, load it with keras.models.load_model(path, custom_objects=...) and pass "
                "the model. For functions of keras.ops, which .h5 files cannot hold, save it as .keras. For layers of "
                f"Keras 2, install the package tf_keras: pip install tf_keras. {_OTHER_WAYS}"
            ) from error


def _loaded_by_tf_keras(path: Path, suffix: str, trusted: bool) -> FileModel:
    load_model = importlib.import_module("tf_keras").models.load_model
    with tempfile.TemporaryDirectory() as folder:
        named = str(_named(path, suffix, folder))
        return built_from_file(lambda: load_model(named, compile=False, safe_mode=not trusted))


def _named(path: Path, suffix: str, folder: str) -> Path:
    """Return the path under a name with the right suffix, by which alone Keras chooses the format."""
    if path.suffix == suffix:
        return path
    named = Path(folder) / f"model{suffix}"
    try:
        named.symlink_to(path.resolve())
    except (OSError, NotImplementedError):  # Windows without developer mode, and file systems without links
        shutil.copyfile(path, named)
    return named

"""What a command line names: a model, images, class names, labels, a function. Only loading imports TensorFlow."""

from __future__ import annotations

import csv
import glob
import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from runpy import run_path
from typing import TYPE_CHECKING, Any

from ..errors import ImageError, ModelError, OptionError
from ..imaging.folders import image_paths

if TYPE_CHECKING:
    from ..engine.network.network import Network

DEMO = "demo"
"""The word for the network, and for the photographs, that the package brings."""


def require_files(arguments: Namespace) -> None:
    """Check that the files of a command line are there, before anything is loaded.

    Raises:
        ModelError, ImageError, OptionError: one is not.
    """
    model = getattr(arguments, "model", DEMO)
    if model != DEMO and not os.path.exists(model) and not glob.glob(f"{glob.escape(model)}.*"):
        raise ModelError(
            f"Expected a model. Received: {model!r}, and there is no such file or folder. "
            f"Give the path of a model, or {DEMO!r}."
        )
    for word in getattr(arguments, "images", []):
        if word != DEMO and (os.path.exists(word) or glob.has_magic(word)):
            image_paths(word)
        elif word != DEMO:
            raise ImageError(
                f"Expected images. Received: {word!r}, and there is no such file or folder. "
                f"Give files, a folder, a pattern in quotes, or {DEMO!r}."
            )
    labels = getattr(arguments, "labels", "folder")
    if labels != "folder" and not os.path.isfile(labels):
        raise OptionError(f"Expected 'folder' or a file. Received: --labels {labels}. There is no such file.")


def network_of(arguments: Namespace, feed: Any = None) -> Network:
    """Load the model that a command line names, with its settings.

    Args:
        arguments: of the command.
        feed: what it is fed by default.

    Raises:
        ModelError, FeedError, OptionError: as ``load``.
    """
    from ..demo import network
    from ..engine.network.loading import load

    model = network() if arguments.model == DEMO else arguments.model
    return load(
        model,
        feed,
        image_input=arguments.image_input,
        class_names=_class_names(arguments.class_names),
        heads=_heads(arguments.heads),
        preprocess=_function(arguments.preprocess),
        trusted=arguments.trusted,
    )


def images_of(words: Sequence[str]) -> Any:
    """The images that words name: arrays, or a list of paths; ``None`` for no words.

    Raises:
        ImageError: a folder or pattern without images, or a file that is no array.
    """
    if not words:
        return None
    if len(words) == 1 and words[0].endswith(".npy"):
        return _array(words[0])
    parts = [_photographs() if word == DEMO else image_paths(word) for word in words]
    return [image for part in parts for image in part]


def _photographs() -> list[Any]:
    from ..demo import photos

    return [(picture, None, name) for name, picture in photos().items()]


def fed(images: Any) -> Any:
    """Images as something to feed, without keys."""
    if isinstance(images, list):
        return [image[0] if isinstance(image, tuple) else image for image in images]
    return images


def names_of(images: Any) -> list[str]:
    """What to call images: paths and names; none for arrays."""
    if not isinstance(images, list):
        return []
    return [image[2] if isinstance(image, tuple) else str(image) for image in images]


def _array(path: str) -> Any:
    import numpy as np

    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise ImageError(f"Expected an array that numpy.save wrote. Received: {path!r}. {error}") from error


def _class_names(words: Sequence[str] | None) -> Any:
    """Names in their order, or those of a file."""
    if not words or len(words) > 1 or not os.path.isfile(words[0]):
        return words or None
    text = Path(words[0]).read_text("utf-8")
    if not words[0].endswith(".json"):
        return [line.strip() for line in text.splitlines() if line.strip()]
    try:
        names = json.loads(text)
    except ValueError as error:
        raise OptionError(f"Expected class names in JSON. Received: {words[0]!r}. {error}") from error
    if isinstance(names, Mapping) and all(key.isdecimal() for key in names):
        return {int(key): name for key, name in names.items()}
    return names


def _heads(words: Sequence[str] | None) -> dict[str, str] | None:
    if not words:
        return None
    pairs = [word.rpartition("=") for word in words]
    for word, (name, _, meaning) in zip(words, pairs, strict=True):
        if not name or not meaning:
            raise OptionError(f"Expected NAME=MEANING. Received: --heads {word}. Write, say, scores=labels.")
    return {name: meaning for name, _, meaning in pairs}


def _function(word: str | None) -> Callable[..., Any] | None:
    """The function of a file or module of the user."""
    if word is None:
        return None
    place, _, name = word.rpartition(":")
    if not place or not name:
        raise OptionError(f"Expected FILE.py:FUNCTION or MODULE:FUNCTION. Received: --preprocess {word}.")
    if place.endswith(".py"):
        if not os.path.isfile(place):
            raise OptionError(f"Expected a file. Received: --preprocess {word}. There is no {place!r}.")
        found = run_path(place).get(name)
    else:
        sys.path.insert(0, os.getcwd())
        try:
            found = getattr(import_module(place), name, None)
        except ImportError as error:
            raise OptionError(f"Expected a module. Received: --preprocess {word}. {error}") from error
        finally:
            sys.path.remove(os.getcwd())
    if not callable(found):
        raise OptionError(f"Expected a function. Received: --preprocess {word}. There is no {name!r} in {place!r}.")
    return found


def labels_of(word: str | None, images: Any) -> Any:
    """The labels of images: 'folder', or those of a file.

    Args:
        word: 'folder'; an .npy file, or a text file with a label a line, in the order of the images; or a .csv or .tsv
            file with path (or name) and label of an image in each row.
        images: what they belong to.

    Raises:
        OptionError: the file tells of none of the images.
    """
    if word in (None, "folder"):
        return word
    path = Path(str(word))
    if path.suffix == ".npy":
        return _array(str(path)).tolist()
    if path.suffix not in (".csv", ".tsv"):
        return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        table = {row[0]: row[1] for row in rows if len(row) > 1}

    def label(key: str) -> str | None:
        return table.get(key, table.get(Path(key).name))

    if isinstance(images, list) and not any(label(str(image)) for image in images):
        raise OptionError(
            f"Expected the paths or names of the images in {str(path)!r}. Received: none of them, but "
            f"{next(iter(table), 'no rows')!r}. Write one row for each image: path,label."
        )
    return label

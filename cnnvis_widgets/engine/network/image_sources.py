"""Whatever a person has images in becomes a stream of single images and arrays, read one at a time."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from numbers import Number
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import FeedError, FeedWarning, described
from ...imaging.folders import image_paths
from ...imaging.reading import is_image_source
from .feeds import as_array

MOST_ITEMS = 2**14
"""Items that are read from an iterator, which may have no end."""
_IMAGE_KEYS = ("image", "images", "input", "x")
_LONGEST_PATH = 4096


def items_of(value: Any) -> Iterator[Any]:
    """Yield the images of a value in any spelling, one after the other, in their order.

    Args:
        value: an image (path, content of a file, binary file, PIL image), a folder, a glob pattern, an array of one
            image or of several, nested lists of numbers, or any collection of these: a list, a pandas Series, a
            ``tf.data.Dataset`` of images or of (image, label), an iterator.

    Yields:
        Image sources (see ``imaging.reading``) and arrays of numbers.

    Raises:
        FeedError: the value holds neither images nor numbers, or a data set has no end.
        ImageError: a folder or pattern has no image files.
    """
    if isinstance(value, str | os.PathLike):
        yield from image_paths(value)
    elif is_image_source(value):
        yield value
    elif isinstance(value, tf.data.Dataset):
        for element in elements_of(value):
            image = image_in(element)
            yield from items_of(np.asarray(image, object) if isinstance(image, bytes) else image)
    elif isinstance(value, Mapping):
        raise FeedError(
            f"Expected numbers or images. Received: a {type(value).__name__} with the keys {list(value)[:5]}. "
            "Only a whole feed can be a dict."
        )
    elif hasattr(value, "to_numpy"):
        yield from items_of(value.to_numpy())
    elif is_numbers(value) or hasattr(value, "__array__"):
        array = _array(value)
        yield from _items_of_objects(array) if array.dtype.kind in "OUS" else [array]
    elif isinstance(value, Iterable):
        for item in _entries(value):
            yield from items_of(_without_label(item))
    else:
        raise FeedError(
            f"Expected images: arrays, paths, contents of files, PIL images, or a collection of them. "
            f"Received: {type(value).__name__}."
        )


def by_input(dataset: tf.data.Dataset, ranks: Mapping[str, int | None]) -> dict[str, np.ndarray] | None:
    """The values of several inputs in a data set of ((first, second), label), or of dicts with their names.

    Args:
        dataset: of single values or of batches.
        ranks: the number of axes of each input, images in front, in the order of the inputs.

    Returns:
        One array for each input, by name; ``None`` if the elements do not have a value for each.
    """
    spec = dataset.element_spec
    first = isinstance(spec, tuple) and isinstance(spec[0], tuple | Mapping)
    inputs = spec[0] if first else spec
    if isinstance(inputs, Mapping):
        keys: list[Any] = list(ranks)
        named = all(key in inputs for key in keys)
    else:
        keys, named = list(range(len(ranks))), first and len(inputs) == len(ranks)
    if not named:
        return None
    rows = [element[0] if first else element for element in dataset.as_numpy_iterator()]
    if not rows:
        raise FeedError("Expected at least one image. Received: an empty data set.")
    columns = {name: [as_array(row[key]) for row in rows] for name, key in zip(ranks, keys, strict=True)}
    return {
        name: np.concatenate(values) if values[0].ndim == ranks[name] else np.stack(values)
        for name, values in columns.items()
    }


def read_once(feed: Any) -> Any:
    """The items of an iterator as a list, since it can be read only once; any other feed as it is.

    Raises:
        FeedError: it gives more than ``MOST_ITEMS`` items.
    """
    if not isinstance(feed, Iterator) or is_image_source(feed):
        return feed
    items = list(islice(feed, MOST_ITEMS + 1))
    if len(items) > MOST_ITEMS:
        raise FeedError(
            f"Expected an iterator of at most {MOST_ITEMS:,} images. Received: a {type(feed).__name__} that gives "
            "more, or has no end. Cut it with itertools.islice, or give paths, which are read a few at a time."
        )
    return items


def image_names(feed: Any) -> tuple[str, ...]:
    """The file names of the images of a feed, in its order; with their folder where two are alike.

    Returns:
        One name for each image; () for a feed that is not of paths alone.

    Example:
        >>> image_names(["photos/cat.png", "photos/dog.png"]), image_names(["a/1.png", "b/1.png"])
        (('cat.png', 'dog.png'), ('a/1.png', 'b/1.png'))
    """
    if isinstance(feed, Mapping):
        return next(filter(None, map(image_names, feed.values())), ())
    listed = isinstance(feed, list | tuple) and all(isinstance(item, str | os.PathLike) for item in feed)
    if not (listed or isinstance(feed, str | os.PathLike) or hasattr(feed, "to_numpy")):
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FeedWarning)  # files that are skipped are named when they are read
            items = list(items_of(feed))
    except FeedError:  # raised again when they are read
        return ()
    if not all(isinstance(item, str | os.PathLike) for item in items):
        return ()
    paths = list(map(Path, items))
    names = [path.name for path in paths]
    whole = ["/".join(path.parts[-2:]) for path in paths]
    return tuple(long if names.count(name) > 1 else name for name, long in zip(names, whole, strict=True))


def reads_files(feed: Any) -> bool:
    """Whether a feed must be decoded or collected, which is worth doing only once."""
    if is_image_source(feed) or isinstance(feed, tf.data.Dataset) or hasattr(feed, "to_numpy"):
        return True
    return isinstance(feed, list | tuple) and any(map(is_image_source, feed))


def is_numbers(value: Any) -> bool:
    """Whether a value is a number, or lists of numbers without an array or an image in them."""
    if isinstance(value, list | tuple):
        return all(map(is_numbers, value)) and len(value) > 0
    return isinstance(value, Number | np.generic) or getattr(value, "shape", None) == ()


def _array(value: Any) -> np.ndarray:
    try:
        return np.asarray(value)
    except Exception as error:  # whatever the value's own conversion raises: symbolic tensors, ragged ones
        raise FeedError(f"Expected values of one shape. Received: {type(value).__name__}: {error}") from error


def _items_of_objects(array: np.ndarray) -> Iterator[Any]:
    """Texts are paths; bytes are the path or the content of a file, as in a data set of strings."""
    for entry in array.ravel().tolist():
        if isinstance(entry, Number) and np.asarray(entry).dtype == object:  # it would come here again, for ever
            raise FeedError(f"Expected numbers that fit into 64 bits. Received: {str(entry)[:40]}.")
        if not isinstance(entry, bytes):
            yield from items_of(entry)
            continue
        path = entry if len(entry) < _LONGEST_PATH and b"\0" not in entry else b""
        yield os.fsdecode(path) if os.path.exists(path) else entry


def elements_of(dataset: tf.data.Dataset) -> Iterator[Any]:
    """Yield the elements of a data set as arrays.

    Raises:
        FeedError: it has no end, or an error of its own.
    """
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise FeedError(
            "Expected a data set with an end. Received: one that repeats for ever. Cut it: dataset.take(8)."
        )
    try:
        yield from dataset.as_numpy_iterator()
    except (tf.errors.OpError, TypeError) as error:
        raise FeedError(
            f"Expected a data set of images, or of (image, label). Received: {dataset.element_spec}, "
            f"which raised {described(error)}"
        ) from error


def image_in(element: Any) -> Any:
    """The image of one element of a data set: image, (image, label) or a dict with an image.

    Raises:
        FeedError: a dict has no image.
    """
    if isinstance(element, tuple):
        element = element[0]
    if not isinstance(element, Mapping):
        return element
    key = next((key for key in _IMAGE_KEYS if key in element), None)
    if key is None and len(element) == 1:
        (key,) = element
    if key is None:
        raise FeedError(
            f"Expected elements with an 'image'. Received: a dict with the keys {list(element)}. "
            "Choose one: dataset.map(lambda element: element[key])."
        )
    return element[key]


def _entries(value: Any) -> Iterable[Any]:
    if not isinstance(value, list | tuple) and hasattr(value, "__len__") and hasattr(value, "__getitem__"):
        return (value[index] for index in range(len(value)))  # some sequences never raise IndexError
    entries: Iterable[Any] = value
    return entries


def _without_label(item: Any) -> Any:
    """The image of a pair (image, label), where the label is a number or an array of lower rank; else the item."""
    if not (isinstance(item, tuple) and len(item) == 2) or is_numbers(item):
        return item
    image, label = item
    if is_image_source(image):
        return image if is_numbers(label) else item
    return image if hasattr(image, "ndim") and np.ndim(label) < image.ndim and not is_image_source(label) else item

"""The images of a data set one by one, each with a key and, where there is one, a label."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import tensorflow as tf

from ...imaging.folders import image_paths
from ...imaging.reading import is_image_source
from .image_sources import elements_of, image_in, is_numbers, items_of
from .input_layout import InputLayout
from .pictures import fits

_LABEL_KEYS = ("label", "labels", "class", "y")


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """One image that is not decoded yet.

    Attributes:
        key: names it within its data set: the path of a file, or its number.
        label: the name or number of its class as text, or ``None``.
        source: what can be fed: a path, the content of a file, a PIL image, or an array of one image.
    """

    key: str
    label: str | None
    source: Any


def labelled_images(layout: InputLayout, images: Any) -> Iterator[LabelledImage]:
    """Yield the images of a data set in any spelling, in their order. None is decoded.

    Args:
        layout: of the input that will take them. It tells whether an array holds one image or several.
        images: what ``load`` takes as images. The items of a list or iterator, and the elements of a
            ``tf.data.Dataset``, may also be (image, label), and those of a list or iterator (image, label, key).

    Yields:
        Images whose key is their path if they are files, and otherwise their number.

    Raises:
        FeedError: there are neither images nor numbers, or a data set has no end.
        ImageError: a folder or pattern has no image files.
    """
    numbers = count()
    for source, label, key in _entries(layout, images):
        number = next(numbers)
        if key is None:
            key = os.fspath(source) if isinstance(source, str | os.PathLike) else number
        yield LabelledImage(str(key), as_label(label), source)


def listed(images: Any) -> Any:
    """A folder or pattern as the list of its paths, so that they can be counted; any other data set as it is.

    Raises:
        ImageError: a folder or pattern has no image files.
    """
    return image_paths(images) if isinstance(images, str | os.PathLike) else images


def count_of(layout: InputLayout, images: Any) -> int | None:
    """How many images a data set has, or ``None`` where only reading it would tell."""
    if isinstance(images, list | tuple) and not is_numbers(images):
        return len(images)
    lasting = is_image_source(images) or hasattr(images, "__array__") or is_numbers(images)
    return sum(1 for _ in labelled_images(layout, images)) if lasting else None


def _entries(layout: InputLayout, images: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Image, label and key of each image."""
    if isinstance(images, str | os.PathLike):
        yield from ((path, None, None) for path in image_paths(images))
    elif isinstance(images, tf.data.Dataset):
        for element in elements_of(images):
            image = image_in(element)
            image = np.asarray(image, object) if isinstance(image, bytes) else image  # a path, or the content of a file
            yield from _single(layout, image, _label_in(element), None)
    elif _is_collection(images):
        for entry in images:
            image, label, key = _parts(entry)
            yield from _single(layout, image, label, key)
    else:
        yield from _single(layout, images, None, None)


def _is_collection(images: Any) -> bool:
    """Whether entries can be looked at one by one, for a label or a key."""
    if is_image_source(images) or is_numbers(images) or hasattr(images, "__array__") or isinstance(images, Mapping):
        return False
    return isinstance(images, Iterable)


def _parts(entry: Any) -> tuple[Any, Any, Any]:
    """Image, label and key of an entry; ``None`` for what it does not have."""
    if isinstance(entry, tuple) and len(entry) in (2, 3) and not is_numbers(entry):
        image, label, *key = entry
        if len(key) == 1 or is_image_source(image) or np.ndim(label) < np.ndim(image):
            return image, label, key[0] if key else None
    return entry, None, None


def _label_in(element: Any) -> Any:
    """The label of an element of a data set: image, (image, label) or a dict with a label."""
    if isinstance(element, tuple):
        return element[1] if len(element) > 1 else None
    if isinstance(element, Mapping):
        return next((element[key] for key in _LABEL_KEYS if key in element), None)
    return None


def _single(layout: InputLayout, value: Any, label: Any, key: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Each image of one entry, which may be an array of several images with as many labels."""
    images = [image for item in items_of(value) for image in _rows(layout, item)]
    several = len(images) > 1
    labels = list(label) if several and np.ndim(label) and len(label) == len(images) else [label] * len(images)
    for index, (image, own) in enumerate(zip(images, labels, strict=True)):
        yield image, own, f"{key}/{index}" if several and key is not None else key


def _rows(layout: InputLayout, item: Any) -> Iterable[Any]:
    """The single images of an array, as views; any other item alone."""
    if is_image_source(item):
        return [item]
    array = np.asarray(item)
    picture, own = layout.picture_shape, layout.full_shape[1:]
    if fits(array.shape, own) or fits(array.shape, picture):
        return [array]
    several = fits(array.shape[1:], own) or (len(picture) == 3 and array.ndim == 4)
    grey = len(picture) == 3 and picture[-1] == 1 and array.ndim == 3 and array.shape[-1] not in (1, 3, 4)
    return list(array) if several or grey else [array]


def as_label(label: Any) -> str | None:
    """A label as text. One-hot labels become the number of their class."""
    if label is None or isinstance(label, str):
        return label
    if isinstance(label, bytes):
        return label.decode()
    values = np.asarray(label)
    if values.size > 1:
        return str(int(values.argmax()))
    only = values.ravel()[0]
    return str(only) if isinstance(only, str) else str(int(only)) if float(only).is_integer() else str(only)

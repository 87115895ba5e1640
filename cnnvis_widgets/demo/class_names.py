"""The thousand classes of ImageNet (ILSVRC 2012), in the order of the embedded network's outputs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def class_names() -> tuple[str, ...]:
    """List one readable name for each class, all different.

    The names are everyday words. Where a word is rare or has another meaning, the kind of thing stands with it, as in
    'Saluki dog' or 'crane (bird)'. Two classes hold sunglasses, so their names carry their numbers.

    Example:
        >>> class_names()[1], class_names()[281], class_names()[134]
        ('goldfish', 'tabby cat', 'crane (bird)')
    """
    return _lines("class_names.txt")


def imagenet_name(number: int, name: str) -> str:
    """What ImageNet itself calls a class: all its synonyms, often with the scientific name.

    Args:
        number: of the class.
        name: the name that a network has for it.

    Returns:
        '' unless it is the name in ``class_names``: a class of another network has no ImageNet name.

    Example:
        >>> imagenet_name(1, "goldfish"), imagenet_name(1, "dog")
        ('goldfish, Carassius auratus', '')
    """
    names = class_names()
    return _imagenet_names()[number] if number < len(names) and names[number] == name else ""


@lru_cache(maxsize=1)
def _imagenet_names() -> tuple[str, ...]:
    return _lines("imagenet_names.txt")


def _lines(file: str) -> tuple[str, ...]:
    return tuple(Path(__file__).with_name(file).read_text("utf-8").splitlines())

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
    return tuple(Path(__file__).with_name("class_names.txt").read_text("utf-8").splitlines())

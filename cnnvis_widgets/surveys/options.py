"""``SurveyOptions``: how to survey, checked when it is made."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ..arguments import checked
from ..errors import OptionError, nearest

Labels = str | Mapping[str, Any] | Sequence[Any] | Callable[[str], Any] | None
"""Of images: 'folder', by key, in the order of the images, a function of the key, or ``None`` for those they bring."""


@checked
@dataclass(frozen=True, eq=False, kw_only=True)
class SurveyOptions:
    """How to survey a data set. ``survey`` takes these as keywords.

    Attributes:
        top: how many images to keep for each channel.
        labels: the classes of the images, by name or number: a dict from key to label, labels in the order of the
            images, a function from key to label, or 'folder' for the name of the folder of each file. ``None`` takes
            those that ``images`` brings.
        client: a ``distributed.Client``, or the address of a scheduler; ``None`` computes in this process.
        out: the folder of the index.
        resume: whether to go on with what is in the folder, if the settings are the same. Partitions whose images
            changed are computed again; a file that changed under its old name is not noticed.
        batch: how many images run together.
        partition: how many images are written together; so many are lost, at most, when a survey is stopped.
        progress: whether a bar shows how far the survey is.

    Raises:
        OptionError: a number is below 1, or labels are of no known kind.

    Example:
        >>> from cnnvis_widgets import SurveyOptions
        >>> SurveyOptions(top=4).partition
        256
    """

    top: int = 9
    labels: Labels = None
    client: Any = None
    out: str | os.PathLike[str] = "Survey"
    resume: bool = True
    batch: int = 16
    partition: int = 256
    progress: bool = True

    def __post_init__(self) -> None:
        for name in ("top", "batch", "partition"):
            number = getattr(self, name)
            if isinstance(number, bool) or not hasattr(number, "__index__") or number < 1:
                raise OptionError(f"Expected {name} to be at least 1. Received: {name}={number!r}.")
        if isinstance(self.labels, str) and self.labels != "folder":
            raise OptionError(
                f"Expected labels by key, in order, a function, or 'folder'. Received: labels={self.labels!r}."
            )

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> SurveyOptions:
        """The options of a mapping from names to values.

        Raises:
            OptionError: an unknown name, or as ``SurveyOptions``.
        """
        known = [item.name for item in fields(cls)]
        for name in options:
            if name not in known:
                raise OptionError(f"Expected an option of survey. Received: {name!r}. {nearest(name, known)}")
        return cls(**options)

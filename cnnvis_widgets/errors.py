"""All errors that the package raises on purpose, as one tree.

::

    CnnvisError
    ├── ModelError             an object cannot be read as a model
    │   ├── ModelFormError     the object is of no known form of model
    │   ├── VariableError      a variable has no value, or only a random one
    │   └── TrustError         the model would do more than compute, and nobody vouches for it
    ├── FeedError              a feed does not fit the network's inputs
    │   └── ImageError         an image cannot be read: no such file, no image, damaged, too large
    ├── LayerError             no such layer, or an empty selection (nearest names are given)
    ├── ChannelError           a channel, class or unit outside the layer
    ├── OptionError            an unknown option, a value out of range, or options that exclude each other
    ├── GradientError          no gradient flows from the layer to the image
    ├── MissingPackageError    a package is not installed (the message names the extra that brings it)
    ├── NotEnoughMemoryError   there is too little memory for a feed, found out before anything is computed
    ├── NumericalError         NaN or infinity appeared while computing
    └── OutputError            a file of results could not be written or read

    FeedWarning                what is fed may not be what was meant (a UserWarning)
    TrustWarning               a model that is trusted does more than compute (a UserWarning)

Each message says what was expected, then ``Received: ...``, then what to do. Every class also derives from the
built-in exception that Python users expect (``ValueError`` and so on), so that plain ``except ValueError`` works.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Iterable
from difflib import get_close_matches

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # of a terminal


class CnnvisError(Exception):
    """Base class of every error that cnnvis_widgets raises on purpose."""


class ModelError(CnnvisError, ValueError):
    """An object cannot be read as a model."""


class ModelFormError(ModelError, TypeError):
    """An object is of no known form of model."""


class VariableError(ModelError):
    """A variable of the model has no value, or only a random one."""


class TrustError(ModelError):
    """A model would run code, or touch files or the network, and was not loaded with ``trusted=True``."""


class FeedError(CnnvisError, ValueError):
    """The feed does not fit the inputs of the network."""


class ImageError(FeedError, OSError):
    """An image cannot be read: there is no such file, it holds no image, is damaged or too large."""


class LayerError(CnnvisError, ValueError):
    """The network has no such layer."""


class ChannelError(CnnvisError, IndexError):
    """A channel, class or unit lies outside the layer."""


class OptionError(CnnvisError, ValueError):
    """An option is unknown or out of range, or does not go together with another one."""


class GradientError(CnnvisError, ValueError):
    """No gradient flows from the layer back to the image."""


class MissingPackageError(CnnvisError, ImportError):
    """A package that this part of the library needs is not installed."""


class NotEnoughMemoryError(CnnvisError, MemoryError):
    """There is too little memory for a feed. It is raised before TensorFlow asks for memory, which ends the process."""


class NumericalError(CnnvisError, ArithmeticError):
    """NaN or infinity appeared where numbers were expected."""


class OutputError(CnnvisError, OSError):
    """A file could not be written or read."""


class FeedWarning(UserWarning):
    """What is fed may not be what was meant: a range that does not fit, a photo in place of a missing feed."""


class TrustWarning(UserWarning):
    """A model that was loaded with ``trusted=True`` does more than compute."""


def warn_of_feed(message: str) -> None:
    """Warn with a ``FeedWarning`` that names the line of the user which called the package."""
    frame, level, outermost = inspect.currentframe(), 0, 1
    while frame is not None:
        level += 1
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == __name__.partition(".")[0]:
            outermost = level
        frame = frame.f_back
    warnings.warn(message, FeedWarning, stacklevel=outermost + 1)


def described(error: BaseException) -> str:
    """Write an error as its class and its message, without the colours that Keras gives some messages.

    Example:
        >>> described(LayerError("Expected a layer."))
        'LayerError: Expected a layer.'
    """
    return f"{type(error).__name__}: {_COLOUR.sub('', str(error))}"


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """List the known names that are most like a mistyped one, to end an error message.

    The comparison ignores case. Names with a slip of the keyboard come first, then those that hold all of its words,
    because people remember 'cat' rather than 'Egyptian cat'. The last components are compared, too: ``conv5_3`` rather
    than ``vgg_16/conv5/conv5_3/Relu``.

    Example:
        >>> nearest("conv5", ["block/Conv5", "pool"]), nearest("cat", ["crate", "tabby cat"])
        ("Nearest names: 'block/Conv5'.", "Nearest names: 'tabby cat', 'crate'.")
    """
    known = list(dict.fromkeys(known))
    by_key: dict[str, str] = {}
    for full in known:
        by_key.setdefault(full.lower(), full)
        for part in full.lower().split("/"):
            by_key.setdefault(part, full)
    words = _words(name)
    mistyped, alike = (
        [by_key[key] for key in get_close_matches(name.lower(), by_key, 2 * count, least)] for least in (0.8, 0.5)
    )
    matches = [*mistyped, *(full for full in known if words and words <= _words(full)), *alike]
    matches = list(dict.fromkeys(matches))[:count]
    if matches:
        return f"Nearest names: {_quoted(matches)}."
    more = f" and {len(known) - 10} more" if len(known) > 10 else ""
    return f"Known names: {_quoted(known[:10])}{more}." if known else "There are none."


def _words(name: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", name.lower()))


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))

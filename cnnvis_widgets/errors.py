"""What can go wrong, as one tree of exceptions.

::

    CnnvisError
    ├── ModelError             the thing given as a model cannot become a network
    │   ├── ModelFormError     it is no form of model at all
    │   └── VariableError      a variable has no value, or only a random one
    ├── FeedError              what was fed does not fit the network's inputs
    │   └── ImageError         an image cannot be read: no such file, no image, damaged, too large
    ├── LayerError             no such layer, or an empty selection (nearest names are given)
    ├── ChannelError           a channel, class or unit outside the layer
    ├── OptionError            an unknown option, a value out of range, or options that exclude each other
    ├── GradientError          no gradient flows from the layer to the image
    ├── NumericalError         NaN or infinity appeared while computing
    └── OutputError            a result could not be written

Each message says what was expected, then ``Received: ...``, then what to do. Every class also
derives from the built-in exception that Python users would expect (``ValueError`` and so on), so
that plain ``except ValueError`` keeps working.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class CnnvisError(Exception):
    """Base class of every error that cnnvis_widgets raises on purpose."""


class ModelError(CnnvisError, ValueError):
    """The model given cannot be read as a network."""


class ModelFormError(ModelError, TypeError):
    """What was given as a model is none of the forms that can be read."""


class VariableError(ModelError):
    """A variable of the model has no value that could be shown honestly."""


class FeedError(CnnvisError, ValueError):
    """The feed does not fit the inputs of the network."""


class ImageError(FeedError, OSError):
    """An image cannot be read: there is no such file, it holds no image, is damaged or too large."""


class LayerError(CnnvisError, ValueError):
    """A layer was asked for that the network does not have."""


class ChannelError(CnnvisError, IndexError):
    """A channel, class or unit lies outside the layer."""


class OptionError(CnnvisError, ValueError):
    """An option is unknown or out of range, or does not go together with another one."""


class GradientError(CnnvisError, ValueError):
    """No gradient flows from the layer back to the image."""


class NumericalError(CnnvisError, ArithmeticError):
    """NaN or infinity appeared where numbers were expected."""


class OutputError(CnnvisError, OSError):
    """A picture or log could not be written."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """The end of a message about a mistyped name: the names most like it.

    Names are compared without regard to case, and by their last component too, since
    people remember ``conv5_3`` rather than ``vgg_16/conv5/conv5_3/Relu``.
    """
    known = list(dict.fromkeys(known))
    by_key: dict[str, str] = {}
    for full in known:
        by_key.setdefault(full.lower(), full)
        for part in full.lower().split("/"):
            by_key.setdefault(part, full)
    found = [by_key[key] for key in get_close_matches(name.lower(), by_key, 2 * count, 0.5)]
    found = list(dict.fromkeys(found))[:count]
    if found:
        return "Nearest names: " + ", ".join(repr(each) for each in found) + "."
    shown = ", ".join(repr(each) for each in known[:10])
    more = f" and {len(known) - 10} more" if len(known) > 10 else ""
    return f"Known names: {shown}{more}." if known else "There are none."

"""Errors about arguments: what Python raises about one that does not fit its annotation becomes an error of ours.

A call that gets a text for a number fails somewhere inside, in words about that place. ``checked`` lets the call run.
Where it fails with an error that is none of ours, and an argument does not fit the annotation of its parameter, the
error says that instead. What works is never refused, calls that work pay nothing, and an error of ours, or one that no
argument explains, stays as it is. Why it is done so: docs/design/0042-odd-arguments.md.
"""

from __future__ import annotations

import builtins
import inspect
import numbers
import os
import sys
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import wraps
from operator import index
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from .errors import CnnvisError, NotEnoughMemoryError, OptionError

_Checked = TypeVar("_Checked", bound=Callable[..., Any])

MOST_COUNT = 1_000_000
"""Samples, steps, frames: more would take days, and is a slip of the keyboard."""

_MOST_LETTERS = 200  # of a value in a message
_MOST_ELEMENTS = 1000  # of a collection that are looked at
_PATH = 4096  # bytes


def checked(function: _Checked, *, short: bool = False) -> _Checked:
    """Have a public function, method or class explain its failures by arguments that do not fit their annotations.

    Args:
        function: whose annotations are looked at.
        short: whether errors of ours come without the frames of this package, which would hide the message.

    Raises:
        OptionError: the call failed, and an argument does not fit its annotation.
        NotEnoughMemoryError: the call failed for want of memory.

    Example:
        >>> @checked
        ... def half(number: float) -> float:
        ...     return number / 2
        >>> half(3)
        1.5
        >>> half("3")
        Traceback (most recent call last):
        ...
        cnnvis_widgets.errors.OptionError: Expected number: float. Received: number='3'.
    """
    if inspect.isclass(function):
        function.__init__ = checked(function.__init__, short=short)  # type: ignore[method-assign]
        return function

    @wraps(function)
    def call(*given: Any, **options: Any) -> Any:
        try:
            result = function(*given, **options)
            return _steps(function, given, options, result) if isinstance(result, types.GeneratorType) else result
        except Exception as error:
            told = error if isinstance(error, CnnvisError) else _explanation(function, given, options, error)
            if told is None or (told is error and not short):
                raise
            cause = None if short else error
        raise told.with_traceback(None) from cause

    return call  # type: ignore[return-value]


def require_counts(least: int = 1, **counts: int | None) -> None:
    """Check that numbers of things are whole and within ``least`` and a million; ``None`` passes.

    Raises:
        OptionError: one is not.
    """
    for name, count in counts.items():
        if count is not None and not (_is_whole(count) and least <= index(count) <= MOST_COUNT):
            raise OptionError(
                f"Expected {name} as a whole number from {least} to {MOST_COUNT:,}. "
                f"Received: {name}={_short(_written(count))}."
            )


def _steps(function: Callable[..., Any], given: Any, options: Any, results: Iterator[Any]) -> Iterator[Any]:
    try:
        return (yield from results)
    except CnnvisError:
        raise
    except Exception as error:
        explained = _explanation(function, given, options, error)
        if explained is None:
            raise
        raise explained from error


def _explanation(function: Callable[..., Any], given: Any, options: Any, error: Exception) -> CnnvisError | None:
    """Return the error of ours that tells what went wrong, if there is one."""
    if isinstance(error, MemoryError):
        return NotEnoughMemoryError(
            f"Expected arguments that fit into memory. Received: {_short(str(error))}. Give less at once."
        )
    try:
        signature = inspect.signature(function)
        arguments = signature.bind(*given, **options).arguments
    except TypeError:  # a missing argument, or one too many: Python's own words are clear
        return None
    names = _Names(getattr(inspect.unwrap(function), "__globals__", {}))
    for name, value in arguments.items():
        parameter = signature.parameters[name]
        values = value.items() if parameter.kind is parameter.VAR_KEYWORD else [(name, value)]
        for key, each in values:
            if not fits(each, names.meaning(parameter.annotation)):
                return OptionError(f"Expected {key}: {parameter.annotation}. Received: {key}={_short(_written(each))}.")
    return None


def odd_fields(value: Any) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass that do not fit their annotations, as those of a damaged file.

    Example:
        >>> from cnnvis_widgets import Target
        >>> odd_fields(Target(channel=[3])), odd_fields(Target(3))
        (('channel',), ())
    """
    names = _Names(vars(sys.modules[type(value).__module__]))
    return tuple(each.name for each in fields(value) if not fits(getattr(value, each.name), names.meaning(each.type)))


class _Numbers:
    """Stands for ``ArrayLike``: an array, or what becomes one, of numbers."""


class _Names(dict[str, Any]):
    """The names of a module; those it imports for type checkers alone mean anything."""

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):
            raise KeyError(name)
        return Any

    def meaning(self, annotation: Any) -> Any:
        """Return the type that the text of an annotation means."""
        if annotation is inspect.Parameter.empty:
            return Any
        if not isinstance(annotation, str):
            return annotation
        self |= {"ArrayLike": _Numbers, "os": os}
        try:
            return eval(annotation, {}, self)  # an annotation of our own code
        except Exception:
            return Any


def fits(value: Any, kind: Any) -> bool:
    """Return whether a value can stand where an annotation asks for a kind. What is not understood fits.

    Example:
        >>> fits(2, float), fits("2", float), fits([1, 2], Sequence[int]), fits([1, "a"], Sequence[int])
        (True, False, True, False)
    """
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if isinstance(value, str) and any((get_origin(part) or part) in _PATHS for part in parts):
            return _is_path(value)
        return any(fits(value, part) for part in parts)
    if origin is Literal:
        return any(value is part or (isinstance(value, str) and value == part) for part in parts)
    if kind is None or kind is type(None):
        return value is None
    plain = origin or kind
    if plain is Any or not isinstance(plain, type):
        return True
    if plain in _PLAIN:
        return _PLAIN[plain](value)
    if issubclass(plain, Mapping):
        return isinstance(value, Mapping) and _items_fit(value, parts)
    if issubclass(plain, Iterable) and plain is not type and plain.__module__ in ("builtins", "collections.abc"):
        return _is_collection(value, plain, parts)
    if plain is Callable or plain.__name__ == "Callable":
        return callable(value)
    return isinstance(value, plain)


def _items_fit(value: Mapping[Any, Any], parts: tuple[Any, ...]) -> bool:
    if len(parts) != 2 or len(value) > _MOST_ELEMENTS:
        return True
    return all(fits(key, parts[0]) and fits(each, parts[1]) for key, each in value.items())


def _is_collection(value: Any, plain: type, parts: tuple[Any, ...]) -> bool:
    if isinstance(value, str | bytes | Mapping | type) or not hasattr(value, "__iter__"):
        return False
    try:
        if isinstance(value, Sequence) or hasattr(value, "shape"):
            length = len(value)
            if plain is tuple and parts and parts[-1] is not Ellipsis and length != len(parts):
                return False
        elif not isinstance(value, Collection):
            return True  # to look at its elements would use them up
        kinds = [part for part in parts if part is not Ellipsis]
        elements = [each for each, _ in zip(value, range(_MOST_ELEMENTS), strict=False)]
        pairs = zip(elements, kinds if len(kinds) == len(elements) > 1 else kinds[:1] * len(elements), strict=False)
        return all(fits(element, kind) for element, kind in pairs)
    except Exception:  # an array without axes, or what cannot be iterated after all
        return False


def _is_whole(value: Any) -> bool:
    try:
        return abs(index(value)) < 2**63
    except TypeError:
        return False


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, numbers.Real) and float(value) == float(value)
    except OverflowError:
        return False


def _are_numbers(value: Any) -> bool:
    import numpy as np  # whoever gives arrays has loaded it

    try:
        return np.asarray(value).dtype.kind in "biuf"
    except Exception:
        return False


def _is_text(value: Any) -> bool:
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:  # half of a pair of surrogates
        return False


def _is_path(value: Any) -> bool:
    try:
        path = os.fspath(value)
        return isinstance(path, str) and "\0" not in path and len(os.fsencode(path)) < _PATH
    except (TypeError, UnicodeEncodeError):
        return False


_PATHS = (os.PathLike, Path)

_PLAIN: Mapping[Any, Callable[[Any], bool]] = {
    int: _is_whole,
    float: _is_number,
    bool: lambda value: isinstance(value, int) or type(value).__name__.startswith("bool"),
    str: _is_text,
    **dict.fromkeys((bytes, bytearray), lambda value: isinstance(value, bytes | bytearray | memoryview)),
    os.PathLike: lambda value: not isinstance(value, str) and _is_path(value),
    object: lambda value: True,
    _Numbers: _are_numbers,
}


def _written(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"an array of shape {shape} and dtype {getattr(value, 'dtype', 'unknown')}"
    try:
        return repr(value)
    except Exception:
        return f"an object of {type(value).__name__}"


def _short(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 3] + "..."

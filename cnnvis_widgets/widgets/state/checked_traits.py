"""Traits that check their values with a function, and the check for indices and names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import traitlets as t

from ...errors import nearest
from ...methods import METHODS


class Checked(t.TraitType):
    """A trait whose values pass through ``check(state, value)``, which returns the value to store.

    A value that does not fit raises at once and leaves the state as it was, also inside
    ``hold_trait_notifications``: traitlets delays the checks written as ``@validate`` methods.
    """

    def __init__(self, check: Callable[[Any, Any], Any], default: Any = None) -> None:
        super().__init__(default)
        self._check = check

    def validate(self, obj: Any, value: Any) -> Any:
        return self._check(obj, value)


def option_trait(method: str, name: str) -> t.TraitType:
    """A number whose default and range are those of an option in the table of methods."""
    option = METHODS[method].option(name)
    if option is None:
        raise ValueError(f"Expected an option of {method!r}. Received: name={name!r}. Add it to the row of the method.")
    kind = t.Int if isinstance(option.default, int) else t.Float
    return kind(option.default, min=option.low, max=option.high)


def index_of(value: Any, names: Sequence[str], count: int, what: str, error: type[Exception]) -> int:
    """``value`` as an index below ``count``: a number, its text, or one of ``names`` in any case."""
    if isinstance(value, str) and not value.isdigit():
        matches = [index for index, name in enumerate(names) if name.lower() == value.lower()]
        if matches:
            return matches[0]
        raise error(f"Expected the name of {what}. Received: {value!r}. {nearest(value, names)}")
    if isinstance(value, bool) or int(value) != float(value) or not 0 <= int(value) < count:
        raise error(f"Expected {what} from 0 to {count - 1}. Received: {value!r}.")
    return int(value)

"""The signature of a function that takes its options as ``**options`` and makes one frozen value of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])


def with_fields(options: type, **defaults: Any) -> Callable[[_Function], _Function]:
    """Name the fields of a dataclass in the signature of a function, for ``help`` and completion.

    Args:
        options: the dataclass, of which ``**options`` of the function become an object.
        defaults: of the function, where they differ from those of the fields.
    """

    def named(function: _Function) -> _Function:
        signature = inspect.signature(function)
        explicit = [item for item in signature.parameters.values() if item.kind is not inspect.Parameter.VAR_KEYWORD]
        keywords = [
            inspect.Parameter(
                item.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=defaults.get(item.name, _default(item)),
                annotation=item.type,
            )
            for item in fields(options)
        ]
        function.__signature__ = signature.replace(parameters=[*explicit, *keywords])  # type: ignore[attr-defined]
        return function

    return named


def _default(item: Field[Any]) -> Any:
    return inspect.Parameter.empty if item.default is MISSING else item.default

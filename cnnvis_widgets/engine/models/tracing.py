"""Traces what has no graph until it sees an input: functions without a signature, subclassed models, modules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from ...errors import CnnvisError, ModelError, described

Arguments: TypeAlias = Callable[[], Mapping[str, np.ndarray]]
"""Returns the arrays that were fed, by name. A reader calls it only for a model that it has to trace."""


@dataclass(frozen=True)
class Request:
    """What a reader is told beside the model.

    Attributes:
        arguments: returns the arrays that were fed.
        trusted: whether the user vouches for the model, so that its code may run.
    """

    arguments: Arguments
    trusted: bool = False


def traced_by_feed(
    call: Callable[..., Any], arrays: Mapping[str, np.ndarray], name: str, *, together_first: bool = False
) -> Any:
    """Trace a callable for arrays like those that were fed, with any number of images.

    The arrays are handed over one by one, as a list and as a dict; the first way that the callable takes is the one.
    An array of integers is tried as it is, too, and one image as a batch of sequences.

    Args:
        call: takes tensors.
        arrays: what was fed, by name.
        name: of the callable, for the message of an error.
        together_first: whether several arrays are tried as a list before they are tried one by one. A layer of Keras
            would take the second one for a mask.

    Returns:
        The names of the arrays in the order of the function's inputs, and the ConcreteFunction.

    Raises:
        ModelError: no way succeeds; the cause is the first error.
    """
    polymorphic = isinstance(call, tf.types.experimental.PolymorphicFunction)
    function: Any = call if polymorphic else tf.function(call, autograph=False)
    first: Exception | None = None
    for specs in _signatures(arrays):
        for handed, names in _hand_over(dict(zip(arrays, specs, strict=True)), together_first):
            try:
                return names, function.get_concrete_function(*handed)
            except CnnvisError:
                raise
            except Exception as error:
                first = first or error
    shapes = ", ".join(str(array.shape) for array in arrays.values())
    raise ModelError(
        f"Expected a model that runs on what is fed, of shape {shapes}. Received: {name}, which raised "
        f"{described(first) if first else 'nothing'}"
    ) from first


def _hand_over(specs: Mapping[str, tf.TensorSpec], together_first: bool) -> Iterator[tuple[tuple[Any, ...], list[str]]]:
    """Yield ways to hand over arguments, each with their names in the order in which TensorFlow flattens them."""
    one_by_one, as_list = tuple(specs.values()), (list(specs.values()),)
    ways = [one_by_one] if len(specs) == 1 else [as_list, one_by_one] if together_first else [one_by_one, as_list]
    yield from ((way, list(specs)) for way in ways)
    if not all(map(is_unnamed, specs)):
        yield (dict(specs),), sorted(specs)


def _signatures(arrays: Mapping[str, np.ndarray]) -> Iterator[list[tf.TensorSpec]]:
    def specs(shapes: Sequence[Sequence[int]], *, floating: bool) -> list[tf.TensorSpec]:
        dtypes = [np.float32 if floating and array.dtype.kind in "fiu" else array.dtype for array in arrays.values()]
        return [
            tf.TensorSpec([None, *shape[1:]] if len(shape) else [], dtype, name=re.sub(r"\W", "_", name))
            for shape, dtype, name in zip(shapes, dtypes, arrays, strict=True)
        ]

    shapes = [array.shape for array in arrays.values()]
    yield specs(shapes, floating=True)
    if any(array.dtype.kind in "iu" for array in arrays.values()):
        yield specs(shapes, floating=False)
    sequences = [_as_sequences(shape) for shape in shapes]
    if sequences != shapes:
        yield specs(sequences, floating=True)


def _as_sequences(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Read three axes, of one image, as those of several sequences; and two axes as those of one sequence."""
    if len(shape) == 2:
        return (1, *shape)
    return shape[1:] if len(shape) == 4 and shape[0] == 1 else shape


def unnamed(arrays: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Name arrays that came without names."""
    return {"input" if len(arrays) == 1 else f"input_{index}": array for index, array in enumerate(arrays)}


def is_unnamed(name: str) -> bool:
    """Return whether ``unnamed`` gave this name."""
    return re.fullmatch(r"input(_\d+)?", name) is not None

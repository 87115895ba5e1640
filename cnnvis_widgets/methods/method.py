"""``Method`` and ``Option``: what a row of the table of methods holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

Kind = Literal[
    "activations",
    "reconstruction",
    "attribution",
    "attention",
    "occlusion",
    "wall",
    "intervention",
    "comparison",
    "dream",
    "survey",
]
"""What a result is about. The kind decides how a picture is drawn, and the folder and the name of its file."""

Takes = Literal["", "flag", "int", "float", "text", "texts", "ints", "any"]
"""What text can be given for an option: a word, several words, numbers; 'any' takes one or several words or numbers.
'' leaves it to the default, and an option without both cannot be given as text."""


@dataclass(frozen=True)
class Option:
    """One keyword of a method.

    Attributes:
        name: the keyword.
        default: its value if the caller leaves it out.
        low, high: the range of a number; ``None`` where there is no bound. The explorer keeps to it.
        choices: the words that come with the package; empty where any value is taken.
        takes: how the value is read from text, as on the command line.
        about: what it does, in one line.
    """

    name: str
    default: Any = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    takes: Takes = ""
    about: str = ""

    @property
    def reading(self) -> Takes:
        """How the value is read from text; '' if it cannot be.

        Example:
            >>> Option("samples", 50).reading
            'int'
        """
        by_type: Mapping[type, Takes] = {bool: "flag", int: "int", float: "float", str: "text"}
        return self.takes or by_type.get(type(self.default), "")


@dataclass(frozen=True)
class Method:
    """One way of looking at a network.

    Attributes:
        name: the method in results, in the explorer's state, in file names and in TensorBoard tags. Pictures of a
            reconstruction carry the name of their rule instead.
        title: the same for people, as a menu shows it.
        kind: what its result is about.
        module: where its function is, counted from the package.
        function: the function, which the package exports under this name.
        gives: the class of its result, in ``results``.
        steps: the generator of partial results in the same module; '' if the function takes a single step.
        asks: what the function asks for after the network and what is fed, in its order.
        options: the keywords that people choose.
        fixed: the keywords that make the function this method, unless the caller says otherwise.
        per_channel: whether an attribution has one value for each input channel, which drawings sum.
    """

    name: str
    title: str
    kind: Kind
    module: str
    function: str
    gives: str
    steps: str = ""
    asks: tuple[Option, ...] = ()
    options: tuple[Option, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    per_channel: bool = False

    def option(self, name: str) -> Option | None:
        """Return the option of that name; ``None`` if the method does not take it.

        Example:
            >>> from cnnvis_widgets.methods import METHODS
            >>> METHODS["smooth_grad"].option("samples").default
            50
        """
        return next((option for option in self.options if option.name == name), None)

    def run(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        """Run the method and yield its results so far; the last one is complete.

        Args:
            arguments: those of the function: network, feed, and what the method asks for.
            options: further keywords of the function.

        Raises:
            CnnvisError, ValueError: as the function.
        """
        module = import_module(f"{__package__.partition('.')[0]}.{self.module}")
        keywords = {**self.fixed, **options}
        if self.steps:
            results: Iterator[Any] = getattr(module, self.steps)(*arguments, **keywords)
            return results
        return iter([getattr(module, self.function)(*arguments, **keywords)])

    def code(self, *arguments: str, **options: Any) -> str:
        """Return the Python call that a person would write.

        Args:
            arguments: Python text of the positional arguments.
            options: values of further keywords.

        Example:
            >>> from cnnvis_widgets.methods import METHODS
            >>> METHODS["grad_cam"].code("network", "feed", "3", layer="conv5")
            "cnnvis_widgets.grad_cam(network, feed, 3, layer='conv5', upsampled=True)"
        """
        keywords = [f"{name}={value!r}" for name, value in {**options, **self.fixed, **options}.items()]
        return f"cnnvis_widgets.{self.function}({', '.join([*arguments, *keywords])})"

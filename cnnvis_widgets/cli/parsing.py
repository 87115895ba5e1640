"""Words of a shell as options of methods. The rows of the table of methods say which options there are."""

from __future__ import annotations

import argparse
import re
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from shutil import get_terminal_size
from typing import Any, NoReturn

from ..methods import Method, Option

_ALSO = {"client": "--scheduler"}
"""A second name of an option, which says more on a command line."""

_FIRST = "MODEL and IMAGES stand before the options."


class _Layout(argparse.RawDescriptionHelpFormatter):
    """Help with room for the names of options."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=min(110, get_terminal_size().columns))


class Parser(argparse.ArgumentParser):
    """A parser of one command, whose errors are one line."""

    def __init__(self, name: str, about: str, examples: str) -> None:
        super().__init__(
            prog=f"cnnvis {name}",
            description=about,
            epilog=f"examples:\n{examples}",
            formatter_class=_Layout,
            allow_abbrev=False,
        )

    def positionals(self) -> list[argparse.Action]:
        """The arguments without a name."""
        return [action for action in self._actions if not action.option_strings]

    def names(self) -> list[str]:
        """The names of all options."""
        return [action.dest for action in self._actions if action.option_strings]

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and exit with code 2."""
        if message.startswith("the following arguments are required"):
            message = f"{message}. {_FIRST}"
        print(f"{self.prog}: {message.rstrip('.')}. See '{self.prog} --help'.", file=sys.stderr)
        sys.exit(2)

    def parsed(self, words: Sequence[str]) -> Namespace:
        """Parse the words behind the name of the command. ``--step_size`` is ``--step-size``."""
        words = [_with_dashes(word) for word in words]
        arguments, unknown = self.parse_known_intermixed_args(words)
        if unknown:
            known = [text for action in self._actions for text in action.option_strings]
            near = [match for word in unknown for match in get_close_matches(word.partition("=")[0], known, 2)]
            hint = f" Nearest: {', '.join(near)}." if near else ""
            self.error(f"Expected known options. Received: {' '.join(unknown)}.{hint}")
        return arguments


def _with_dashes(word: str) -> str:
    """The name of an option as it is spelled in a shell.

    Example:
        >>> _with_dashes("--step_size=0.5"), _with_dashes("my_photo.png")
        ('--step-size=0.5', 'my_photo.png')
    """
    name, sign, value = word.partition("=")
    return name.replace("_", "-") + sign + value if re.fullmatch(r"--[a-z][a-z_-]*", name) else word


def add_options(parser: argparse.ArgumentParser, methods: Sequence[Method], required: Sequence[str] = ()) -> None:
    """Give a parser the options of methods. Those that are not given are missing in what it parses.

    Args:
        parser: the parser.
        methods: of several, the help says which of them take an option.
        required: the names of the options that must be given.
    """
    owners: dict[str, list[tuple[Method, Option]]] = {}
    for method in methods:
        for option in (*method.asks, *method.options):
            if option.reading:
                owners.setdefault(option.name, []).append((method, option))
    for name, pairs in owners.items():
        option = pairs[0][1]
        flags = [f"--{name.replace('_', '-')}", *([_ALSO[name]] if name in _ALSO else [])]
        about = _help(option, [method.name for method, _ in pairs] if len(pairs) < len(methods) else [])
        settings: dict[str, Any] = {"dest": name, "default": argparse.SUPPRESS, "help": about}
        if option.reading == "flag":
            parser.add_argument(*flags, action=argparse.BooleanOptionalAction, **settings)
        else:
            parser.add_argument(*flags, required=name in required, **settings, **_reading(option))


def _help(option: Option, owners: Sequence[str]) -> str:
    parts = [option.about]
    if option.choices:
        parts.append(f"one of {', '.join(option.choices)}")
    if option.default is not None and option.reading != "flag":
        parts.append(f"default {option.default}")
    if owners and len(owners) < 6:  # what nearly all take needs no list
        parts.append(f"for {', '.join(owners)}")
    return "; ".join(parts).replace("%", "%%")


def _reading(option: Option) -> dict[str, Any]:
    """How argparse reads the value of an option."""
    several = option.reading in ("texts", "ints", "any")
    kinds: dict[str, Callable[[Option, str], Any]] = {"int": _whole, "ints": _whole, "float": _number, "any": _word}
    read = kinds.get(option.reading, _text)

    def checked(text: str) -> Any:
        return _in_range(option, read(option, text))

    metavar = {"int": "N", "ints": "N", "float": "X", "any": "VALUE"}.get(option.reading, "NAME")
    return {"type": checked, "metavar": metavar, **({"nargs": "+"} if several else {})}


def _whole(option: Option, text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text):
        raise argparse.ArgumentTypeError(f"Expected a whole number. Received: {text!r}.")
    return int(text)


def _number(option: Option, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"Expected a number. Received: {text!r}.") from None


def _text(option: Option, text: str) -> str:
    if option.choices and text not in option.choices:
        raise argparse.ArgumentTypeError(f"Expected one of {', '.join(option.choices)}. Received: {text!r}.")
    return text


def _word(option: Option, text: str) -> Any:
    """A number if the text is one, else the text."""
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return _text(option, text)


def _in_range(option: Option, value: Any) -> Any:
    if isinstance(value, int | float):
        low, high = option.low, option.high
        if (low is not None and value < low) or (high is not None and value > high):
            least, most = "" if low is None else f" from {low:g}", "" if high is None else f" to {high:g}"
            raise argparse.ArgumentTypeError(f"Expected a number{least}{most or ' on'}. Received: {value:g}.")
    return value


def require_own_options(parser: Parser, arguments: Namespace, methods: Sequence[Method], method: Method) -> None:
    """Check that every option that was given belongs to the method that was chosen; exit with code 2 otherwise."""
    own = _names(method)
    for name in (name for other in methods for name in _names(other)):
        if name in arguments and name not in own:
            owners = ", ".join(each.name for each in methods if name in _names(each))
            flag = f"--{name.replace('_', '-')}"
            parser.error(f"Expected options of {method.name}. Received: {flag}, which is for {owners}.")


def _names(method: Method) -> list[str]:
    return [option.name for option in (*method.asks, *method.options)]


def call_of(method: Method, arguments: Namespace) -> tuple[list[Any], dict[str, Any]]:
    """What a method is called with: the values that it asks for, and its keywords that were given."""
    asked = [_one_or_several(option, getattr(arguments, option.name, option.default)) for option in method.asks]
    given = (option for option in method.options if option.name in arguments)
    return asked, {option.name: _one_or_several(option, getattr(arguments, option.name)) for option in given}


def _one_or_several(option: Option, value: Any) -> Any:
    """Numbers as a tuple; of what may be one or several, one alone as it is."""
    if option.reading == "any" and isinstance(value, list):
        return value[0] if len(value) == 1 else tuple(value)
    return tuple(value) if option.reading == "ints" and isinstance(value, list) else value

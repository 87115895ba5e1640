"""What a command tells: lines or JSON on standard output, notes and progress on standard error."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

_Step = TypeVar("_Step")
_EVERY = 0.1  # seconds between two states of the line
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # Keras gives some messages colours


class Report:
    """What one run of a command tells.

    Args:
        command: its name.
        as_json: whether standard output is one JSON object, with the facts and the notes.
        progress: whether a line shows how far the work is; ``None`` for on terminals only.
    """

    def __init__(self, command: str, *, as_json: bool, progress: bool | None) -> None:
        self.command = command
        self.progress = sys.stderr.isatty() if progress is None else progress
        self._as_json = as_json
        self._facts: dict[str, Any] = {}
        self._files: list[Path] = []
        self._notes: list[str] = []
        self._finished = False

    def say(self, line: str) -> None:
        """Tell a person something about the result."""
        if not self._as_json:
            print(line, flush=True)

    def fact(self, **facts: Any) -> None:
        """Tell a program something about the result."""
        self._facts |= facts

    def files(self, paths: Iterable[Path]) -> None:
        """Tell which files were written."""
        for path in paths:
            self._files.append(path)
            self.say(f"    {path}")

    def note(self, text: str) -> None:
        """Say something that a person should know, beside the result."""
        line = one_line(text)
        if line not in self._notes:
            self._notes.append(line)
            print(f"cnnvis {self.command}: note: {line}", file=sys.stderr, flush=True)

    def failed(self, text: str) -> None:
        """Say why the command could not be done."""
        print(f"cnnvis {self.command}: {one_line(text)}", file=sys.stderr, flush=True)

    def finish(self) -> None:
        """Print the JSON object, if it is wanted, once."""
        if self._as_json and not self._finished:
            self._finished = True
            facts = self._facts | {"files": list(map(str, self._files)), "notes": self._notes}
            print(json.dumps(facts, indent=1, ensure_ascii=False), flush=True)

    def followed(self, steps: Iterable[_Step], title: str) -> Iterator[_Step]:
        """Yield steps and show how far they are. A step may tell its ``index`` and the ``total``."""
        begun = shown = perf_counter()
        try:
            for number, step in enumerate(steps):
                yield step
                index, total = getattr(step, "index", number), getattr(step, "total", None)
                last = index + 1 == total
                if self.progress and (last or perf_counter() - shown > _EVERY):
                    shown = perf_counter()
                    self._show(_how_far(title, index + 1, total, shown - begun))
        finally:
            if self.progress and shown > begun:
                print(file=sys.stderr)

    def begin(self, title: str) -> None:
        """Show what takes a while and has no steps."""
        if self.progress:
            print(f"{title} ...", file=sys.stderr, flush=True)

    def _show(self, line: str) -> None:
        print(f"\r\x1b[K{line}" if sys.stderr.isatty() else line, end="", file=sys.stderr, flush=True)
        if not sys.stderr.isatty():
            print(file=sys.stderr)


def one_line(text: str) -> str:
    """A text without line breaks and colours.

    Example:
        >>> one_line("Expected a layer.\\n  Received: 3.")
        'Expected a layer. Received: 3.'
    """
    return " ".join(_COLOUR.sub("", text).split())


def _how_far(title: str, done: int, total: int | None, seconds: float) -> str:
    """The line of a work.

    Example:
        >>> _how_far("Deep dream", 32, 128, 4.0)
        'Deep dream: 32 of 128, 12 s to go'
    """
    if not total:
        return f"{title}: {done}"
    left = seconds / done * (total - done)
    return f"{title}: {done} of {total}, {left:.0f} s to go" if done < total else f"{title}: {done} in {seconds:.0f} s"

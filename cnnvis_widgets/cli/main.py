"""Runs a command: parses its words, turns errors into one line and an exit code.

Exit codes: 0 all went well; 1 it could not be done; 2 the command line itself is wrong; 130 Ctrl-C.
Nothing heavy is imported until the command line is known to be right and its files are known to be there.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from ..errors import CnnvisError, FeedWarning, described, nearest
from ..extras import missing
from .commands import COMMANDS, Command, overview
from .given import require_files
from .report import Report

_FAILED, _WRONG, _STOPPED = 1, 2, 130
_ENGINE = f"{__name__.partition('.')[0]}.engine.network.loading"


def entry() -> None:
    """Run the command of this process and end it with the exit code."""
    if "--debug" not in sys.argv:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's messages would drown what a command says
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads the output, such as ``head``, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at the end
        code = _FAILED
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: its words; ``None`` for those of this process.

    Returns:
        The exit code.

    Example:
        >>> main(["--version"])
        cnnvis 0.1.0
        0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["help"]:
        words = [*words[1:2], "--help"]
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return 0
    if words[0] == "--version":
        print(f"cnnvis {import_module(__name__.partition('.')[0]).__version__}")
        return 0
    if words[0] not in COMMANDS:
        print(f"cnnvis: Expected a command. Received: {words[0]!r}. {_commands_like(words[0])}", file=sys.stderr)
        return _WRONG
    command = COMMANDS[words[0]]
    try:
        arguments = command.parsed(words[1:])
    except SystemExit as end:  # the parser has said why
        return int(end.code or 0)
    return _run(command, arguments)


def _commands_like(word: str) -> str:
    return f"{nearest(word, COMMANDS)} See 'cnnvis --help'."


def _run(command: Command, arguments: Namespace) -> int:
    report = Report(command.name, as_json=arguments.json, progress=arguments.progress)
    run: Callable[[Namespace, Report], Any]
    try:
        with _noted(report, everything=arguments.debug):
            require_files(arguments)
            with _quiet(everything=arguments.debug or not command.computes):
                if command.computes:
                    import_module(_ENGINE)
                run = getattr(import_module(f".{command.module}", __package__), command.name)
            run(arguments, report)
        report.finish()
    except KeyboardInterrupt:
        report.failed(f"Stopped. {command.when_stopped}".strip())
        return _STOPPED
    except BrokenPipeError:  # nobody reads what it has to say; ``entry`` ends the process
        raise
    except Exception as raised:
        error = (isinstance(raised, ModuleNotFoundError) and missing(raised)) or raised
        if arguments.debug:
            traceback.print_exc()
        known = isinstance(error, CnnvisError)
        message = in_shell_words(str(error), arguments.known) if known else f"{described(error)} (--debug shows where)"
        report.failed(message)
        return _FAILED
    return 0


def in_shell_words(message: str, known: Iterable[str]) -> str:
    """Spell the options in a message as in a shell.

    Args:
        message: of an error.
        known: the names of the options of the command.

    Example:
        >>> in_shell_words("Give another folder, out=..., or resume=False.", ["out", "resume"])
        'Give another folder, --out ..., or --no-resume.'
    """

    def spelled(match: re.Match[str]) -> str:
        name, value = match[1].replace("_", "-"), match[2]
        return {"False": f"--no-{name}", "True": f"--{name}"}.get(value, f"--{name} {value}")

    names = "|".join(known)
    return re.sub(rf"\b({names})=('[^']*'|\.\.\.|\w+)", spelled, message)


@contextmanager
def _quiet(*, everything: bool) -> Iterator[None]:
    """Keep what TensorFlow writes to the error output while it is imported, before its own log level counts."""
    if everything or "tensorflow" in sys.modules:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextmanager
def _noted(report: Report, *, everything: bool) -> Iterator[None]:
    """Say warnings of the package in one line each. Those of other packages are for ``--debug``."""

    def note(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        report.note(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("default" if everything else "ignore")
        warnings.simplefilter("always", FeedWarning)
        warnings.showwarning = note
        yield

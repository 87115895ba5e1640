"""Runs ``demo``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from ..demo.main_job import run
from .report import Report


def demo(arguments: Namespace, report: Report) -> None:
    """Make the pictures of the demonstration."""
    report.files(run(Path(arguments.out), Path(arguments.log), report.say))

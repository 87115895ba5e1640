"""What holds for all tests."""

from __future__ import annotations

import signal
from zlib import crc32

import pytest


def pytest_configure() -> None:
    """Take interrupts as usual: a shell that starts the tests in the background has them ignored, also by children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a matrix, where each kind comes in every size, padding and layout, the quick tests try a third.

    Which ones follows from their names, so that all parameters meet sooner or later; the slow tests try the others.
    """
    for item in items:
        if item.get_closest_marker("matrix") and "[" in item.name and crc32(item.nodeid.encode()) % 3:
            item.add_marker(pytest.mark.slow)

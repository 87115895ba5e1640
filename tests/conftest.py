"""What holds for all tests."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Take interrupts as usual: a shell that starts the tests in the background has them ignored, also by children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

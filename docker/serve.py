"""Serve the explorer as a Voila page: with a token, with a limit for uploads, and without idle kernels.

Environment variables set it:

    CNNVIS_TOKEN      the token that visitors need; without it, a new one is made and printed with the address
    CNNVIS_UPLOAD_MB  the largest upload, in megabytes (10)
    CNNVIS_IDLE_S     seconds after which the kernel of a closed page ends (600)
    CNNVIS_IP         the address to listen on (0.0.0.0, which is the container's own network)
    CNNVIS_PORT       the port (8866)
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def number(name: str, usual: int) -> int:
    """Read a positive whole number from the environment."""
    text = os.environ.get(name, str(usual))
    if not text.isdecimal() or int(text) < 1:
        sys.exit(f"Expected a positive whole number. Received: {name}={text!r}. Leave it out for {usual}.")
    return int(text)


def options(notebook: str) -> list[str]:
    """Command line of Voila. The token is not on it, where other processes could read it."""
    idle = number("CNNVIS_IDLE_S", 600)
    return [
        notebook,
        "--no-browser",
        "--Voila.auto_token=True",  # the one of the variable JUPYTER_TOKEN, if there is one
        f"--Voila.ip={os.environ.get('CNNVIS_IP', '0.0.0.0')}",
        f"--port={number('CNNVIS_PORT', 8866)}",
        f"--Voila.tornado_settings={{'websocket_max_message_size': {number('CNNVIS_UPLOAD_MB', 10) * 1_000_000}}}",
        f"--MappingKernelManager.cull_idle_timeout={idle}",
        f"--MappingKernelManager.cull_interval={min(60, idle)}",
    ]


def main() -> None:
    """Replace this process by Voila, so that the container's signals reach it."""
    notebook = sys.argv[1] if len(sys.argv) > 1 else "explorer_app.ipynb"
    if not Path(notebook).is_file():
        sys.exit(f"Expected a notebook. Received: {notebook}. Start in its folder, or name it.")
    if token := os.environ.pop("CNNVIS_TOKEN", ""):
        os.environ["JUPYTER_TOKEN"] = token
    os.execv(sys.executable, [sys.executable, "-m", "voila", *options(notebook)])


if __name__ == "__main__":
    main()

"""Runs ``explore``: the explorer as a Voila page on this machine, behind a token."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import webbrowser
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

from ..errors import CnnvisError, OptionError, OutputError
from ..imaging.reading import MOST_BYTES
from .given import fed, images_of, network_of
from .report import Report, one_line

_HOST = "127.0.0.1"
_IDLE = 600  # seconds after which the kernel of a closed page ends
_PATIENCE = 60  # seconds until the server must answer
_SENT = ("model", "images", "image_input", "class_names", "heads", "preprocess", "trusted", "out", "log")


def explore(arguments: Namespace, report: Report) -> None:
    """Serve the page until Ctrl-C."""
    if find_spec("voila") is None:
        raise OptionError(
            "Expected Voila, which shows notebooks as pages. Received: an environment without it. "
            "Install it: pip install 'cnnvis_widgets[notebook]'."
        )
    port, token = arguments.port or _free_port(), secrets.token_urlsafe(24)
    address = f"http://{_HOST}:{port}/?token={token}"
    with TemporaryDirectory(prefix="cnnvis-") as folder, _server(Path(folder), arguments, port, token) as server:
        _wait(server, port)
        report.say(f"The explorer is at {address}")
        report.say("Ctrl-C ends it.")
        report.fact(url=address)
        report.finish()
        if arguments.browser:
            webbrowser.open(address)
        try:
            server.wait()
        except KeyboardInterrupt:  # the way to end it
            return
    if server.returncode:
        raise OutputError(f"Expected Voila to run on. Received: exit code {server.returncode}. --debug shows its log.")


def explorer(settings: Mapping[str, Any]) -> Any:
    """Open the explorer in the kernel of the page, or say in the page why that is not possible."""
    from ..widgets.explorer import ModelExplorer

    arguments = Namespace(**settings)
    try:
        images = fed(images_of(arguments.images))
        return ModelExplorer(network_of(arguments, images), images, outdir=arguments.out, logdir=arguments.log)
    except CnnvisError as error:
        return _Refusal(str(error))


class _Refusal:
    """An error in the page."""

    def __init__(self, text: str) -> None:
        self.text = one_line(text)

    def _repr_html_(self) -> str:
        return f'<p role="alert">{escape(self.text)}</p>'


@contextmanager
def _server(folder: Path, arguments: Namespace, port: int, token: str) -> Iterator[subprocess.Popen[bytes]]:
    """Voila, which shows a notebook of one cell. The token stands in a file, since all users see command lines."""
    settings = {name: getattr(arguments, name) for name in _SENT}
    settings |= {name: os.path.abspath(settings[name]) for name in ("out", "log")}
    notebook, config = folder / "explorer.ipynb", folder / "voila.json"
    notebook.write_text(_notebook(settings), "utf-8")
    options = {"ip": _HOST, "port": port, "token": token, "open_browser": False, "base_url": "/"}
    limits = {"tornado_settings": {"websocket_max_message_size": MOST_BYTES}}
    culling = {"cull_idle_timeout": _IDLE, "cull_interval": 60}
    configuration = {"Voila": options | limits, "VoilaConfiguration": {"show_tracebacks": arguments.debug}}
    config.write_text(json.dumps(configuration | {"MappingKernelManager": culling}), "utf-8")
    command = [sys.executable, "-m", "voila", str(notebook)]  # it reads the settings in its working directory first
    quiet = None if arguments.debug else subprocess.DEVNULL
    server = subprocess.Popen(command, cwd=folder, stdout=quiet, stderr=quiet)
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _notebook(settings: Mapping[str, Any]) -> str:
    code = [
        "import os\n",
        f"os.chdir({os.getcwd()!r})\n",
        "from cnnvis_widgets.cli.page import explorer\n",
        f"explorer({dict(settings)!r})",
    ]
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "explorer",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": code,
    }
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps({"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((_HOST, 0))
        port: int = found.getsockname()[1]
        return port


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait until the server answers.

    Raises:
        OutputError: it ended, or took too long.
    """
    until = monotonic() + _PATIENCE
    while monotonic() < until and server.poll() is None:
        with socket.socket() as attempt:
            attempt.settimeout(1)
            if attempt.connect_ex((_HOST, port)) == 0:
                return
        sleep(0.1)
    raise OutputError(f"Expected Voila to start on port {port}. Received: no answer. --debug shows its log.")

"""JupyterLab, Notebook 7 and Voila on free ports, driven by Debian's Chromium.

Every server gets Jupyter folders of its own, so that a user's settings neither matter nor change.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "test-artifacts"
LOAD_MS = 120_000
"""How long a page, and then the network in its kernel, may take to load on a busy machine."""

SETTINGS = {
    # off-screen cells are not in the page otherwise
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension/themes": {"theme": "JupyterLab Light"},
}
SERVER = (
    "--no-browser --allow-root --ServerApp.ip=127.0.0.1 --IdentityProvider.token= --ServerApp.password= "
    "--ServerApp.port_retries=0 --ServerApp.disable_check_xsrf=True --LabApp.expose_app_in_browser=True "
    "--JupyterNotebookApp.expose_app_in_browser=True"
).split()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        reason = "no chromium on the PATH; 'apt-get install chromium' brings it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    arguments += ["--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"]
    return {**browser_type_launch_args, "executable_path": chromium, "headless": True, "args": arguments}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": {"width": 1440, "height": 1000}}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the servers serve, with the notebooks in it; kernels run and write there."""
    served = tmp_path_factory.mktemp("served")
    shutil.copy(ROOT / "notebooks" / "quickstart.ipynb", served)
    return served


@pytest.fixture(scope="session")
def jupyter(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of one server with JupyterLab and Notebook 7."""
    port = _free_port()
    command = ["lab", f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}", *SERVER]
    yield from _serve(command, f"http://127.0.0.1:{port}", "/api", tmp_path_factory.mktemp("jupyter"))


@pytest.fixture(scope="session")
def voila(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Voila server."""
    port = _free_port()
    command = ["voila", f"--Voila.port={port}", "--Voila.ip=127.0.0.1", "--no-browser", "--token=", str(folder)]
    ready = "/voila/static/voila.js"
    yield from _serve(command, f"http://127.0.0.1:{port}", ready, tmp_path_factory.mktemp("voila"))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _serve(command: list[str], base: str, ready: str, home: Path) -> Iterator[str]:
    log = home / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyter" if command[0] == "lab" else "voila", *command[command[0] != "lab" :]],
            env=_environment(home),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, so that stopping it reaches nothing else
        )
        try:
            _await(server, base + ready, log)
            yield base
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)


def _environment(home: Path) -> dict[str, str]:
    folders = {
        name: str(home / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    settings = home / "settings"
    for name, values in SETTINGS.items():
        file = settings / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    folders |= {"JUPYTERLAB_SETTINGS_DIR": str(settings), "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}
    return os.environ | folders


def _await(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        if server.poll() is not None:
            pytest.fail(f"The server ended:\n{log.read_text()[-3000:]}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"{url} did not answer:\n{log.read_text()[-3000:]}")


class Notebook:
    """A notebook open in a page, and its kernel."""

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.name = page, name

    def python(self, expression: str) -> str:
        """The text of a Python expression, evaluated in the notebook's kernel."""
        return self.page.evaluate(
            """async (code) => {
              const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
              const request = {code: '', user_expressions: {x: code}, store_history: false};
              const reply = await kernel.requestExecute(request).done;
              const x = reply.content.user_expressions.x;
              return x.status === 'ok' ? x.data['text/plain'] : `${x.ename}: ${x.evalue}`;
            }""",
            f"str({expression})",
        ).strip("'\"")

    def screenshot(self, name: str) -> None:
        """Take a picture of the whole explorer for people to look at."""
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.locator(".cnnvis-explorer").first.scroll_into_view_if_needed()
        self.page.screenshot(path=ARTIFACTS / f"{name}.png")


@pytest.fixture
def open_notebook(
    page: Page, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Notebook]]:
    """``open_notebook('lab' | 'notebook' | 'voila', name)`` opens a notebook and runs all of it."""

    def opened(where: str, name: str = "quickstart.ipynb") -> Notebook:
        base = request.getfixturevalue("voila" if where == "voila" else "jupyter")
        path = {"lab": "lab/tree", "notebook": "notebooks", "voila": "voila/render"}[where]
        page.goto(f"{base}/{path}/{name}{'?reset' if where == 'lab' else ''}", wait_until="domcontentloaded", timeout=LOAD_MS)
        if where != "voila":
            page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=LOAD_MS)
            page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext")
            page.evaluate(
                """async () => {
                  const open = window.jupyterapp.shell.currentWidget;
                  await open.context.ready;
                  await open.sessionContext.ready;
                  window.jupyterapp.commands.execute('notebook:run-all-cells');
                }"""
            )
        page.wait_for_selector(".cnnvis-explorer canvas[data-frames]", timeout=LOAD_MS)
        return Notebook(page, name)

    yield opened
    page.close()
    if "jupyter" in request.fixturenames or request.node.funcargs:
        _end_kernels(request)


def _end_kernels(request: pytest.FixtureRequest) -> None:
    """A closed page leaves its kernel behind, and opening the notebook again would get it back."""
    base = request.getfixturevalue("jupyter")
    with urllib.request.urlopen(f"{base}/api/kernels", timeout=30) as reply:
        kernels = json.load(reply)
    for kernel in kernels:
        call = urllib.request.Request(f"{base}/api/kernels/{kernel['id']}", method="DELETE")
        urllib.request.urlopen(call, timeout=30).close()

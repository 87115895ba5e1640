"""JupyterLab, Notebook 7 and Voila on free ports, and a notebook open in Debian's Chromium: for tests and benchmarks.

Every server gets Jupyter folders of its own, so that a user's settings neither matter nor change.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "test-artifacts"
VIEWPORT = {"width": 1440, "height": 1000}
PATIENCE_MS = 240_000
"""How long anything may take on a busy machine: loading a page, then the network in its kernel."""
VOILA_READY = "/voila/static/voila.js"
PYTHON = (sys.executable,)
"""How the servers' Python is called, unless they run in an environment of their own."""

SHOWN = ".cnnvis-explorer canvas[data-frames]:visible"
"""An explorer that has drawn something; canvases of folded controls are hidden."""

VIEWS = """(count) => {
  const outputs = [...document.querySelectorAll('.jp-OutputArea-output')];
  if (outputs.some((each) => each.textContent.includes('model not found'))) return 'not found';
  const photos = document.querySelectorAll('.cnnvis-explorer canvas[data-picture=photo][data-frames]');
  return photos.length === count && 'there';
}"""
"""Whether so many explorers are in the page, or JupyterLab has given them up."""

SCROLLED = """(explorer, done) => {
  const box = () => explorer.getBoundingClientRect();
  const scrolls = (it) => /auto|scroll/.test(getComputedStyle(it).overflowY) && it.scrollHeight > it.clientHeight + 1;
  let scroller = explorer.parentElement;
  while (scroller.parentElement && !scrolls(scroller)) scroller = scroller.parentElement;
  const view = scroller.getBoundingClientRect();
  scroller.scrollTop += box().top + done - view.top;
  const {left, top, width, height} = box();
  return [left, top, width, height, Math.max(0, view.top), Math.min(innerHeight, view.bottom)];
}"""
"""Scrolls what lies ``done`` pixels below the explorer's top to the top of the window, and tells where both are."""

CHARTS_MS = 450
"""bqplot lays a chart out 300 ms after it has come into view, and waits for nothing that could be seen from here."""

SETTINGS = {
    # off-screen cells are not in the page otherwise
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension/themes": {"theme": "JupyterLab Light"},
}
SERVER = [
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--ServerApp.disable_check_xsrf=True",
    "--ServerApp.password=",
    "--IdentityProvider.token=",
    "--LabApp.expose_app_in_browser=True",
    "--JupyterNotebookApp.expose_app_in_browser=True",
]


def chromium() -> str | None:
    """The path of Chromium or Chrome, where there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def browser_of(path: str) -> Iterator[Browser]:
    """A headless browser, closed at the end."""
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    arguments += ["--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"]
    arguments += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]  # a webcam that agrees
    expect.set_options(timeout=PATIENCE_MS / 2)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=arguments)
        yield launched
        launched.close()


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """Write a notebook of code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


@contextmanager
def lab_server(folder: Path, home: Path, python: Sequence[str] = PYTHON) -> Iterator[str]:
    """Address of one server with JupyterLab and Notebook 7 that serves a folder."""
    port = _free_port()
    command = ["jupyter", "lab", f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}", *SERVER]
    with _serve(command, f"http://127.0.0.1:{port}", "/api", home, python) as base:
        yield base


@contextmanager
def voila_server(folder: Path, home: Path, python: Sequence[str] = PYTHON) -> Iterator[str]:
    """Address of a Voila server that serves a folder."""
    port = _free_port()
    options = [f"--Voila.port={port}", "--Voila.ip=127.0.0.1", "--no-browser", "--token="]
    with _serve(["voila", *options, str(folder)], f"http://127.0.0.1:{port}", VOILA_READY, home, python) as base:
        yield base


@contextmanager
def tensorboard_server(logdir: Path, home: Path, python: Sequence[str] = PYTHON) -> Iterator[str]:
    """Address of a TensorBoard on a folder of logs."""
    port = _free_port()
    command = ["tensorboard.main", f"--logdir={logdir}", "--host=127.0.0.1", f"--port={port}", "--load_fast=false"]
    with _serve(command, f"http://127.0.0.1:{port}", "/data/logdir", home, python) as base:
        yield base


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def _serve(command: list[str], base: str, ready: str, home: Path, python: Sequence[str]) -> Iterator[str]:
    log = home / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [*python, "-m", *command],
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
    end = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"The server ended:\n{log.read_text()[-3000:]}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer:\n{log.read_text()[-3000:]}")


def percent(probability: float) -> str:
    """A probability as the bars tell it."""
    return f"{100 * probability:.{0 if probability >= 0.0995 else 1}f} %"


SPOKEN = "img|button|combobox|listbox|checkbox|slider|spinbutton|textbox"
"""Roles of pictures and controls: what is read out of them must have a name."""


def nameless(notebook: Notebook) -> list[str]:
    """Pictures and controls that can be seen and say nothing to a screen reader, as a list of their roles."""
    told = notebook.page.locator(".cnnvis-explorer").first.aria_snapshot()
    lines = [line.strip().removeprefix("- ") for line in told.splitlines()]
    return [line for line in lines if re.match(rf"({SPOKEN})\b(?! \")", line) or "No picture yet" in line]


class Notebook:
    """A notebook open in a page, run from its first cell to its last."""

    def __init__(self, page: Page, base: str, where: str, name: str, shows: str = SHOWN) -> None:
        self.page, self._base, self._where = page, base, where
        self.errors: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        path = {"lab": "lab/tree", "notebook": "notebooks", "voila": "voila/render"}[where]
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{base}/{path}/{name}{'?reset' * (where == 'lab')}", wait_until="domcontentloaded")
        if where != "voila":
            self._run_all()
        page.wait_for_selector(shows, state="attached")

    def _run_all(self) -> None:
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext")
        self.page.evaluate(
            """async () => {
              const open = window.jupyterapp.shell.currentWidget;
              await open.context.ready;
              await open.sessionContext.ready;
              window.jupyterapp.commands.execute('notebook:run-all-cells');
            }"""
        )

    def command(self, name: str, **arguments: Any) -> None:
        """Run a command of JupyterLab."""
        code = "async ([name, given]) => { await jupyterapp.commands.execute(name, given) }"
        self.page.evaluate(code, [name, arguments])

    def await_cells(self, patience_ms: float = PATIENCE_MS) -> None:
        """Wait until every code cell has been run."""
        self.page.wait_for_function(
            """() => window.jupyterapp.shell.currentWidget.content.widgets.every(
                 (cell) => cell.model.type !== 'code' || cell.model.executionCount)""",
            timeout=patience_ms,
        )

    def python(self, expression: str) -> Any:
        """The value of a Python expression in the notebook's kernel: text, a number, a list of these.

        NumPy is there as ``np``, the package as ``cv``: its own name is left to the notebook.
        """
        reply = self.page.evaluate(
            """async (wanted) => {
              const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
              const code = 'import json, numpy as np, cnnvis_widgets as cv';
              const request = {code, user_expressions: {x: wanted}, store_history: false};
              return (await kernel.requestExecute(request).done).content.user_expressions.x;
            }""",
            f"json.dumps({expression})",
        )
        assert reply["status"] == "ok", f"{reply['ename']}: {reply['evalue']}"
        return json.loads(ast.literal_eval(reply["data"]["text/plain"]))

    def await_python(self, expression: str) -> Any:
        """The value of an expression in the kernel, once it is true."""
        end = time.monotonic() + PATIENCE_MS / 1000
        while time.monotonic() < end:
            value = self.python(expression)
            if value:
                return value
            self.page.wait_for_timeout(100)
        raise AssertionError(f"Never true: {expression}")

    def picture(self, which: str) -> Locator:
        """The canvas of the 'montage', the 'photo', the 'large' picture or the 'dream'."""
        return self.page.locator(f".cnnvis-explorer canvas[data-picture={which}]").first

    def pixels(self, which: str) -> str:
        """What is on a canvas, as a data URL."""
        return self.picture(which).evaluate("(canvas) => canvas.toDataURL()")

    def await_drawn(self, which: str, data: str) -> None:
        """Wait until a canvas shows the picture that the kernel sent last; ``data`` is Python for its bytes."""
        encoded = self.python(f"__import__('base64').b64encode({data}).decode()")
        self.page.wait_for_function(
            """async ([it, encoded]) => {
              const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
              const {width, height} = it, bitmap = await createImageBitmap(new Blob([bytes]));
              const copy = Object.assign(document.createElement("canvas"), {width, height});
              copy.getContext("2d").drawImage(bitmap, 0, 0);
              return bitmap.width === width && bitmap.height === height && it.toDataURL() === copy.toDataURL();
            }""",
            arg=[self.picture(which).element_handle(), encoded],
        )

    def await_layout(self) -> None:
        """Wait until every part of the explorer has the same place and size in two frames of the page in a row."""
        self.page.wait_for_function(
            """() => new Promise((done) => {
              const parts = document.querySelectorAll(".cnnvis-explorer, .cnnvis-explorer *");
              const boxes = () => JSON.stringify([...parts].map((part) => part.getBoundingClientRect()));
              const before = boxes();
              requestAnimationFrame(() => requestAnimationFrame(() => done(boxes() === before)));
            })"""
        )

    def await_other(self, which: str, before: str) -> None:
        """Wait until a canvas shows something else than ``before``."""
        canvas = self.picture(which).element_handle()
        self.page.wait_for_function("([it, before]) => it.toDataURL() !== before", arg=[canvas, before])

    def choose(self, method: str) -> None:
        """Press the button of a method, and wait until the page shows it and the work is done."""
        self.page.get_by_role("button", name=method).click()
        if method == "Deep dream":
            expect(self.page.get_by_role("button", name="Start dreaming")).to_be_visible()
        else:
            shown = "Feature maps of" if method == "Activations" else "Reconstructions of .* 64 of 64"
            expect(self.picture("montage")).to_be_visible()
            expect(self.picture("montage")).to_have_attribute("aria-label", re.compile(shown))
        expect(self.status()).to_have_text(re.compile("Done"))

    def rest(self) -> None:
        """Wait until the work is done, in JupyterLab; there must be no error."""
        self.await_python("not explorer.state.running")
        assert self.python("explorer.state.error") == ""

    def show(self, method: str) -> None:
        """Press the button of a method in JupyterLab, and wait until its work is done."""
        self.page.get_by_role("button", name=method, exact=True).click()
        self.await_python(f"explorer.views[explorer.state.method].title == {method!r}")
        self.rest()

    def choose_image(self, name: str) -> None:
        """Click the thumbnail of an image, in JupyterLab, and wait until it is the chosen one."""
        self.page.locator(f".cnnvis-image[aria-label='{name}']").first.click()
        self.await_python(f"explorer.state.images[explorer.state.image] == {name!r}")

    def unfold_options(self) -> None:
        """Open the fold of the controls that few people need, where it is closed."""
        button = self.page.get_by_role("button", name="More options").first
        if button.get_attribute("aria-expanded") == "false":
            button.click()

    def open_menu(self) -> None:
        """Open the menu of what can be saved, logged, exported and copied, where it is closed."""
        button = self.page.get_by_role("button", name="Save and copy").first
        if button.get_attribute("aria-expanded") == "false":
            button.click()

    def choose_layer(self, name: str) -> None:
        """Click a layer in the film strip, in JupyterLab, and wait until the work is done; unfold its block first."""
        box = self.page.locator(f".cnnvis-strip-box[data-layer='{name}']").first
        for _ in range(3):  # a stage, a block
            if "cnnvis-strip-hidden" not in (box.get_attribute("class") or ""):
                break
            before = self.python("explorer.strip.element.unfolded")
            self.page.locator(f".cnnvis-strip-box[data-opens~='{name}']").first.click()
            self.await_python(f"explorer.strip.element.unfolded != {before}")
            self.await_layout()
        box.click()
        self.await_python(f"explorer.state.layer == {name!r}")
        self.rest()

    def at(self, which: str, x: float, y: float) -> tuple[float, float]:
        """Where in the page a place of a picture is, given in its pixels; it is scrolled to."""
        canvas = self.picture(which)
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box is not None, f"{which} cannot be seen"
        width, height = canvas.evaluate("(it) => [it.width, it.height]")
        return box["x"] + x * box["width"] / width, box["y"] + y * box["height"] / height

    def tile(self, channel: int) -> tuple[float, float]:
        """The middle of a map's tile, in pixels of the montage."""
        left, top, width, height = self.python(f"explorer._view.context.gallery._grid.box({channel})")
        return left + width / 2, top + height / 2

    def drag(self, which: str, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press at one place of a picture, move to another and let go."""
        (x, y), mouse = self.at(which, *start), self.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(*self.at(which, *end), steps=20)
        mouse.up()

    def readout(self, which: str) -> Locator:
        """The line that stands on a picture while the pointer is over it."""
        return self.page.locator(f".cnnvis-stage:has(canvas[data-picture='{which}']) .cnnvis-readout")

    def frame(self, which: str) -> list[float]:
        """(left, top, width, height) of the frame on a picture, in its pixels."""
        shown = self.page.locator(f".cnnvis-surface:has(canvas[data-picture='{which}']) .cnnvis-frame")
        expect(shown).to_be_visible()
        return shown.evaluate(
            """(it) => {
              const {width, height} = it.parentElement.querySelector("canvas"), sides = [width, height, width, height];
              return ["left", "top", "width", "height"].map((name, at) => parseFloat(it.style[name]) * sides[at] / 100);
            }"""
        )

    def status(self) -> Locator:
        """The status line."""
        return self.page.locator(".cnnvis-explorer [role=status]")

    def reload(self, views: int = 1, tries: int = 3) -> int:
        """Save, load the page anew and wait for the explorers in it; how often it had to be loaded.

        JupyterLab's widget manager (8.1) looks for the model of a view during two seconds. If it was busy making the
        models as they ended, it gives up without a last look, and "model not found" stays: a reader loads once more.
        """
        self.command("docmanager:save")
        for loads in range(1, tries + 1):
            self.page.reload(wait_until="domcontentloaded")
            self.page.wait_for_function(
                "() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel"
            )
            if self.page.wait_for_function(VIEWS, arg=views).json_value() == "there":
                return loads
        raise AssertionError(f"The widget manager did not find the models, {tries} times: {self.errors[-5:]}")

    def screenshot(self, name: str, of: str = ".cnnvis-explorer") -> None:
        """Take a picture of the explorer or another part of the page, for people to look at."""
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.locator(of).first.evaluate("(part) => part.scrollIntoView()")
        self.page.screenshot(path=ARTIFACTS / f"{name}.png")

    def whole_picture(self) -> Image.Image:
        """The whole explorer, as high as it is: it is scrolled, and each piece that is seen is taken."""
        self.await_layout()
        explorer = self.page.locator(".cnnvis-explorer").first
        whole, done, complete = None, 0, False
        while not complete:
            left, top, width, height, first, last = explorer.evaluate(SCROLLED, done)
            self.page.wait_for_timeout(CHARTS_MS)
            whole = whole or Image.new("RGB", (round(width), round(height)), "white")
            border = 3 if done else 0  # of the window
            begin, end = max(top, first + border), min(top + height, last)
            clip = {"x": left, "y": begin, "width": width, "height": end - begin}
            piece = Image.open(BytesIO(self.page.screenshot(clip=clip)))  # type: ignore[arg-type]
            whole.paste(piece, (0, round(begin - top)))
            assert end - top > done, "it does not scroll"
            done, complete = int(end - top) - 8, end >= top + height - 1
        return whole

    def whole_screenshot(self, name: str) -> Locator:
        """Take a picture of the whole explorer, as high as it is, and return the explorer."""
        ARTIFACTS.mkdir(exist_ok=True)
        self.whole_picture().save(ARTIFACTS / f"{name}.png")
        return self.page.locator(".cnnvis-explorer").first

    def in_theme(self, theme: str) -> None:
        """Change JupyterLab to the theme 'Light' or 'Dark'."""
        self.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        self.page.wait_for_function(f"() => document.body.dataset.jpThemeName === 'JupyterLab {theme}'")

    def faults(self) -> list[str]:
        """Errors of the page that are about widgets.

        anywidget gives a model two seconds to start. On a busy machine it says that one failed, and shows it later.
        """
        told = [error for error in self.errors if re.search("cnnvis|anywidget|bqplot|widget", error)]
        return [error for error in told if "[anywidget] Failed to initialize model" not in error]

    def close(self) -> None:
        """Close the page and end its kernel: whoever opens the notebook again would get that one back."""
        self.page.close()
        if self._where == "voila":
            return  # Voila ends it
        with urllib.request.urlopen(f"{self._base}/api/kernels", timeout=30) as reply:
            kernels = json.load(reply)
        for kernel in kernels:
            call = urllib.request.Request(f"{self._base}/api/kernels/{kernel['id']}", method="DELETE")
            urllib.request.urlopen(call, timeout=30).close()

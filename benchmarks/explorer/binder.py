"""What Binder serves, in a browser and in Binder's own environment: the quickstart, the Voila page, and their memory.

    python -m benchmarks.explorer.binder FOLDER

FOLDER is a virtual environment made by the install steps of ``binder/``; where there is none yet, it is made (minutes).
In both pages layers are looked at and dreams run, from noise and on a photograph. Reported are the largest resident
set that the kernel ever had (VmHWM) and that of the server beside it. A status other than 0 says that they do not fit.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.servers import ROOT, VIEWPORT, Notebook, browser_of, chromium, lab_server, voila_server

BINDER = ROOT / "binder"
PATIENCE_MS = 300_000
"""How long a dream, or all cells, may take."""
LIMIT = 2048
"""MiB of memory that Binder grants to server and kernel together."""


def install(venv: Path) -> None:
    """Do what Binder does: the requirements, then ``postBuild``, in an empty environment."""
    python = venv / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    requirements = ["-m", "pip", "install", "--quiet", "-r", BINDER / "requirements.txt"]
    subprocess.run([python, *requirements], check=True)
    path = os.pathsep.join([str(venv / "bin"), os.environ["PATH"]])
    with tempfile.TemporaryDirectory() as folder:  # a build leaves folders behind
        subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
        subprocess.run([BINDER / "postBuild"], cwd=folder, env=os.environ | {"PATH": path}, check=True)


def quickstart(browser: Browser, base: str, venv: Path) -> None:
    """All cells of 01 in JupyterLab, then a layer, its projections and a dream by hand; the state behind them."""
    notebook = Notebook(browser.new_page(viewport=VIEWPORT), base, "lab", "01_quickstart.ipynb")
    notebook.await_cells(PATIENCE_MS)
    assert notebook.python("__import__('cnnvis_widgets').__file__").startswith(str(venv))
    assert notebook.python("explorer.result.names[0]") == "goldfish"
    notebook.choose("Activations")
    before = notebook.pixels("montage")
    deep = "activation · block6_expand_relu/Relu6 · relu6 · 14 × 14 × 480"
    notebook.page.get_by_label("Layer", exact=True).select_option(deep)
    notebook.await_other("montage", before)
    notebook.choose("Deconvolution")
    assert notebook.python("explorer.result.images.shape") == [1, 64, 224, 224, 3]
    dream(notebook)
    assert notebook.python("[explorer.result.names[0], explorer.state.start]") == ["tabby cat", "photo"]
    assert notebook.python("explorer.state.error") == ""
    notebook.screenshot("binder-lab")
    _no_errors(notebook)


def voila(browser: Browser, base: str) -> None:
    """The page of the second badge: maps, another layer, a dream."""
    notebook = Notebook(browser.new_page(viewport=VIEWPORT), base, "voila", "explorer_app.ipynb")
    expect(notebook.status()).to_have_text(re.compile("Done"))
    before = notebook.pixels("montage")
    notebook.page.get_by_role("listbox", name="Layers in order").press("End")
    notebook.await_other("montage", before)
    dream(notebook)
    notebook.screenshot("binder-voila")
    _no_errors(notebook)


def dream(notebook: Notebook) -> None:
    """A class from noise, then on the photograph, each to its end."""
    page = notebook.page
    notebook.choose("Deep dream")
    page.get_by_label("Find class").fill("tabby")
    expect(page.get_by_label("Class", exact=True).locator("option")).to_have_count(1)
    page.get_by_label("Class", exact=True).select_option("281 · tabby cat")
    for start in ("noise", "the photo"):
        page.get_by_label("Start from").select_option(start)
        before = notebook.pixels("dream")
        page.get_by_role("button", name="Start dreaming").click()
        notebook.await_other("dream", before)
        expect(notebook.status()).to_have_text(re.compile("Done"), timeout=PATIENCE_MS)
        expect(notebook.picture("dream")).to_have_attribute("aria-label", re.compile("Deep dream of class tabby cat"))


def _no_errors(notebook: Notebook) -> None:
    ours = [error for error in notebook.errors if re.search("cnnvis|anywidget|bqplot|widget", error)]
    assert ours == [], ours


def peaks(home: Path) -> tuple[float, float]:
    """MiB that the kernel and the server whose Jupyter folders lie in ``home`` had at most."""
    found = {"kernel": 0.0, "server": 0.0}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(home).encode() not in (process / "environ").read_bytes():
                continue
            who = "kernel" if b"ipykernel_launcher" in (process / "cmdline").read_bytes() else "server"
            status = (process / "status").read_text()
        except OSError:  # it ended, or is another's
            continue
        found[who] = max(found[who], int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024)
    return found["kernel"], found["server"]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder", type=lambda text: Path(text).resolve())
    venv = options.parse_args().folder
    path = chromium()
    if path is None:
        sys.exit("Expected Chromium on the PATH. Received: none. 'apt-get install chromium' brings it.")
    os.environ.pop("PYTHONPATH", None)  # the package is to come from the environment
    if not venv.exists():
        install(venv)
    os.environ["PATH"] = os.pathsep.join([str(venv / "bin"), os.environ["PATH"]])
    python = (str(BINDER / "start"), str(venv / "bin" / "python"))
    fits = True
    with browser_of(path) as browser:
        for name, serve, drive in (
            ("01 in JupyterLab", lab_server, partial(quickstart, venv=venv)),
            ("the Voila page", voila_server, voila),
        ):
            with tempfile.TemporaryDirectory() as home:
                folder = Path(home) / "served"
                shutil.copytree(ROOT / "notebooks", folder)
                began = time.monotonic()
                with serve(folder, Path(home), python) as base:
                    drive(browser, base)
                    kernel, server = peaks(Path(home))
            fits = fits and kernel > 0 and kernel + server < LIMIT
            took = f"done in {time.monotonic() - began:.0f} s"
            print(f"{name}: {took}; at most {kernel:.0f} MiB in the kernel, {server:.0f} in the server", flush=True)
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())

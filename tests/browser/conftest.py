"""Front ends and a browser, as fixtures; ``servers`` has what they are made of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from servers import ROOT, SHOWN, VIEWPORT, Notebook, browser_of, chromium, lab_server, voila_server, write_notebook


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; a machine without it skips these tests, except in CI."""
    path = chromium()
    if path is None:
        reason = "no chromium on the PATH; 'apt-get install chromium' brings it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with browser_of(path) as launched:
        yield launched


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the servers serve, with the notebooks in it; kernels run and write there."""
    served = tmp_path_factory.mktemp("served")
    shutil.copy(ROOT / "notebooks" / "01_quickstart.ipynb", served)
    first = "from cnnvis_widgets import ModelExplorer\nexplorer = ModelExplorer()"
    write_notebook(served / "first.ipynb", [f"{first}\nexplorer"])
    known = "explorer.state.layer, explorer.state.order = 'stem_relu/Relu6', 'number'"  # what most tests begin with
    write_notebook(served / "short.ipynb", [f"{first}\n{known}\nexplorer", "'another cell'"])
    digits = "ModelExplorer(demo.small_cnn(), demo.digits().test_images[:2], class_names=list('0123456789'))"
    cell = f"from cnnvis_widgets import ModelExplorer, demo\nexplorer = {digits}\nexplorer"
    write_notebook(served / "digits.ipynb", [cell])
    return served


@pytest.fixture(scope="session")
def jupyter(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of one server with JupyterLab and Notebook 7."""
    with lab_server(folder, tmp_path_factory.mktemp("jupyter")) as base:
        yield base


@pytest.fixture(scope="session")
def voila(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Voila server."""
    with voila_server(folder, tmp_path_factory.mktemp("voila")) as base:
        yield base


@pytest.fixture(scope="session")
def html_manager(pytestconfig: pytest.Config) -> Path:
    """The script that static pages load to show widgets."""
    return _from_npm(pytestconfig, "@jupyter-widgets/html-manager@1.0.15", "dist/embed-amd.js")


@pytest.fixture(scope="session")
def axe(pytestconfig: pytest.Config) -> str:
    """The source of axe-core, which finds what people with a handicap cannot use."""
    return _from_npm(pytestconfig, "axe-core@4.14.1", "axe.min.js").read_text(encoding="utf-8")


def _from_npm(config: pytest.Config, package: str, name: str) -> Path:
    """A file of a package; npm fetches it once, and a machine without npm skips."""
    kept = config.cache.mkdir(package.partition("/")[2].partition("@")[0] or package.partition("@")[0])
    file = kept / "package" / name
    if not file.exists():
        if shutil.which("npm") is None:
            pytest.skip(f"no npm on the PATH to fetch {package} with")
        command = ["npm", "pack", package, "--pack-destination", str(kept)]
        fetched = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if fetched.returncode:
            pytest.skip(f"npm did not fetch {package}: {fetched.stderr[-300:]}")
        with tarfile.open(next(kept.glob("*.tgz"))) as packed:
            packed.extract(f"package/{name}", kept, filter="data")
    return file


@pytest.fixture(scope="module")
def open_notebook(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Notebook]]:
    """``open_notebook('lab' | 'notebook' | 'voila', name)``; the one opened before is closed.

    ``shows`` is what the page must have before anything is done with it.
    """
    opened: list[Notebook] = []

    def open_(where: str, name: str, shows: str = SHOWN) -> Notebook:
        while opened:
            opened.pop().close()
        base = request.getfixturevalue("voila" if where == "voila" else "jupyter")
        page = browser.new_page(viewport=VIEWPORT)
        opened.append(Notebook(page, base, where, name, shows))
        return opened[-1]

    yield open_
    while opened:
        opened.pop().close()


@pytest.fixture(scope="module")
def lab(open_notebook: Callable[..., Notebook]) -> Notebook:
    """The short notebook in JupyterLab, its explorer at rest."""
    notebook = open_notebook("lab", "short.ipynb")
    notebook.await_cells()
    expect(notebook.status()).to_have_text(re.compile("Done"))
    return notebook

"""The notebooks with their outputs, for the pages: executed once, and again when they or the package change.

A page has no kernel, so where a widget was shown there is a still of it: the pictures, texts and choices that it had
when the notebook ended.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from base64 import b64decode
from pathlib import Path
from typing import Any

import nbformat
import stills
from nbclient import NotebookClient

import cnnvis_widgets
from cnnvis_widgets.outputs.still import KEY, VALUE

MARK = f"{KEY}\0{VALUE}".encode()
PACKAGE = Path(cnnvis_widgets.__file__).parent
PATIENCE = 600
"""Seconds that a cell may take."""

SETTLED = """
import sys
if "ipywidgets" in sys.modules:
    import json
    from ipywidgets import Widget
    from ipywidgets.widgets.widget import _instances
    for shown in [each for each in _instances.values() if type(each).__name__ == "ModelExplorer"]:
        shown.wait(300)
    with open("{states}", "w") as file:
        json.dump(Widget.get_manager_state()["state"], file)
"""
"""A last cell, which is not kept: explorers work on while the notebook has ended, and so would be shown empty.

The states come from the kernel, since nbclient drops what a thread sends after the cell that began it.
"""


def make(source: Path, target: Path, kept: Path) -> None:
    """Write every notebook of a folder with its outputs.

    Args:
        source: the folder of notebooks without outputs; it is left as it is.
        target: where they are written, under the same names.
        kept: a folder of copies executed earlier, named by the hash of all that they were made from.
    """
    kept.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        name = path.relative_to(source)
        copy = kept / f"{_hash(path)}.ipynb"
        if not copy.exists():
            began = time.monotonic()
            nbformat.write(execute(path), copy)
            print(f"executed {name}: {time.monotonic() - began:.0f} s", flush=True)
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(copy.read_bytes())


def execute(path: Path) -> nbformat.NotebookNode:
    """The notebook with its outputs, run in a folder of its own, and stills for its widgets."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as own:
        for sheets in _sheets(path):
            shutil.copytree(sheets, Path(folder, sheets.name))
        kept = Path(own, "states.json")
        notebook.cells.append(nbformat.v4.new_code_cell(SETTLED.format(states=kept)))
        client = NotebookClient(notebook, timeout=PATIENCE, resources={"metadata": {"path": folder}})
        client.execute(env=_environment(folder))
        states = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    notebook.cells.pop()
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [_still(output, states) for output in cell.outputs if not _is_last_picture(output)]
    return notebook


def _sheets(path: Path) -> list[Path]:
    """The folder of exercise sheets beside a notebook, if there is one."""
    return [each for each in [path.parent / "sheets"] if each.is_dir()]


def _environment(folder: str) -> dict[str, str]:
    own = {"PYTHONPATH": str(PACKAGE.parent), "IPYTHONDIR": folder, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return os.environ | own


def _still(output: Any, states: dict[str, Any]) -> Any:
    view = output.get("data", {}).get(stills.VIEW)
    if view is None:
        return output
    html = stills.of(view["model_id"], states)
    return nbformat.v4.new_output("display_data", {"text/html": html})


def _is_last_picture(output: Any) -> bool:
    """Whether it is the picture that an explorer keeps for readers without a kernel; the page has its own still."""
    return b64decode(output.get("data", {}).get("image/png", "")[:200]).find(MARK) > 0


def _hash(path: Path) -> str:
    """Of the notebook, its sheets, the package and what makes the copies."""
    ours = (each for each in PACKAGE.rglob("*") if each.suffix in (".py", ".js", ".css", ".html"))
    sheets = (each for folder in _sheets(path) for each in folder.glob("*.py"))
    made_from = [path, *sorted(sheets), Path(__file__), Path(stills.__file__), *sorted(ours)]
    return hashlib.sha256(b"\0".join(each.read_bytes() for each in made_from)).hexdigest()[:24]

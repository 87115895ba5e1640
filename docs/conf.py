"""How Sphinx builds the pages: ``make docs``. Why this way: design note 70."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import executed
import pictures

import cnnvis_widgets

HERE = Path(__file__).parent

project = "cnnvis_widgets"
release = version = cnnvis_widgets.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Look inside any TensorFlow CNN, live, in a notebook", "page_width": "1100px"}
html_css_files = ["wide.css"]
html_static_path = ["static"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # executed.py did it
nb_output_stderr = "remove"  # TensorFlow's notes on the machine that built the pages

autodoc_typehints = "none"  # the docstrings say it in words
autodoc_member_order = "bysource"
napoleon_use_ivar = True  # attributes of dataclasses are not listed twice


def _references_as_list(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Numbered references become list items: as they stand, every continued line would be a definition."""
    inside = False
    for place, line in enumerate(lines):
        if re.match(r"\s*\w+:\s*$", line):
            inside = line.strip() == "References:"
        elif inside and (entry := re.match(r"(\s*)(\[\d+\].*)", line)):
            lines[place] = f"{entry[1]}* {entry[2]}"
        elif inside and line.strip():
            lines[place] = f"{' ' * (len(line) - len(line.lstrip()) - 2)}{line.lstrip()}"


def setup(app: Any) -> None:
    """Bring the notebooks and the pictures in before anything is read."""
    app.connect("autodoc-process-docstring", _references_as_list, priority=100)  # before napoleon's 500
    shutil.rmtree(HERE / "notebooks", ignore_errors=True)
    if os.environ.get("EXECUTE") == "no":
        ours = shutil.ignore_patterns(".ipynb_checkpoints", "Output", "Log", "Answers")
        shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", ignore=ours)
    else:
        executed.make(HERE.parent / "notebooks", HERE / "notebooks", HERE / "_build" / "executed")
    pictures.make(HERE / "pictures")

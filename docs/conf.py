"""How Sphinx builds the pages: ``make docs``. Why this way: design note 70."""

from __future__ import annotations

import inspect
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
author = "The cnnvis_widgets authors"
copyright = "the cnnvis_widgets authors, MIT licence"
release = version = cnnvis_widgets.__version__
extensions = [
    "links",
    "mathml",
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "traits",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"cnnvis_widgets {version}"
html_favicon = "images/favicon.svg"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f5f99", "color-brand-content": "#1f5f99"},
    "dark_css_variables": {"color-brand-primary": "#8cc4f2", "color-brand-content": "#8cc4f2"},
}
html_show_sphinx = False
html_css_files = ["site.css"]
html_math_renderer = "mathml"
pygments_style = "default"
pygments_dark_style = "github-dark"
copybutton_exclude = ".linenos, .gp, .go"  # prompts and output are not copied
html_static_path = ["static"]

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # executed.py did it
nb_output_stderr = "remove"  # TensorFlow's notes on the machine that built the pages

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88  # longer ones get a line for each parameter
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


def _own_signature(
    app: Any, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """A widget's class takes what its ``__init__`` does; autodoc reads that of traitlets."""
    if what != "class" or not signature or "**kwargs" not in signature:
        return signature, returns
    parameters = list(inspect.signature(thing.__init__).parameters.values())[1:]
    return str(inspect.Signature([each.replace(annotation=each.empty) for each in parameters])), returns


def setup(app: Any) -> None:
    """Bring the notebooks and the pictures in before anything is read."""
    app.connect("autodoc-process-signature", _own_signature)
    app.connect("autodoc-process-docstring", _references_as_list, priority=100)  # before napoleon's 500
    shutil.rmtree(HERE / "notebooks", ignore_errors=True)
    if os.environ.get("EXECUTE") == "no":
        ours = shutil.ignore_patterns(".ipynb_checkpoints", "Output", "Log", "Answers")
        shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", ignore=ours)
    else:
        executed.make(HERE.parent / "notebooks", HERE / "notebooks", HERE / "_build" / "executed")
    pictures.make(HERE / "pictures")

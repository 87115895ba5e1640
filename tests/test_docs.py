"""The pages are built without a warning."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cnnvis_widgets

ROOT = Path(__file__).parents[1]
REFERENCE = (ROOT / "docs/reference.md").read_text("utf-8")


@pytest.mark.parametrize("name", cnnvis_widgets.__all__)
def test_every_public_name_is_in_the_reference(name):
    places = f"cnnvis_widgets.{name}\n", f"cnnvis_widgets.engine.{name}\n"
    assert any(place in REFERENCE for place in places)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("myst_nb") is None, reason="the extra 'docs' is not installed")
def test_the_pages_are_built_without_a_warning(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("_build", "notebooks", "pictures"))
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    paths = os.pathsep.join([str(tmp_path / "docs"), str(ROOT)])
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", "html"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    shown = (tmp_path / "html/reference.html").read_text("utf-8")
    assert "export_html" in shown
    assert (tmp_path / "html/notebooks/01_quickstart.html").exists()

"""The README: its example runs as it stands, and what it points to is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
OPENING, EXAMPLE = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)


def test_the_first_screen_says_what_it_is_installs_it_and_opens_it() -> None:
    first = README.splitlines()[:26]
    assert first[0] == "# cnnvis_widgets"
    assert first[2].startswith("**See what a convolutional network sees.**")
    assert sum("pip install" in line for line in first) == 1
    assert "ModelExplorer()" in OPENING
    assert "ModelExplorer(model, image)" in OPENING
    assert OPENING.splitlines()[0] in first


def test_badges_are_true() -> None:
    supported = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PYPROJECT)
    badge = (ROOT / "docs/images/badges/python.svg").read_text("utf-8")
    assert re.findall(r"3\.\d+", badge.partition("</title>")[0].partition("<title>")[2]) == supported
    assert "MIT" in (ROOT / "docs/images/badges/licence.svg").read_text("utf-8")
    assert (ROOT / "LICENSE").read_text("utf-8").startswith("MIT License")


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))])
def test_extras_exist(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    known = set(re.findall(r"^(\w+) = \[", PYPROJECT.partition("[project.optional-dependencies]")[2], re.M))
    assert {name for each in re.findall(r"\.\[([\w,]+)\]", text) for name in each.split(",")} <= known


def test_the_example_has_about_ten_lines() -> None:
    assert 8 <= len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 12


def test_the_example_runs(tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(EXAMPLE, "utf-8")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    # each comment behind a print says what it prints; after that the old call reports as it always did
    said = re.findall(r"^print\(.*\)\s+# (.*)$", EXAMPLE, re.M)
    assert done.stdout.splitlines()[: len(said)] == said
    assert "Reconstruction Completed for stem_relu" in done.stdout
    assert list(tmp_path.glob("Output/**/deconvolution/grid_image.png"))
    assert list(tmp_path.glob("Log/**/events.out.tfevents.*"))


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


def test_commands_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for goal in set(re.findall(r"make (\w+)", README)):
        assert re.search(rf"^{goal}:", makefile, re.M), goal

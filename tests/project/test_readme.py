"""The README: its example runs as it stands, and what it points to is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)


def test_the_example_has_about_ten_lines() -> None:
    assert 8 <= len([line for line in EXAMPLES[0].splitlines() if line.strip()]) <= 12


def test_the_example_runs(tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(EXAMPLES[0])
    done = subprocess.run([sys.executable, script], cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    # each comment behind a print says what it prints; after that the old call reports as it always did
    said = re.findall(r"^print\(.*\)\s+# (.*)$", EXAMPLES[0], re.M)
    assert done.stdout.splitlines()[: len(said)] == said
    assert "Reconstruction Completed for stem_relu" in done.stdout
    assert list(tmp_path.glob("Output/**/deconvolution/grid_image.png"))
    assert list(tmp_path.glob("Log/**/events.out.tfevents.*"))


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


def test_commands_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for goal in set(re.findall(r"make (\w+)", README)):
        assert re.search(rf"^{goal}:", makefile, re.M), goal

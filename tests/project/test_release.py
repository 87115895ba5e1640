"""What maintainers run once: the address of the repository, the notes of a release, the page for everybody."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from traitlets import Int
from voila.app import Voila

ROOT = Path(__file__).parents[2]
SET_HOME = runpy.run_path(str(ROOT / "scripts/set_home.py"))
RELEASE = runpy.run_path(str(ROOT / "scripts/release.py"))
SERVE = runpy.run_path(str(ROOT / "docker/serve.py"))


def test_the_home_is_written_everywhere_and_again(tmp_path: Path) -> None:
    for name in ("scripts/set_home.py", *SET_HOME["FILES"]):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    before = {name: (tmp_path / name).read_text("utf-8") for name in SET_HOME["FILES"]}
    assert any("OWNER" in text for text in before.values())

    def move(*arguments: str) -> str:
        command = [sys.executable, tmp_path / "scripts/set_home.py", *arguments]
        return subprocess.run(command, text=True, capture_output=True, check=True).stdout

    assert move("ada/first", "v1").startswith("OWNER/cnnvis_widgets -> ada/first")
    texts = [(tmp_path / name).read_text("utf-8") for name in SET_HOME["FILES"]]
    left = {line for text in texts for line in text.splitlines() if "OWNER" in line}
    assert left == {line for line in left if "set_home.py" in line}
    assert 'email = "ada@users.noreply.github.com"' in texts[0]
    readme = (tmp_path / "README.md").read_text("utf-8")
    assert readme.count("mybinder.org/v2/gh/ada/first/v1?") == 1
    assert move("bob/second") == "ada/first -> bob/second. Look at it: git diff\n"
    readme = (tmp_path / "README.md").read_text("utf-8")
    assert "ada" not in readme
    assert readme.count("badge_logo.svg") == 1
    assert readme.index("badges/python.svg") < readme.index("bob/second") < readme.index("<!-- /badges -->")


def test_a_release_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = RELEASE["problems"]
    answers = {"tag": "v0.2.0", "status": " M README.md"}
    monkeypatch.setitem(problems.__globals__, "git", lambda command, *_: answers[command])
    assert next(iter(problems("0.2"))).startswith("'0.2' is no version")
    told = " ".join(problems("0.2.0"))
    assert "The tag v0.2.0 exists" in told
    assert "not committed" in told
    assert ("set_home.py" in told) == (
        "OWNER" in (ROOT / "pyproject.toml").read_text("utf-8").split("[project.urls]")[1]
    )


def test_notes_are_what_the_change_log_says_first() -> None:
    log = "# Changelog\n\n## Unreleased (0.2.0)\n\n- One.\n- Two.\n\n## 0.1.0 (2026-01-01)\n\n- Zero.\n"
    assert RELEASE["unreleased"](log).split() == ["-", "One.", "-", "Two."]
    assert RELEASE["unreleased"](log.replace("Unreleased (0.2.0)", "0.2.0 (2026-02-02)")) == ""
    files = RELEASE["with_version"]("9.8.7", "2026-02-02")
    assert '__version__ = "9.8.7"' in files["cnnvis_widgets/__init__.py"]
    assert "\nversion: 9.8.7\n" in files["CITATION.cff"]
    assert "\n## 9.8.7 (2026-02-02)\n" in files["CHANGELOG.md"]


@pytest.mark.filterwarnings("ignore:--tornado_settings:DeprecationWarning")  # a number in it must stay a number
def test_the_page_for_everybody_limits_uploads_and_hides_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIS_TOKEN", "a secret")
    monkeypatch.setenv("CNNVIS_UPLOAD_MB", "3")
    options = SERVE["options"]("page.ipynb")
    app = Voila()
    app.parse_command_line(options)  # an option that it does not know has no effect, so look at what it took
    assert app.auto_token is True
    assert app.token is None  # which it then takes from JUPYTER_TOKEN, or makes
    assert app.tornado_settings == {"websocket_max_message_size": 3_000_000}
    assert (app.ip, app.port) == ("0.0.0.0", 8866)
    assert app.config.MappingKernelManager.cull_idle_timeout.get_value(Int()) == 600
    assert not any("a secret" in option for option in options)
    monkeypatch.setenv("CNNVIS_UPLOAD_MB", "much")
    with pytest.raises(SystemExit, match="CNNVIS_UPLOAD_MB='much'"):
        SERVE["options"]("page.ipynb")
    started = []
    monkeypatch.setattr(
        os, "execv", lambda program, arguments: started.append((arguments, os.environ["JUPYTER_TOKEN"]))
    )
    monkeypatch.setenv("CNNVIS_UPLOAD_MB", "3")
    monkeypatch.setattr(sys, "argv", ["serve.py", str(ROOT / "notebooks/explorer_app.ipynb")])
    SERVE["main"]()
    [(arguments, token)] = started
    assert (arguments[1:3], token) == (["-m", "voila"], "a secret")
    assert "CNNVIS_TOKEN" not in os.environ

"""``cnnvis explore`` opens the explorer as a page behind a token, and ends with Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from networks import keras_cnn
from PIL import Image
from servers import PATIENCE_MS, SHOWN

pytestmark = pytest.mark.browser


def test_explore_shows_the_network_that_was_named(browser, tmp_path):
    keras_cnn().save(tmp_path / "little.keras")
    Image.effect_noise((40, 40), 60).convert("RGB").save(tmp_path / "noise.png")
    command = [sys.executable, "-m", "cnnvis_widgets", "explore", "little.keras", "noise.png", "--no-browser"]
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            address = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S{20,}", server.stdout.readline())[0]
            with urllib.request.urlopen(address.partition("?")[0]) as answer:
                assert "/login" in answer.url  # without the token nothing is shown
            page = browser.new_page()
            page.goto(address, timeout=PATIENCE_MS)
            page.wait_for_selector(SHOWN, timeout=PATIENCE_MS)
            assert "noise.png" in page.content()
            page.close()
            server.send_signal(signal.SIGINT)
            assert server.wait(60) == 0
        finally:
            server.kill()  # does nothing to one that has ended
    assert not (tmp_path / "voila.json").exists()

"""What ``explore`` starts listens on this machine alone, and shows nothing without the token."""

import json
import urllib.request
from argparse import Namespace

import pytest

from cnnvis_widgets.cli import page
from cnnvis_widgets.imaging.reading import MOST_BYTES

ARGUMENTS = {
    **{"model": "demo", "images": [], "image_input": None, "class_names": None, "heads": None, "preprocess": None},
    **{"trusted": False, "out": "Output", "log": "Log", "debug": False},
}


def test_the_page_wants_a_token_and_listens_on_this_machine_alone(tmp_path, monkeypatch):
    pytest.importorskip("voila")
    monkeypatch.setattr(page, "_PATIENCE", 300)  # on a busy machine
    port = page._free_port()
    with page._server(tmp_path, Namespace(**ARGUMENTS), port, "the-token") as server:
        page._wait(server, port)
        for path in ("/", "/?token=wrong"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=200) as answer:
                assert "/login" in answer.url
        command = server.args
    whole = json.loads((tmp_path / "voila.json").read_text())
    config = whole["Voila"]
    assert (config["ip"], config["token"]) == ("127.0.0.1", "the-token")
    assert config["tornado_settings"]["websocket_max_message_size"] == MOST_BYTES
    assert 0 < whole["MappingKernelManager"]["cull_idle_timeout"] <= 3600
    assert "the-token" not in " ".join(command)  # all users of a machine see command lines

"""An explorer that is closed leaves nothing behind: ipywidgets keeps each widget until it is closed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from threading import Event

import pytest

from cnnvis_widgets import ModelExplorer
from cnnvis_widgets.widgets.overview.film_strip import FilmStrip

pytest_plugins = ["widget_jobs"]

SCRIPT = """
import gc, json, sys, threading, weakref
import keras, numpy as np
from ipywidgets.widgets.widget import _instances
from cnnvis_widgets import ModelExplorer
from cnnvis_widgets.widgets.elements.shared_layouts import is_shared

def look():
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, activation="relu")])
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    explorer = ModelExplorer(model, images, logdir=sys.argv[1] or None)
    for name in explorer.views:
        explorer.state.method = name
        explorer.wait(60)
    explorer.state.method = "activations"
    explorer.wait(60)
    explorer.strip.wait(60)
    seen = weakref.ref(explorer), weakref.ref(explorer.network)
    explorer.close()
    return seen

seen = look()
for thread in threading.enumerate():
    if thread is not threading.main_thread() and not thread.name.startswith("cnnvis-computing"):
        thread.join(10)  # such as the timer of the progress bar, which refers to it
del thread
gc.collect()
left = [type(widget).__name__ for widget in _instances.values() if not is_shared(widget)]
print(json.dumps([left, [reference() is None for reference in seen]]))
"""


@pytest.mark.parametrize("logdir", ["", "Log"])
def test_a_closed_explorer_leaves_nothing_behind(logdir, tmp_path):
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, logdir]
    done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True, env=quiet)
    left, freed = json.loads(done.stdout.splitlines()[-1])
    assert left == []  # but shared layouts and styles
    assert freed == [True, True]


@pytest.mark.usefixtures("no_leaked_jobs")
def test_the_film_strip_of_a_closed_explorer_is_filled_no_further(network, images, monkeypatch):
    begun, go_on = Event(), Event()

    def slow(*_):
        begun.set()
        assert go_on.wait(60)

    monkeypatch.setattr(FilmStrip, "_fill", slow)
    explorer = ModelExplorer(network, images, logdir=None)
    assert begun.wait(60)
    explorer.close()
    go_on.set()
    explorer.strip.wait(60)
    assert explorer.strip._job.cancelled

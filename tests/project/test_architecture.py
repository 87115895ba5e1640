"""The page on the architecture: a feed walks as it says, and the changes that it shows work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from networks import keras_cnn, photo

import cnnvis_widgets
from cnnvis_widgets import ModelExplorer

ROOT = Path(__file__).parents[2]
PACKAGE = Path(cnnvis_widgets.__file__).parent
PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")

METHOD = '''"""Squared gradients."""

from dataclasses import replace

from .smooth_grad import smooth_grad


def squared_gradient(network, feed, targets, *, scores=None):
    """Square the gradient of a class score."""
    gradient = smooth_grad(network, feed, targets, noise=0, samples=1, scores=scores)
    return replace(gradient, method="squared_gradient", images=gradient.images**2)
'''
ROW = """    Method(
        "squared_gradient",
        "Squared gradient",
        "attribution",
        module="engine.attribution.squared_gradient",
        function="squared_gradient",
        gives="Attribution",
        asks=(_TARGETS,),
        options=(_SCORES,),
        per_channel=True,
    ),
"""
BEFORE = '    Method(\n        "occlusion",\n'
NEW_METHOD = [
    ("cnnvis_widgets/engine/attribution/squared_gradient.py", "", METHOD),
    ("cnnvis_widgets/methods/rows.py", BEFORE, ROW + BEFORE),
]
"""A method of attribution of the form that the page describes: a module and a row."""

USE = """
import gzip, pathlib
import numpy as np, pytest, tensorflow as tf
import cnnvis_widgets as cv
from cnnvis_widgets import objectives
from cnnvis_widgets.engine.ops.specs import OPS
from networks import frozen_graph, keras_cnn, network_of, photo

network = cv.load(keras_cnn(), photo())
result = cv.squared_gradient(network, None, 2)
assert result.images.shape == (1, 1, 20, 20, 3) and np.abs(result.images).max() > 0

zipped = pathlib.Path("graph.pb.gz")
zipped.write_bytes(gzip.compress(frozen_graph().as_graph_def().SerializeToString()))
assert [layer.name for layer in cv.load("graph.pb.gz").select("r")] == ["conv1/Relu", "conv2/Relu"]
zipped.write_bytes(zipped.read_bytes()[:-20])
with pytest.raises(cv.errors.ModelError, match="Expected a compressed GraphDef"):
    cv.load("graph.pb.gz")
with pytest.raises(cv.errors.ModelError, match="a .pb or .pbtxt file, a .pb.gz file. Received: the directory"):
    cv.load(".")

def erfinv(x):
    return tf.nn.relu(tf.math.erfinv(0.1 * tf.sigmoid(x)))

ops = network_of(erfinv, (6, 6, 2)).coverage("guided", "out").ops
assert "inverse error function" in {op.kind for op in ops}, ops

for options in ({}, {"exclusive": True}, {"reverse": True}):
    summed = network_of(lambda x: tf.cumsum(tf.nn.relu(x), 1, **options), (6, 5, 2))
    result = cv.reconstruct(summed, None, "out", rule="gradient", seed="ones")
    assert (result.strategy, result.strategy_reason) == ("batched pullback", "")
    x = tf.constant(summed.images())
    with tf.GradientTape() as tape:
        tape.watch(x)
        values = tf.cumsum(tf.nn.relu(x), 1, **options)[..., 1]
    np.testing.assert_allclose(result.images[:, 1], tape.gradient(values, x), rtol=1e-5)

explorer = cv.ModelExplorer(network)
explorer.wait(300)
explorer.state.method, explorer.state.explainer = "attribution", "squared_gradient"
explorer.wait(300)
assert explorer.result.method == "squared_gradient" and not explorer.state.error
explorer.state.method = "histogram"
explorer.wait(300)
assert explorer.views["histogram"].panel.value.count("%") == 10 and not explorer.state.error
explorer.save_png()
with pytest.raises(cv.errors.OutputError, match="Received: the view 'Histogram'"):
    explorer.wait(300)

steps = list(cv.dream(network, None, objectives.both("fused/Relu", 0, 1), start="feed", octaves=1, steps=12))
assert steps[-1].scores[0] > steps[0].scores[0]
with pytest.raises(cv.errors.ChannelError, match="Received: 99"):
    cv.dream(network, None, objectives.both("fused/Relu", 0, 99))

cv.activation_visualization(network, None, layers="fused/Relu", path_logdir="Log", path_outdir="Output")
assert [path.name for path in pathlib.Path("Output").rglob("*.png")] == ["all_maps.png"]
print("all six")
"""


def walk() -> list[tuple[str, str]]:
    """The functions that the page names, in order, as (file, qualified name)."""
    section = PAGE.partition("## From a feed to pixels")[2].partition("\n## ")[0]
    return re.findall(r"^\d+\. `([\w/]+\.py)` `([\w.]+)`", section, re.MULTILINE)


def test_a_feed_walks_through_the_functions_in_this_order() -> None:
    model, image, calls = keras_cnn(), photo(), []

    def note(frame, event, argument):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(PACKAGE)):
            calls.append((Path(code.co_filename).relative_to(PACKAGE).as_posix(), code.co_name))

    before = sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        explorer = ModelExplorer(model, image, logdir=None)
        explorer.wait(300)
    finally:
        sys.setprofile(before)
        threading.setprofile(None)
    explorer.close()
    steps, rest = walk(), iter(calls)
    assert len(steps) > 20
    astray = [step for step in steps if (step[0], step[1].rpartition(".")[2]) not in rest]
    assert not astray


def changes() -> list[tuple[str, str, str]]:
    """(file, text that stands in it or '' for a new file, text that takes its place) of every change on the page.

    Python of a file that exists is a quotation, which changes nothing.
    """
    found = []
    for kind, block in re.findall(r"^```(python|diff)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        first, _, body = block.partition("\n")
        if kind == "python":
            path = first.removeprefix("# ")
            found.append((path, body if (ROOT / path).exists() else "", body))
        else:
            lines = body.splitlines(keepends=True)
            old, new = ("".join(line[1:] for line in lines if line[0] in kept) for kept in (" -", " +"))
            found.append((first.removeprefix("--- "), old, new))
    return found


def test_every_task_takes_two_files_at_most() -> None:
    tasks = PAGE.partition("## Where do I change")[2].split("\n### ")[1:]
    assert len(tasks) == 6
    for task in tasks:
        files = set(re.findall(r"^(?:# |--- )(cnnvis_widgets/[\w/]+\.py)$", task, re.MULTILINE))
        assert 1 <= len(files) <= 2, task


@pytest.mark.parametrize("change", [entry for entry in changes() if entry[1]], ids=lambda entry: entry[0])
def test_the_place_of_a_change_is_there_once(change) -> None:
    path, old, _ = change
    assert (ROOT / path).read_text("utf-8").count(old) == 1


def test_the_changes_work(tmp_path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "cnnvis_widgets", ignore=shutil.ignore_patterns("__pycache__"))
    for path, old, new in [*changes(), *NEW_METHOD]:
        target = tmp_path / path
        text = target.read_text("utf-8") if old else ""
        assert (text.count(old) == 1) if old else not target.exists()
        target.write_text(text.replace(old, new) if old else new, "utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "tests")])}
    command = [sys.executable, "-c", USE]
    done = subprocess.run(command, cwd=tmp_path, env=environment, text=True, capture_output=True)
    assert done.stdout.endswith("all six\n"), done.stderr[-3000:]

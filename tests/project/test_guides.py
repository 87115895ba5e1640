"""The Python of the guides runs as it stands, page by page, with the names that a page leaves to its reader."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import nbformat
import numpy as np
import pytest
import tensorflow as tf

import cnnvis_widgets as cv
from cnnvis_widgets.engine.backward import rules

ROOT = Path(__file__).parents[2]
PAGES = ("docs/index.md", "docs/migration.md", *sorted(f"docs/howto/{path.name}" for path in ROOT.glob("docs/howto/*")))
SLOW = "docs/index.md", "docs/howto/watch_training.md"
NAMES = ["tabby cat", "goldfish"]
v1 = tf.compat.v1


def python(text):
    """The blocks of Python in a page."""
    return re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)


def run(text, given):
    """Execute the blocks of a page, one after the other, with some names defined; what was defined then."""
    for block in python(text):
        exec(compile(block, "<the page>", "exec"), given)
    return given


@pytest.fixture(scope="module")
def model():
    """A network for photographs of any size, with the layer that the guides speak of."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    options = {"strides": 4, "activation": "relu", "name": "block9_depthwise_relu"}
    stack = [keras.Input((None, None, 3)), layers.Conv2D(4, 5, **options), layers.GlobalMaxPooling2D()]
    return keras.Sequential([*stack, layers.Dense(2, name="logits")])


@pytest.fixture(scope="module")
def session():
    """Of TensorFlow 1, with values for its variables."""
    graph = tf.Graph()
    with graph.as_default():
        x = v1.placeholder(tf.float32, [None, 16, 16, 3], name="x")
        v1.placeholder(tf.float32, [], name="keep_probability")
        kernel = v1.get_variable("kernel", [3, 3, 3, 4])
        tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME")), 2, 2, "SAME")
        opened = v1.Session()
        opened.run(v1.global_variables_initializer())
    yield opened
    opened.close()


def of_a_stranger():
    """A frozen graph."""
    graph = tf.Graph()
    with graph.as_default():
        fed = v1.placeholder(tf.float32, [None, 16, 16, 3], name="images")
        tf.nn.relu(tf.nn.conv2d(fed, np.ones((3, 3, 3, 2), np.float32), 1, "SAME"), name="maps")
    return graph.as_graph_def()


@pytest.fixture
def given(model, session, tmp_path, monkeypatch):
    """What a reader has at hand, by the names in the pages; explorers are closed and rules forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rules, "_RULES", dict(rules._RULES))
    model.export("path/to/it", verbose=False)
    photo = cv.demo.photos()["chelsea"][:64, :64]
    graph = session.graph
    names = {
        "cv": cv,
        "keras": keras,
        "model": model,
        "keras_model": model,
        "names": NAMES,
        "photo": photo,
        "image": np.float32(photo[np.newaxis, :16, :16]),
        "network": cv.load(model, photo, class_names=NAMES),
        "graph": graph,
        "session": session,
        "x": graph.get_tensor_by_name("x:0"),
        "keep_probability": graph.get_tensor_by_name("keep_probability:0"),
        "function": tf.function(lambda images: tf.nn.relu(images - 100)),
        "graph_def": of_a_stranger(),
        "images": np.float32(photo[np.newaxis, :16, :16]),
    }
    made = []

    class Explorer(cv.ModelExplorer):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setitem(vars(cv), "ModelExplorer", Explorer)
    with session.as_default():
        yield names
    for explorer in made:
        explorer.wait(120)
        explorer.close()


def test_pages_have_python():
    assert [page for page in PAGES if not python((ROOT / page).read_text("utf-8"))] == [
        "docs/howto/hosts.md",
        "docs/howto/share.md",
    ]


@pytest.mark.parametrize("page", [pytest.param(page, marks=pytest.mark.slow if page in SLOW else ()) for page in PAGES])
def test_a_page_runs(page, given):
    # TensorFlow forgets no rule, and the docstring of rules.register has the same name
    defined = run((ROOT / page).read_text("utf-8").replace("clearly on", "guided by the page"), given)
    if page.endswith("objective.md"):
        assert defined["last"].index == defined["last"].total - 1 == 95
    elif page.endswith("rule.md"):
        assert defined["seen"].rule == "guided by the page"
        assert [op.count for op in defined["seen"].coverage.ops if op.treatment == "rule"] == [1]
    elif page.endswith("watch_training.md"):
        assert [look.step for look in defined["watch"].history] == [0, 1, 2, 3]
        assert defined["figure"].shape == (6 * 34, 4 * 34, 1)
    elif page.endswith("migration.md"):
        assert list(Path("Output").rglob("deconvolution/*.png"))


def test_calls_named_in_the_guides_exist():
    """In the running text: ``explorer.export_html`` and its like."""
    words = " ".join((ROOT / page).read_text("utf-8") for page in PAGES)
    named = set(re.findall(r"`explorer\.(\w+)\(", words))
    assert named
    assert all(hasattr(cv.ModelExplorer, each) for each in named)


def test_the_calls_of_the_quickstart_for_your_own_network_run(given):
    cells = nbformat.read(ROOT / "notebooks/01_quickstart.ipynb", as_version=4).cells
    text = "".join(cell.source + "\n" for cell in cells if cell.cell_type == "markdown")
    given["model"].export("path/to/saved_model", verbose=False)
    run(text, given | {"images": given["image"], "ModelExplorer": cv.ModelExplorer})

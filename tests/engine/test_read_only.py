"""The user's model, session, files and arrays are byte for byte what they were, after every method."""

import hashlib

import numpy as np
import pytest
from networks import export, keras_cnn, photo, v1, variable_graph

from cnnvis_widgets import (
    activations,
    channel_evidence,
    dream,
    grad_cam,
    integrated_gradients,
    intervene,
    load,
    occlude,
    occlusion,
    predict,
    reconstruct,
    rules,
    sensitivity,
    smooth_grad,
)


def arrays_of(network):
    """Something that every method found out: finite, and not all zero."""
    layer = network.select("r")[1]
    for maps in activations(network, None, ["r", "p", "c"]):
        yield maps.values
    for rule in rules.known():
        for seed in ("strongest", "map"):
            yield reconstruct(network, None, layer, channels=[0, 1], rule=rule, seed=seed).images
    yield grad_cam(network, None, 1, guided=True).scores
    yield integrated_gradients(network, None, 1, steps=2).images
    yield smooth_grad(network, None, 1, samples=2).images
    yield occlusion(network, None, 1, size=10, stride=10).scores
    yield occlude(network, None, (2, 3, 9, 9)).after.scores
    yield sensitivity(network, rule="gradient").classes
    yield predict(network).probabilities
    yield intervene(network, None, layer, {0: 0.0}).after.probabilities
    yield channel_evidence(network, None, layer, 1)
    for start in (None, "feed"):
        *_, last = dream(network, None, layer, 1, start=start, octaves=2, steps=2)
        yield last.images


def every_method(model):
    images = photo(images=2)
    before = images.tobytes()
    for found in arrays_of(load(model, images)):
        assert np.isfinite(found).all()
        assert found.any()
    assert images.tobytes() == before


def bytes_of(folder):
    """Every file in a folder by name, as a hash and the time of its last change."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        (str(path.relative_to(folder)), hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in files
    ]


@pytest.fixture(autouse=True)
def nothing_is_written(tmp_path, monkeypatch):
    working = tmp_path / "working"
    working.mkdir()
    monkeypatch.chdir(working)
    yield
    assert not list(working.iterdir())


def test_a_session():
    graph = variable_graph()
    with v1.Session(graph=graph) as session:
        with graph.as_default():
            session.run(v1.global_variables_initializer())
            variables = v1.global_variables()
            probabilities = graph.get_tensor_by_name("probabilities:0")
        before = graph.as_graph_def(add_shapes=True).SerializeToString(deterministic=True)
        state = [value.tobytes() for value in session.run(variables)]
        said = session.run(probabilities, {"image:0": photo()})
        every_method(session)
        assert [value.tobytes() for value in session.run(variables)] == state
        np.testing.assert_array_equal(session.run(probabilities, {"image:0": photo()}), said)
    assert graph.as_graph_def(add_shapes=True).SerializeToString(deterministic=True) == before
    assert not graph.finalized


def test_a_keras_model():
    model = keras_cnn()
    model.compile("adam", "categorical_crossentropy")
    model.fit(photo(images=2), np.eye(4)[:2], verbose=0)
    variables = [*model.weights, *model.optimizer.variables]
    before = model.to_json(), [value.numpy().tobytes() for value in variables], model.get_layer("norm").trainable
    said = model(photo()).numpy()
    every_method(model)
    assert (
        model.to_json(),
        [value.numpy().tobytes() for value in variables],
        model.get_layer("norm").trainable,
    ) == before
    np.testing.assert_array_equal(model(photo()).numpy(), said)
    assert model.fit(photo(images=2), np.eye(4)[:2], verbose=0).history["loss"]


def test_files(tmp_path):
    model = keras_cnn()
    held = tmp_path / "held"
    export(model, held / "exported")
    model.save(held / "model.keras")
    before = bytes_of(held)
    assert len(before) > 3
    every_method(str(held / "exported"))
    load(str(held / "model.keras"), photo())  # once loaded it is a Keras model like the one above
    assert bytes_of(held) == before

"""Tokens on their grid: layers of transformers are maps, forwards and backwards."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from transformers import hand_written, hybrid, keras_attention, photo, swin, vit, vit_of_reshaped_patches, with_dropout

from cnnvis_widgets import activations, grad_cam, load, occlusion, predict, reconstruct
from cnnvis_widgets.engine.graph.graphdef import node_of
from cnnvis_widgets.engine.graph.structure import Structure

MODELS = {
    "keras": vit,
    "with dropout": lambda: vit(with_dropout),
    "by hand": lambda: vit(hand_written),
    "mean of tokens": lambda: vit(token=False),
    "reshaped patches": vit_of_reshaped_patches,
    "windows": swin,
    "behind convolutions": hybrid,
}


@pytest.fixture(scope="module", params=MODELS)
def network(request):
    model = MODELS[request.param]()
    return load(model, photo(model.input_shape[1], 2)), model


def test_maps_change_no_value(network):
    network, model = network
    np.testing.assert_allclose(predict(network).values, model(network.images()).numpy(), atol=1e-5)


def test_every_layer_with_places_lies_on_a_grid(network):
    network, _ = network
    for layer in network.layers:
        places = layer.kind != "attention" and layer.spatial_shape
        if places:
            assert len(places) == 2, layer
            assert places[0] == places[1], layer
    values = activations(network, None, list(network.layers))
    assert all(maps.values.shape == (2, *maps.layer.spatial_shape, maps.layer.channels) for maps in values)


def test_reconstruction_is_the_gradient_of_the_unit(network):
    network, _ = network
    layer = [layer for layer in network.layers if layer.kind == "dense" and layer.spatial_shape][-1]
    result = reconstruct(network, None, layer, channels=[3], rule="gradient", seed=(1, 2))
    height, width, _ = network.images().shape[1:]
    assert result.images.shape == (2, 1, height, width, 3)
    (maps,) = activations(network, None, layer)
    moved, step = network.images(), 1e-2
    direction = np.random.default_rng(0).standard_normal(moved.shape).astype("float32")
    up, down = (activations(network, moved + sign * step * direction, layer)[0].values[:, 1, 2, 3] for sign in (1, -1))
    slope = (result.images[:, 0] / maps.values[:, 1, 2, 3][:, None, None, None] * direction).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(slope, (up - down) / (2 * step), rtol=2e-2, atol=2e-3)


def test_grad_cam_and_occlusion_of_tokens(network):
    network, _ = network
    result = grad_cam(network, None, [0, 1])
    assert len(result.images.shape) == 4
    assert result.images.any()
    assert result.maps.spatial_shape == result.images.shape[2:]
    side = network.images().shape[1]
    assert grad_cam(network, None, 1, upsampled=True).images.shape == (2, 1, side, side)
    sweep = occlusion(network, network.images()[:1], 1, size=side // 4, stride=side // 4)
    assert sweep.maps.spatial_shape
    assert sweep.map_totals.shape == (1, 4, 4)


def test_grad_cam_of_a_class_token_looks_before_the_last_attention():
    """Behind it the patches no longer matter: only the class token is read."""
    model = vit()
    network = load(model, photo(24))
    result = grad_cam(network, None, 2)
    assert result.maps.name.startswith("block1_normal")
    seen, scores = part_of(model, "block1_normal"), model.get_layer("classes")
    with tf.GradientTape() as tape:
        tokens, values = seen(network.images())
        logit = tf.matmul(values, scores.kernel)[:, 2]
    slopes, maps = tape.gradient(logit, tokens)[0, 1:].numpy(), tokens[0, 1:].numpy()
    expected = np.maximum((maps * slopes.mean(axis=0)).sum(axis=-1), 0).reshape(4, 4)
    np.testing.assert_allclose(result.images[0, 0], expected, atol=1e-5)


def part_of(model, name):
    """A model that returns what a layer returns, and what enters the classes."""
    return keras.Model(model.input, [model.get_layer(name).output, model.get_layer("classes").input])


def test_the_maps_of_tokens_leave_the_class_token_out():
    model = vit()
    network = load(model, photo(24))
    tokens, _ = part_of(model, "block1_normal")(network.images())
    (maps,) = activations(network, None, "block1_normal")
    assert maps.values.shape == (1, 4, 4, 16)
    np.testing.assert_allclose(maps.values.reshape(16, 16), tokens[0, 1:].numpy(), atol=1e-5)


def test_windows_are_laid_back_to_their_places():
    """What a dense layer in rolled windows computes of a place is what it would compute of the map itself."""
    model = swin()
    network = load(model, photo(32))
    (entered,), (maps,) = (activations(network, None, name) for name in ("second_normal", "second/attention*qkv*"))
    dense = model.get_layer("second").attention.qkv
    np.testing.assert_allclose(maps.values, dense(entered.values).numpy(), atol=1e-5)


def test_values_that_meet_of_several_places_have_none():
    network = load(vit(keras_attention, token=False), photo(24))
    traced = network.runtime.tokens.traced
    places = traced.places["mean/Mean:0"]
    assert (places == 0).all()


@pytest.mark.parametrize("name", ["keras", "by hand", "windows", "behind convolutions", "reshaped patches"])
@pytest.mark.parametrize("images", [None, 2])
def test_shapes_beside_added_maps_are_those_of_the_whole_graph(name, images):
    model = MODELS[name]()
    if images is not None:
        shape = (images, *model.input.shape[1:])
        model = tf.function(model, input_signature=[tf.TensorSpec(shape, tf.float32)])
    network = load(model)
    tokens, sources = network.runtime.tokens, {node_of(network.runtime.image_tensor)}
    whole = Structure(tokens.frozen, sources)
    assert len(tokens.frozen.graph_def.node) > len(network.runtime.frozen.graph_def.node)
    assert tokens.structure.shapes == whole.shapes
    assert tokens.structure.apart == whole.apart

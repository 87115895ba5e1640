"""Attention maps, rollout and relevance, against NumPy and a tape on the plain function."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import keras_cnn
from networks import photo as pictures
from oracles.attention import Plain, in_windows, relevance, rollout, weights_by_hand, weights_of_keras
from transformers import hand_written, hybrid, keras_attention, photo, swin, vit, vit_of_reshaped_patches, with_dropout

from cnnvis_widgets import attention_maps, attention_relevance, attention_rollout, load
from cnnvis_widgets.engine.attention.flow import attentions_beside
from cnnvis_widgets.errors import ChannelError, GradientError, LayerError, OptionError

layers = keras.layers


def before(model, name, image):
    """What a layer returns for one image, without the axis of images."""
    return keras.Model(model.input, model.get_layer(name).output)(image[None]).numpy()[0]


def same(array, expected):
    assert array.dtype == np.float32
    assert array.shape == expected.shape
    np.testing.assert_allclose(array, expected, atol=1e-5)


# ---- the weights of one attention


@pytest.mark.matrix
@pytest.mark.parametrize("attend", [keras_attention, pytest.param(with_dropout, marks=pytest.mark.slow), hand_written])
@pytest.mark.parametrize("token", [True, False])
def test_maps_of_each_head(attend, token):
    model = vit(attend, token=token)
    images = photo(24, 2)
    network = load(model, images)
    layer = model.get_layer("block1_attention")
    of_layer = weights_by_hand if attend is hand_written else weights_of_keras
    expected = np.stack(
        [of_layer(getattr(layer, "qkv", layer), before(model, "block1_normal", image)) for image in images]
    )
    others = int(token)
    maps = attention_maps(network, None, query=(1, 2))
    assert maps.layers == (network.attentions[-1].name,)
    assert (maps.queries, maps.query, maps.query_title) == ((4, 4), (1, 2), "token 1, 2")
    row = expected[:, :, others + 4 + 2]
    same(maps.weights, row[..., others:].reshape(2, 2, 4, 4))
    same(maps.others, row[..., :others])
    same(maps.mean, row[..., others:].reshape(2, 2, 4, 4).mean(axis=1))
    same(attention_maps(network, None, query="mean").others, expected.mean(axis=2)[..., :others])
    default = attention_maps(network, None, "block1_attention")
    assert default.query == (0 if token else "mean")
    row = expected[:, :, 0] if token else expected.mean(axis=2)
    same(default.weights, row[..., others:].reshape(2, 2, 4, 4))


@pytest.mark.parametrize(("name", "shift"), [("first", 0), ("second", 2)])
def test_windows(name, shift):
    model, image = swin(), photo(32)
    network = load(model, image)
    assert [layer.keras_name for layer in network.attentions] == ["first", "second", "third"]
    qkv = model.get_layer(name).attention.qkv
    expected = in_windows(qkv, before(model, f"{name}_normal", image[0]), shift)
    for place in ((0, 0), (3, 5), (7, 7)):
        maps = attention_maps(network, None, name, query=place)
        same(maps.weights[0], expected[:, place[0] * 8 + place[1]].reshape(2, 8, 8))
        assert maps.others.shape == (1, 2, 0)
    same(attention_maps(network, None, name).mean[0], expected.mean(axis=(0, 1)).reshape(8, 8))


def test_attention_right_on_maps():
    model, image = hybrid(), photo(24)
    tokens = before(model, "before", image[0]).reshape(36, 16)
    expected = weights_of_keras(model.get_layer("attention"), tokens)
    maps = attention_maps(load(model, image), None, query=(2, 3))
    same(maps.weights[0], expected[:, 15].reshape(2, 6, 6))


def test_patches_by_reshapes():
    model, image = vit_of_reshaped_patches(), photo(24)
    expected = weights_of_keras(model.get_layer("block0_attention"), before(model, "block0_normal", image[0]))
    same(attention_maps(model, image, query=(3, 0)).weights[0], expected[:, 12].reshape(2, 4, 4))


def test_images_of_any_size():
    keras.utils.set_random_seed(2)
    image = keras.Input((None, None, 3), name="image")
    x = layers.Conv2D(8, 4, 4, name="patches")(image)
    tokens = layers.Reshape((-1, 8), name="tokens")(x)
    x = tokens + layers.MultiHeadAttention(2, 4, name="attention")(tokens, tokens)
    model = keras.Model(image, layers.Dense(3, name="scores")(layers.GlobalAveragePooling1D()(x)))
    for size in (16, 24):
        fed = photo(size)
        expected = weights_of_keras(model.get_layer("attention"), before(model, "tokens", fed[0]))
        side = size // 4
        same(attention_maps(model, fed, query=(1, 2)).weights[0], expected[:, side + 2].reshape(2, side, side))


def test_a_batch_of_fixed_size():
    image = keras.Input(batch_shape=(2, 24, 24, 3), name="image")
    model = vit()
    fixed = keras.Model(image, model(image))
    fed = photo(24, 3)
    same(attention_maps(fixed, fed).weights, attention_maps(model, fed).weights)
    same(attention_relevance(fixed, fed, 1).weights, attention_relevance(model, fed, 1).weights)


# ---- all attentions together


@pytest.mark.parametrize("token", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_rollout_and_relevance(token):
    model, images = vit(token=token, blocks=3), photo(24, 2)
    network = load(model, images)
    plain = Plain(model, 3, token)
    others = int(token)
    for index, image in enumerate(images):
        logits, watched, tape = plain(image)
        weights = [each.numpy()[0] for each in watched]
        product = rollout(weights)
        row = product[0] if token else product.mean(axis=0)
        result = attention_rollout(network, image[None])
        assert result.method == "attention_rollout"
        assert len(result.layers) == 3
        same(result.weights[0, 0], row[others:].reshape(4, 4).astype("float32"))
        of_place = attention_rollout(network, image[None], query=(3, 1))
        same(of_place.weights[0, 0], product[others + 13, others:].reshape(4, 4))
        assert abs(result.weights.sum() + result.others.sum() - 1) < 1e-5
        for target in (0, 3):
            with tape:
                score = logits[0, target]
            slopes = [slope.numpy()[0] for slope in tape.gradient(score, watched)]
            total = relevance(weights, slopes) - np.eye(len(product))
            row = total[0] if token else total.mean(axis=0)
            found = attention_relevance(network, None, target)
            assert (found.target, found.explains.name) == (target, "classes/BiasAdd")
            assert found.weights.any()
            same(found.weights[index, 0], row[others:].reshape(4, 4))
            np.testing.assert_allclose(found.scores[index], score, atol=1e-5)


def test_rollout_in_windows_of_one_grid():
    model, image = swin(), photo(32)
    names = ("first", "second")
    weights = [
        in_windows(model.get_layer(name).attention.qkv, before(model, f"{name}_normal", image[0]), shift)
        for name, shift in zip(names, (0, 2), strict=True)
    ]
    result = attention_rollout(model, image, layers=names, query=(1, 6))
    same(result.weights[0, 0], rollout(weights)[14].reshape(8, 8))


def test_the_surest_class_of_each_image():
    model, images = vit(), photo(24, 4)
    network, best = load(model), model(images).numpy().argmax(axis=1)
    assert len(set(best)) > 1
    result = attention_relevance(network, images)
    for index, number in enumerate(best):
        same(result.weights[index], attention_relevance(network, images[index : index + 1], int(number)).weights[0])


# ---- what cannot be


def test_a_network_without_attention():
    network = load(keras_cnn(), pictures())
    assert network.attentions == ()
    for method in (attention_maps, attention_rollout, attention_relevance):
        with pytest.raises(LayerError, match=r"Received: a network without one"):
            method(network)


def test_wrong_layers_and_queries():
    network = load(vit(), photo(24))
    with pytest.raises(LayerError, match=r"Received: layer='block1_atention'. Nearest names: 'block1_attention"):
        attention_maps(network, None, "block1_atention")
    for query in ((4, 0), (0, -1), 1):
        with pytest.raises(ChannelError, match="Received: query="):
            attention_maps(network, query=query)
    for query in ((1,), "best", 0.5, True, np.array([], bool), np.array(["mean", 1]), ("a", 1), (None, 2)):
        with pytest.raises(OptionError, match="Received: query="):
            attention_maps(network, query=query)
    with pytest.raises(LayerError, match=r"at most 17 tokens.*Received: grid=\(5, 5\), which has 25 places"):
        attention_maps(network, grid=(5, 5))


def test_attentions_of_other_tokens_are_not_joined():
    with pytest.raises(LayerError, match=r"with a grid of \(8, 8\), and 'third.*' with \(4, 4\)"):
        attention_rollout(swin(), photo(32))


def test_scores_before_every_attention():
    network = load(vit(), photo(24))
    with pytest.raises(GradientError, match="depends on none of 2"):
        attention_relevance(network, None, 0, scores="patches")


def shuffled(seed=0):
    """Tokens in an order that is computed from the image: nobody can tell where they lie."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((24, 24, 3), name="image")
    x = layers.Reshape((16, 16))(layers.Conv2D(16, 6, 6, name="patches")(image))
    x = layers.Lambda(lambda t: tf.gather(t, tf.argsort(tf.reduce_sum(t, -1)), axis=1, batch_dims=1), name="sorted")(x)
    x = x + layers.MultiHeadAttention(2, 8, name="attention")(x, x)
    return keras.Model(image, layers.Dense(3, name="scores")(layers.GlobalAveragePooling1D()(x)))


def test_tokens_of_which_no_place_is_known_need_a_grid():
    model, image = shuffled(), photo(24)
    network = load(model, image)
    with pytest.raises(LayerError, match=r"not known where they lie. Say it: grid=\(height, width\)"):
        attention_maps(network)
    expected = weights_of_keras(model.get_layer("attention"), before(model, "sorted", image[0]))
    same(attention_maps(network, grid=(2, 8), query=(1, 3)).weights[0], expected[:, 11].reshape(2, 2, 8))
    maps = attention_maps(network, grid=(3, 5), query=0)
    same(maps.weights[0], expected[:, 0, 1:].reshape(2, 3, 5))
    same(maps.others[0], expected[:, 0, :1])


def test_cross_attention_has_maps_and_no_rollout():
    keras.utils.set_random_seed(0)
    image = keras.Input((24, 24, 3), name="image")
    x = layers.Conv2D(8, 4, 4, name="patches")(image)
    coarse = layers.Reshape((9, 8), name="coarse")(layers.AveragePooling2D(2)(x))
    fine = layers.Reshape((36, 8), name="fine")(x)
    y = layers.MultiHeadAttention(2, 4, name="attention")(coarse, fine)
    model = keras.Model(image, layers.Dense(3, name="scores")(layers.GlobalAveragePooling1D()(y)))
    network = load(model, photo(24))
    maps = attention_maps(network, query=(2, 1))
    assert maps.queries == (3, 3)
    assert maps.weights.shape == (1, 2, 6, 6)
    np.testing.assert_allclose(maps.weights.sum(axis=(2, 3)), 1, atol=1e-5)
    with pytest.raises(LayerError, match="9 queries and 36 keys"):
        attention_rollout(network)


def test_words_out_of_a_loop_attend_to_places():
    """Each word looks at the maps, as in Xu et al. 2015 (arXiv 1502.03044); the graph tells no number of words."""
    keras.utils.set_random_seed(0)
    image, words = keras.Input((24, 24, 3), name="image"), keras.Input((5,), dtype="int32", name="words")
    places = layers.Reshape((36, 8))(layers.Conv2D(8, 4, 4)(image))
    read = layers.GRU(8, return_sequences=True)(layers.Embedding(20, 8)(words))
    seen, scores = layers.Attention(name="attention")([read, places], return_attention_scores=True)
    answer = layers.Dense(20, activation="softmax")(seen)
    fed = {"image": photo(24), "words": np.array([[1, 4, 2, 9, 7]], np.int32)}
    expected = keras.Model([image, words], scores).predict(fed, verbose=0)[0]
    network = load(keras.Model([image, words], answer), fed)
    maps = attention_maps(network, query=3)
    assert (maps.queries, maps.other_queries, maps.query_title) == ((), 5, "token 3")
    same(maps.weights[0, 0], expected[3].reshape(6, 6))
    same(attention_maps(network, query="mean").weights[0, 0], expected.mean(axis=0).reshape(6, 6))
    same(attention_maps(network).weights, attention_maps(network, query=0).weights)
    with pytest.raises(ChannelError, match=r"of which there are 5\. Received: query=5\. Name one of them, or"):
        attention_maps(network, query=5)
    with pytest.raises(OptionError, match="Expected query as the number of a token without a place, 'mean' or None"):
        attention_maps(network, query=(1, 2))


def test_words_are_a_line():
    keras.utils.set_random_seed(0)
    words = keras.Input((7, 6), name="words")
    x = layers.MultiHeadAttention(2, 4, name="attention")(words, words)
    model = keras.Model(words, layers.Dense(3, name="scores")(layers.GlobalAveragePooling1D()(x)))
    fed = np.random.default_rng(0).standard_normal((1, 7, 6)).astype("float32")
    expected = weights_of_keras(model.get_layer("attention"), fed[0])
    same(attention_maps(model, fed, query=(4,)).weights[0], expected[:, 4])


def test_attentions_beside_one_are_those_among_the_same_tokens():
    network = load(swin(), photo(32))
    names = [layer.name for layer in network.attentions]
    for index, expected in enumerate([names[:2], names[:2], names[2:]]):
        beside = [layer.name for layer in attentions_beside(network, None, names[index])]
        assert beside == expected
    result = attention_rollout(network, layers=attentions_beside(network, None, names[0]))
    assert result.layers == tuple(names[:2])


def test_layers_of_rollout_may_be_any_iterable():
    network = load(vit(), photo(24))
    first, second = (layer.name for layer in network.attentions)
    both = attention_rollout(network).weights
    for several in ([first, second], iter([first, second]), np.array([first, second])):
        np.testing.assert_array_equal(attention_rollout(network, layers=several).weights, both)
    assert attention_rollout(network, layers=first).layers == (first,)
    for odd in ([], 3, [3], b"x"):
        with pytest.raises(LayerError, match="Expected the name of an attention, or a list"):
            attention_rollout(network, layers=odd)

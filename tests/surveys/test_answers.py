"""What a survey answers: patches with projections, dead channels, histograms, classes and mistakes."""

import keras
import numpy as np
import pytest

import cnnvis_widgets
from cnnvis_widgets import Survey, survey
from cnnvis_widgets.errors import ChannelError, OptionError
from cnnvis_widgets.surveys.invariance import _moved

layers = keras.layers


@pytest.fixture(scope="module")
def network():
    """Colours to classes: channel 0 of 'edges' sees red, 1 green, 2 blue, 3 nothing; class scores are their sums."""
    image = keras.Input((16, 16, 3), name="image")
    edges = layers.Conv2D(4, 3, padding="same", activation="relu", name="edges")
    pooled = layers.MaxPooling2D(name="pool")
    scores = layers.Dense(3, "softmax", name="scores")
    model = keras.Model(image, scores(layers.GlobalMaxPooling2D()(pooled(edges(image)))))
    kernel = np.zeros((3, 3, 3, 4), np.float32)
    for channel in range(3):
        kernel[1, 1, channel, channel] = 1
    kernel[..., 3] = -1
    edges.set_weights([kernel, np.zeros(4, np.float32)])
    scores.set_weights([np.eye(4, 3, dtype=np.float32), np.zeros(3, np.float32)])
    return cnnvis_widgets.load(model, class_names=["red", "green", "blue"])


PLACES = [(1, 2), (0, 0), (8, 8), (15, 3), (5, 15), (9, 1)]


@pytest.fixture(scope="module")
def images():
    """Black images with one dot: image i is of colour i % 3, of brightness 1 + i, at a place of its own."""
    array = np.zeros((6, 16, 16, 3), np.float32)
    for number, (y, x) in enumerate(PLACES):
        array[number, y, x, number % 3] = 1 + number
    return array


@pytest.fixture(scope="module")
def found(network, images, tmp_path_factory):
    labels = ["red", "green", "blue", "red", "green", "red"]  # the last is blue in truth
    out = tmp_path_factory.mktemp("found") / "Survey"
    return survey(network, images, "r", labels=labels, out=out, progress=False, partition=4)


def test_patches_are_cut_by_the_receptive_field_beside_projections(found, images):
    strongest = found[found.layers[0], 0]
    assert [patch.key for patch in strongest.patches] == ["3", "0", "1", "2", "4", "5"]
    first, second = strongest.patches[:2]
    assert (first.value, first.unit, first.box, first.label) == (4.0, (15, 3), ((14, 17), (2, 5)), "red")
    np.testing.assert_array_equal(first.pixels, images[3, 14:16, 2:5])  # the third row lies outside
    assert (second.unit, second.box) == ((1, 2), ((0, 3), (1, 4)))
    expected = np.zeros((3, 3, 3), np.float32)
    expected[1, 1, 0] = 1.0  # the kernel of red, times an activation of 1
    np.testing.assert_allclose(second.projection, expected)
    assert first.projection.shape == first.pixels.shape
    assert float(first.projection[1, 1, 0]) == 4.0
    assert {patch.rule for patch in strongest.patches} == {"guided"}
    assert [float(end) for end in strongest.value_range] == [0.0, 255.0]


def test_all_channels_at_once_give_the_same(found):
    for channel, strongest in enumerate(found.all_patches("edges/Relu", count=3)):
        alone = found.patches("edges/Relu", channel, count=3)
        assert (strongest.channel, len(strongest.patches)) == (channel, 3)
        for patch, other in zip(strongest.patches, alone.patches, strict=True):
            assert (patch.key, patch.value, patch.unit, patch.box) == (other.key, other.value, other.unit, other.box)
            np.testing.assert_array_equal(patch.pixels, other.pixels)
            np.testing.assert_allclose(patch.projection, other.projection, atol=1e-6)


def test_patches_without_projections_and_of_class_scores(found, images):
    (patch,) = found.patches("scores/BiasAdd", "Green", count=1, rule=None).patches
    assert (patch.key, patch.unit, patch.box, patch.projection) == ("4", (), ((0, 16), (0, 16)), None)
    np.testing.assert_array_equal(patch.pixels, images[4])
    with pytest.raises(ChannelError, match=r"Received: 'grene'\. Nearest names: 'green'"):
        found["scores/BiasAdd", "grene"]


def test_dead_channels(found):
    assert found.dead() == [("edges/Relu", 3)]
    assert found.dead("scores/BiasAdd") == []


def test_histograms(found):
    counts, edges = found.histogram("edges/Relu", 0, bins=4)
    assert (counts.tolist(), edges.tolist()) == ([4, 1, 0, 1], [0, 1, 2, 3, 4])


def test_means_and_selectivity_of_classes(found):
    means = found.class_means("edges/Relu")
    assert list(means.index) == ["red", "green", "blue"]
    np.testing.assert_allclose(means.to_numpy(), [[5 / 3, 0, 2, 0], [0, 3.5, 0, 0], [0, 0, 3, 0]], rtol=1e-6)
    table = found.find("green")
    assert table.layer[0] == "edges/Relu"
    assert table.channel[0] == 1
    maxima = np.array([0, 2, 0, 0, 5, 0])
    np.testing.assert_allclose(table.selectivity[0], 3.5 / maxima.std(), rtol=1e-6)
    assert table.mean_of_others[0] == 0.0
    with pytest.raises(ChannelError, match="'gren'"):
        found.find("gren")


def test_mistakes_name_channels_and_a_neighbour(found):
    (mistake,) = found.errors()
    assert (mistake.key, mistake.label, mistake.prediction, mistake.scores) == ("5", "red", "blue", (0.0, 6.0))
    assert [(each.channel, each.value) for each in mistake.channels] == [(2, 6.0)]
    assert (mistake.nearest, mistake.nearest_label) == ("2", "blue")
    assert mistake.similarity == pytest.approx(1.0)
    assert len(found.errors(count=0)) == 0


def test_mistakes_name_the_nearest_image_that_is_right(network, images, tmp_path):
    red_and_blue = images[2] + images[3]  # more like itself, and like the other wrong one, than like one that is right
    more = np.stack([*images[:5], red_and_blue, 2 * red_and_blue])
    labels = ["red", "green", "blue", "red", "green", "blue", "blue"]
    mistakes = survey(network, more, "r", labels=labels, out=tmp_path / "Survey", progress=False).errors()
    assert [(mistake.key, mistake.prediction, mistake.nearest) for mistake in mistakes] == [
        ("6", "red", "0"),
        ("5", "red", "0"),
    ]
    assert [mistake.similarity for mistake in mistakes] == pytest.approx([4 / 5] * 2)


def test_mistakes_bring_pixels_and_what_their_channels_respond_to(found, images, tmp_path):
    mistakes = found.errors()
    assert (mistakes.wrong, mistakes.labelled, len(mistakes), mistakes.layer.name) == (1, 6, 1, "edges/Relu")
    (mistake,) = mistakes
    np.testing.assert_array_equal(mistake.pixels, images[5])
    np.testing.assert_array_equal(mistake.nearest_pixels, images[2])
    assert [patch.key for patch in mistake.channels[0].patches] == ["5", "2", "0"]
    table = mistakes.to_dataframe()
    assert (table.label[0], table.prediction[0], table.channels[0], table.nearest[0]) == ("red", "blue", [2], "2")
    page = cnnvis_widgets.write_mistakes_page(mistakes, tmp_path / "page.html", title="<mine>").read_text("utf-8")
    assert "<h2>red, taken for blue</h2>" in page
    assert "1 of 6 predictions are wrong." in page
    assert page.count("<img ") == 3
    assert "&lt;mine&gt;" in page
    assert "Channel 2 adds 6 to blue" in page


def test_mistakes_need_labels_and_patches_need_images(network, images, tmp_path):
    unlabelled = survey(network, images, "r", out=tmp_path, progress=False)
    with pytest.raises(OptionError, match="Expected images with labels"):
        unlabelled.errors()
    table = unlabelled.find("green")  # predictions take the place of labels
    assert (table.layer[0], table.channel[0]) == ("edges/Relu", 1)
    with pytest.raises(OptionError, match="Expected images that can be read again"):
        Survey.open(tmp_path, network)["edges/Relu", 0]
    with pytest.raises(OptionError, match="Expected a network"):
        Survey.open(tmp_path)["edges/Relu", 0]


def test_concepts_are_the_colours(found, network):
    concepts = found.concepts("edges/Relu", 3, target="blue")
    vectors = np.stack([concept.vector / np.linalg.norm(concept.vector) for concept in concepts.concepts])
    assert vectors.dtype == np.float32
    channels = vectors.argmax(axis=1).tolist()
    assert sorted(channels) == [0, 1, 2]
    np.testing.assert_allclose(vectors.max(axis=1), 1, atol=1e-3)
    assert concepts.explained == pytest.approx(1, abs=1e-3)
    by_colour = {channel: concepts.concepts[index] for index, channel in enumerate(channels)}
    assert [by_colour[channel].patches[0].key for channel in range(3)] == ["3", "4", "5"]
    assert by_colour[0].patches[0].box == ((14, 17), (2, 5))
    weights = [by_colour[channel].weight for channel in range(3)]
    np.testing.assert_allclose(weights, [0, 0, (3 + 6) / 6], atol=1e-3)  # the blue dots are all that speaks for blue
    with pytest.raises(OptionError, match="k=0"):
        found.concepts("edges/Relu", 0)
    with pytest.raises(OptionError, match="Expected a layer with height and width"):
        found.concepts("scores/BiasAdd", 2)


def test_invariance_curves(found, network, images):
    shifted = found.invariance("2", ["edges/Relu", "scores/BiasAdd"], transformation="shift", amounts=[0, 1, 4, -16])
    assert (shifted.name, shifted.amounts) == ("blue", (0.0, 1.0, 4.0, -16.0))
    # the dot of brightness 3 moves by whole pixels; in the last step it leaves, and grey of 127.5 comes in
    np.testing.assert_allclose(shifted.distances[0, :1], [0], atol=1e-4)
    image = cnnvis_widgets.load(network, images[:1] / 255)
    still = cnnvis_widgets.invariance(image, None, "edges/Relu", transformation="scale", amounts=[1.0])
    np.testing.assert_allclose(still.distances, [[0]], atol=1e-5)
    turned = cnnvis_widgets.invariance(network, images[2], "edges/Relu", amounts=[0, 90, 180])
    assert turned.distances.shape == (1, 3)
    assert turned.distances[0, 0] == pytest.approx(0, abs=1e-4)
    with pytest.raises(OptionError, match="transformation='shear'"):
        cnnvis_widgets.invariance(network, images[2], transformation="shear")
    with pytest.raises(OptionError, match="factors above 0"):
        cnnvis_widgets.invariance(network, images[2], transformation="scale", amounts=[0])


@pytest.mark.parametrize(("transformation", "amount"), [("shift", 3), ("rotate", 90), ("rotate", 180), ("scale", 2)])
def test_pictures_are_moved_as_said(transformation, amount):
    rng = np.random.default_rng(0)
    image = rng.random((8, 8, 3)).astype(np.float32)
    middle = np.full(3, 0.5)
    moved = _moved(image, transformation, amount, middle)
    assert (moved.shape, moved.dtype) == (image.shape, np.float32)
    if transformation == "shift":
        np.testing.assert_allclose(moved[3:], image[:5], atol=1e-5)
        np.testing.assert_allclose(moved[:2], 0.5, atol=1e-5)
    elif transformation == "rotate":
        np.testing.assert_allclose(moved[1:-1, 1:-1], np.rot90(image, amount // 90)[1:-1, 1:-1], atol=1e-4)
    else:
        blocks = moved.reshape(4, 2, 4, 2, 3)[1:-1, :, 1:-1].mean(axis=(1, 3))
        weights = (image[2:6, 2:6] * 1.0)[1:-1, 1:-1]
        assert np.corrcoef(blocks.ravel(), weights.ravel())[0, 1] > 0.9

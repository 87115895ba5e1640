"""Streams: every spelling of a data set, every reduction, and images that cannot be read."""

import numpy as np
import pandas
import pytest
import tensorflow as tf
from networks import keras_cnn, photo
from PIL import Image

import cnnvis_widgets
from cnnvis_widgets.errors import FeedError, FeedWarning, ImageError, OptionError


@pytest.fixture(scope="module")
def network():
    return cnnvis_widgets.load(keras_cnn())


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(1).integers(0, 256, (7, 20, 20, 3), np.uint8)


@pytest.fixture
def folder(tmp_path, pixels):
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"image{number}.png")
    return tmp_path


def streamed(network, images, layers="pool", **options):
    return list(cnnvis_widgets.stream(network, images, layers, progress=False, **{"batch": 3, **options}))


def joined(batches, layer=0):
    return np.concatenate([batch.values[layer] for batch in batches])


def test_arrays_give_the_same_as_activations(network, pixels):
    batches = streamed(network, pixels, ["pool", "scores"])
    assert [batch.keys for batch in batches] == [("0", "1", "2"), ("3", "4", "5"), ("6",)]
    expected = cnnvis_widgets.activations(network, pixels, ["pool", "scores"])
    for layer, maps in enumerate(expected):
        values = joined(batches, layer)
        assert (values.shape, values.dtype) == (maps.values.shape, maps.values.dtype)
        np.testing.assert_allclose(values, maps.values, rtol=1e-5, atol=1e-5)


def test_every_spelling_gives_the_same(network, folder, pixels):
    paths = [str(folder / f"image{number}.png") for number in range(7)]
    expected = joined(streamed(network, pixels))
    spellings = {
        "folder": folder,
        "pattern": str(folder / "*.png"),
        "paths": paths,
        "series": pandas.Series(paths),
        "list of arrays": list(pixels),
        "iterator": iter(pixels),
        "data set": tf.data.Dataset.from_tensor_slices(pixels),
        "data set of batches": tf.data.Dataset.from_tensor_slices(pixels).batch(4),
        "data set of paths": tf.data.Dataset.from_tensor_slices(paths),
        "triples": ((image, index, f"key{index}") for index, image in enumerate(pixels)),
    }
    for name, images in spellings.items():
        batches = streamed(network, images)
        np.testing.assert_array_equal(joined(batches), expected, err_msg=name)
        keys = [key for batch in batches for key in batch.keys]
        wanted = {"triples": [f"key{index}" for index in range(7)]}
        files = name in ("folder", "pattern", "paths", "series", "data set of paths")
        assert keys == wanted.get(name, paths if files else list("0123456")), name


def test_labels_come_along(network, pixels):
    labels = np.arange(7) % 3
    one_hot = tf.one_hot(labels, 4)
    for images in (
        zip(pixels, labels, strict=True),
        [(image, label, str(label)) for image, label in zip(pixels, labels, strict=True)],
        tf.data.Dataset.from_tensor_slices((pixels, labels)),
        tf.data.Dataset.from_tensor_slices((pixels, labels)).batch(5),
        tf.data.Dataset.from_tensor_slices((pixels, one_hot)).batch(5),
        tf.data.Dataset.from_tensor_slices({"image": pixels, "label": labels}),
    ):
        found = [label for batch in streamed(network, images) for label in batch.labels]
        assert found == [str(label) for label in labels]


def test_reductions(network, pixels):
    maps = joined(streamed(network, pixels))
    np.testing.assert_array_equal(joined(streamed(network, pixels, reduce="max")), maps.max(axis=(1, 2)))
    np.testing.assert_allclose(joined(streamed(network, pixels, reduce="mean")), maps.mean(axis=(1, 2)), rtol=1e-5)
    corner = joined(streamed(network, pixels, reduce=lambda values: values[:, 0, 0]))
    np.testing.assert_array_equal(corner, maps[:, 0, 0])


def test_images_that_cannot_be_read_are_listed(network, folder):
    (folder / "image1.png").write_bytes(b"no image")
    (folder / "image4.png").write_bytes((folder / "image4.png").read_bytes()[:200])
    with pytest.warns(FeedWarning, match=r"Skipped .*image1.png.*image4.png"):
        batches = streamed(network, folder)
    assert [image.key for batch in batches for image in batch.unread] == [
        str(folder / "image1.png"),
        str(folder / "image4.png"),
    ]
    keys = [key for batch in batches for key in batch.keys]
    assert [key[-5] for key in keys] == list("02356")
    expected = cnnvis_widgets.activations(network, keys, "pool")[0].values
    np.testing.assert_allclose(joined(batches), expected, rtol=1e-5, atol=1e-5)


def test_nothing_to_read(network, tmp_path):
    with pytest.raises(FeedError, match="an empty data set"):
        streamed(network, [])
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(FeedError, match=r"1, none of which can\. The first, .*broken.png"):
        streamed(network, tmp_path)
    with pytest.raises(ImageError, match="which has none"):
        streamed(network, tmp_path / "none*.png")


def test_options_are_checked_before_anything_is_read(network):
    with pytest.raises(OptionError, match="reduce='median'"):
        cnnvis_widgets.stream(network, [], reduce="median")
    with pytest.raises(OptionError, match="batch=0"):
        cnnvis_widgets.stream(network, [], batch=0)


def test_only_a_few_batches_are_read_ahead(network, pixels):
    read = []

    def images():
        for number in range(100):
            read.append(number)
            yield pixels[number % 7]

    batches = cnnvis_widgets.stream(network, images(), "pool", batch=2, progress=False)
    for _ in range(3):
        next(batches)
    assert len(read) <= 2 * (3 + 3)
    batches.close()


def test_images_of_several_sizes_come_in_batches_of_one():
    convolution = tf.keras.layers.Conv2D(2, 3, name="edges")
    network = cnnvis_widgets.load(tf.keras.Sequential([tf.keras.Input((None, None, 3)), convolution]))
    images = [photo(size)[0] for size in (6, 8, 6)]
    batches = streamed(network, images, "edges")
    assert [(batch.keys, batch.values[0].shape) for batch in batches] == [
        (("0", "2"), (2, 4, 4, 2)),
        (("1",), (1, 6, 6, 2)),
    ]


def test_a_bar_shows_how_far_it_is(network, pixels, capsys):
    list(cnnvis_widgets.stream(network, pixels, "pool"))
    assert "7/7" in capsys.readouterr().err

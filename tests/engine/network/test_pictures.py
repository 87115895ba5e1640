"""Images in every spelling, by one rule: pictures go through preprocess, the network's own values do not."""

import warnings
from io import BytesIO

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import photo
from PIL import Image

from cnnvis_widgets import activations, dream, load, predict
from cnnvis_widgets.engine.network.input_layout import InputLayout
from cnnvis_widgets.engine.network.pictures import fitted_to, photo_of
from cnnvis_widgets.errors import FeedError, FeedWarning, ImageError

layers = keras.layers
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 30, 3)).astype(np.uint8)


def net(shape=(8, 8, 3), first=False):
    """A network that gives back what it is fed: a ReLU of non-negative values."""
    image = keras.Input(shape, name="image")
    kind = {"data_format": "channels_first"} if first else {}
    maps = layers.Conv2D(2, 3, padding="same", name="maps", **kind)(image)
    return keras.Model(image, layers.ReLU(name="relu")(maps))


def halves(picture):
    """A preprocess that resizes to 8 x 8 and maps 0..255 to -1..1."""
    assert picture.dtype == np.uint8
    assert picture.shape[-1] == 3
    small = np.asarray(Image.fromarray(picture).resize((8, 8), Image.Resampling.BICUBIC), np.float32)
    return small / 127.5 - 1


def fed(network, feed=None):
    (batch,) = network.feeds(feed).values()
    return batch


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["float32", "uint8", "int64"])
def test_arrays_in_the_shape_of_a_channels_first_input_are_taken_as_they_are(channels, dtype):
    network = load(net((channels, 8, 9), first=True))
    assert network.runtime.layout.channels_first
    values = np.random.default_rng(1).integers(0, 9, (2, channels, 8, 9)).astype(dtype)
    for feed in (values, [*values], list(values[:, None]), {"image": values}, values.tolist(), tf.constant(values)):
        np.testing.assert_array_equal(fed(network, feed), values)
    np.testing.assert_array_equal(fed(network, values[1]), values[1:])
    np.testing.assert_array_equal(fed(network, np.moveaxis(values, 1, -1)), values)  # pictures have channels last


def test_the_shape_of_the_input_comes_before_that_of_a_picture():
    network = load(net((3, 3, 3), first=True))
    values = photo(3)
    np.testing.assert_array_equal(fed(network, values), values)
    np.testing.assert_array_equal(fed(network, values[0]), values)
    free = load(net((3, None, None), first=True))
    assert fed(free, np.zeros((3, 5, 3), np.float32)).shape == (1, 3, 5, 3)
    assert fed(free, np.zeros((5, 7, 3), np.float32)).shape == (1, 3, 5, 7)


@pytest.mark.parametrize("first", [False, True])
def test_uint8_pictures_of_another_size_are_resized_for_every_layout(first):
    network = load(net((3, 8, 8) if first else (8, 8, 3), first=first))
    small = np.asarray(Image.fromarray(PIXELS).resize((8, 8), Image.Resampling.BICUBIC), np.float32)
    wanted = np.moveaxis(small, -1, 0)[None] if first else small[None]
    for feed in (PIXELS, Image.fromarray(PIXELS), PIXELS[None], [PIXELS], {"image": PIXELS}):
        np.testing.assert_array_equal(fed(network, feed), wanted)


def test_flat_inputs():
    flat = load(keras.Sequential([keras.Input((48,), name="x"), layers.Dense(3)]))
    values = np.random.default_rng(0).random((2, 48)).astype(np.float32)
    for feed in (values, [*values], {"x": values}, values.tolist(), values.reshape(2, 4, 4, 3)):
        np.testing.assert_array_equal(fed(flat, feed), values)
    np.testing.assert_array_equal(fed(flat, values[0]), values[:1])
    np.testing.assert_array_equal(fed(flat, values[0].reshape(4, 4, 3)), values[:1])
    small = np.asarray(Image.fromarray(PIXELS).resize((4, 4), Image.Resampling.BICUBIC), np.float32)
    np.testing.assert_array_equal(fed(flat, Image.fromarray(PIXELS)), small.reshape(1, 48))
    with pytest.raises(FeedError, match=r"shape \(any, 48\) for input 'x'\. Received: shape \(2, 47\)"):
        fed(flat, values[:, 1:])


def test_preprocess_gets_colour_pictures_on_grey_networks():
    seen = []

    def grey(picture):
        seen.append((picture.dtype, picture.shape))
        return np.asarray(Image.fromarray(picture).convert("L").resize((8, 8)), np.float32) / 255

    network = load(net((8, 8, 1)), preprocess=grey)
    wanted = grey(PIXELS)[None, ..., None]
    for feed in (PIXELS, Image.fromarray(PIXELS), [PIXELS], PIXELS[None], {"image": PIXELS}):
        np.testing.assert_array_equal(fed(network, feed), wanted)
    for feed in (
        PIXELS[..., 0],
        PIXELS[..., :1],
        Image.fromarray(PIXELS[..., 0]),
        np.dstack([PIXELS, PIXELS])[..., :4],
    ):
        assert fed(network, feed).shape == (1, 8, 8, 1)
    assert set(seen) == {(np.dtype("uint8"), (40, 30, 3))}


def test_values_of_the_network_are_never_preprocessed():
    network = load(net(), preprocess=halves)
    own = photo(8, images=2) * 2 - 1
    for feed in (own, [*own], {"image": own}, own.astype(np.float64), own.tolist()):
        np.testing.assert_array_equal(fed(network, feed), own)
    wanted = halves(PIXELS)[None]
    for feed in (PIXELS, [PIXELS], {"image": PIXELS}, Image.fromarray(PIXELS)):
        np.testing.assert_array_equal(fed(network, feed), wanted)
    for start, photograph in ((own[0], own[:1]), (PIXELS, wanted)):
        np.testing.assert_allclose(photo_of(network.runtime.layout, start, halves), photograph, atol=1e-6)
        step = next(iter(dream(network, None, "relu", 0, start=start, steps=1)))
        assert step.images.shape == (1, 8, 8, 3)


def test_a_range_that_preprocess_does_not_give_is_warned_of():
    network = load(net(), preprocess=halves)
    bright = (photo(8) * 255).round()
    for feed in (bright, [bright[0], bright[0]], {"image": bright}):
        with pytest.warns(FeedWarning, match=r"Values from 1 to 254 are fed as they are, .* from -1 to 1"):
            batch = fed(network, feed)
        np.testing.assert_array_equal(batch[0], bright[0])
    with pytest.warns(FeedWarning, match="are fed as they are"):
        photo_of(network.runtime.layout, bright, halves)
    dark = load(net(), preprocess=lambda picture: halves(picture) * 127.5)
    with pytest.warns(
        FeedWarning, match=r"to -?\S+ are fed as they are, but preprocess gives values from -127\.5 to 127\.5"
    ):
        fed(dark, photo(8))
    for feed in (photo(8) * 0, photo(8) * 200 - 100):
        fed(dark, feed)


def test_pictures_in_floating_point_of_another_size_are_warned_of_and_preprocessed():
    network = load(net(), preprocess=halves)
    for scale in (1, 255):
        with pytest.warns(FeedWarning, match=rf"values from 0 to {255 // scale}, and preprocessed"):
            np.testing.assert_array_equal(fed(network, PIXELS.astype(np.float32) / scale), halves(PIXELS)[None])
    with pytest.raises(FeedError, match=r"shape \(any, 8, 8, 3\) for input 'image'\. Received: shape \(40, 30, 3\)"):
        fed(network, PIXELS - 100.0)


def test_a_preprocess_that_changes_values_only_gets_a_picture_of_the_right_size():
    network = load(net(), preprocess=lambda picture: picture / 255)
    small = np.asarray(Image.fromarray(PIXELS).resize((8, 8), Image.Resampling.BICUBIC)) / 255
    np.testing.assert_allclose(fed(network, PIXELS), small[None], atol=1e-7)


def test_what_preprocess_may_do_wrong():
    def fails(picture):
        raise KeyError("no")

    with pytest.raises(FeedError, match=r"Received: shape \(40, 30, 3\), for which it raised KeyError: 'no'"):
        fed(load(net(), preprocess=fails), PIXELS)
    with pytest.raises(FeedError, match=r"into shape \(8, 8, 3\)\. Received: shape \(5, 5\)"):
        fed(load(net(), preprocess=lambda picture: np.zeros((5, 5))), PIXELS)

    def in_place(picture):
        picture[:] = 0
        return picture[:8, :8]

    before = PIXELS.copy()
    before.setflags(write=False)
    assert fed(load(net(), preprocess=in_place), before).max() == 0
    np.testing.assert_array_equal(before, PIXELS)


def test_a_preprocess_may_give_the_layout_of_the_input_or_that_of_pictures():
    def channels_first(picture):
        return np.moveaxis(halves(picture), -1, 0)

    network = net((3, 8, 8), first=True)
    wanted = channels_first(PIXELS)[None]
    for function in (halves, channels_first, lambda picture: halves(picture)[None]):
        loaded = load(network, preprocess=function)
        np.testing.assert_array_equal(fed(loaded, PIXELS), wanted)
        np.testing.assert_allclose(loaded.value_range(), [[-1] * 3, [1] * 3], atol=1e-6)
        assert photo_of(loaded.runtime.layout, PIXELS, function).shape == (1, 8, 8, 3)


def test_integers_under_their_own_name_are_values_of_an_input_of_integers():
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.uint8, [None, 8, 8, 3], name="image")
        tf.nn.relu(tf.cast(image, tf.float32), name="relu")
    network = load(graph, preprocess=lambda picture: 255 - picture[:8, :8])
    first = network.feeds(PIXELS[:8, :8])
    np.testing.assert_array_equal(first["image:0"], 255 - PIXELS[None, :8, :8])
    np.testing.assert_array_equal(network.feeds(first)["image:0"], first["image:0"])


@pytest.fixture
def folder(tmp_path):
    """Files whose natural order is not that of their letters; each is one grey value."""
    for number in (10, 2, 1):
        Image.new("RGB", (8 + number, 9), (number,) * 3).save(tmp_path / f"photo{number}.png")
    return tmp_path


def contents(folder):
    return [(folder / f"photo{number}.png").read_bytes() for number in (1, 2, 10)]


def pandas_like(items):
    class Series:
        def to_numpy(self):
            return np.array(items, dtype=object)

    return Series()


def test_every_collection_of_images(folder):
    network, paths = load(net()), [folder / f"photo{number}.png" for number in (1, 2, 10)]
    texts = list(map(str, paths))
    pictures = [Image.open(path) for path in paths]
    arrays = [np.asarray(picture) for picture in pictures]
    binary = contents(folder)
    feeds = {
        "folder": folder,
        "folder as text": str(folder),
        "glob": str(folder / "*.png"),
        "paths": paths,
        "texts": texts,
        "array of texts": np.array(texts),
        "Series": pandas_like(texts),
        "PIL images of several sizes": pictures,
        "bytes": binary,
        "files": list(map(BytesIO, binary)),
        "mixed": [texts[0], pictures[1], arrays[2]],
        "arrays of several sizes": arrays,
        "iterator": iter(texts),
        "generator": (array for array in arrays),
        "pairs": ((array, 3) for array in arrays),
        "data set": tf.data.Dataset.from_generator(lambda: iter(arrays), tf.uint8),
        "data set of names": tf.data.Dataset.from_tensor_slices(texts),
        "data set of files": tf.data.Dataset.from_tensor_slices(binary),
        "dict": {"image": texts},
    }
    for name, feed in feeds.items():
        batch = fed(network, feed)
        assert batch.shape == (3, 8, 8, 3), name
        assert batch.dtype == np.float32
        assert batch[:, 4, 4, 0].tolist() == [1, 2, 10], name


def test_data_sets_with_labels_in_batches_and_as_dicts():
    network, images = load(net()), photo(8, images=5)
    labels = np.arange(5)
    for data in (
        tf.data.Dataset.from_tensor_slices(images),
        tf.data.Dataset.from_tensor_slices((images, labels)),
        tf.data.Dataset.from_tensor_slices((images, tf.one_hot(labels, 3))).batch(2),
        tf.data.Dataset.from_tensor_slices({"label": labels, "image": images}).batch(2),
        tf.data.Dataset.from_tensor_slices({"pixels": images}),
    ):
        np.testing.assert_array_equal(fed(network, data), images)
    with pytest.raises(FeedError, match=r"Expected a data set with an end.*dataset\.take"):
        fed(network, tf.data.Dataset.from_tensor_slices(images).repeat())
    with pytest.raises(FeedError, match=r"keys \['a', 'b'\]"):
        fed(network, tf.data.Dataset.from_tensor_slices({"a": images, "b": images}))


def test_an_iterator_is_read_once_by_load():
    images = photo(8, images=3)
    network = load(net(), (image for image in images))
    for _ in range(2):
        np.testing.assert_array_equal(fed(network), images)
    assert activations(load(network, class_names=["a", "b"]), None, "relu")[0].values.shape == (3, 8, 8, 2)
    endless = (np.zeros((8, 8, 3)) for _ in iter(int, 1))
    with pytest.raises(FeedError, match="at most 16,384 images"):
        load(net(), endless)


def test_files_of_the_own_feed_are_decoded_once(folder):
    network = load(net(), folder)
    first = fed(network)
    for path in folder.iterdir():
        path.unlink()
    assert fed(network) is first


def test_folders_that_cannot_be_taken(folder):
    network = load(net())
    (folder / "notes.txt").write_text("no image")
    (folder / ".DS_Store").write_text("no image")
    with pytest.warns(FeedWarning, match=r"Skipped what is no image file in the folder .*: 'notes.txt'"):
        assert fed(network, folder).shape == (3, 8, 8, 3)
    empty = folder / "empty"
    empty.mkdir()
    with pytest.raises(ImageError, match=r"folder '.*empty', which has none\."):
        fed(network, empty)
    with pytest.raises(ImageError, match=r"pattern '.*\*\.gif', which has none\."):
        fed(network, str(folder / "*.gif"))
    (empty / "inner").mkdir()
    with pytest.raises(ImageError, match=r"sub-folders \('inner'\) are not searched; give a pattern"):
        fed(network, empty)
    (folder / "photo3.png").write_text("not a picture")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FeedWarning)
        with pytest.raises(ImageError, match=r"photo3\.png'"):
            fed(network, folder)


@pytest.mark.parametrize(
    ("feed", "message"),
    [
        ([], "Received: an empty list"),
        (iter([]), "an iterator at its end"),
        (np.zeros((0, 8, 8, 3)), "Expected at least one image"),
        (np.zeros((0, 8, 8, 3), np.uint8), "Expected at least one image"),
        (object(), "Received: object"),
        ({"image": object()}, "Received: object"),
        ([{"a": 1}], r"Received: a dict with the keys \['a'\]"),
        (3.5, r"Received: shape \(1,\)"),
        ([np.zeros((8, 8, 3)), np.zeros((9, 8, 3))], r"Expected images of one size.*9, 8, 3"),
        ([[1, 2], [3]], "Expected values of one shape"),
        (np.zeros((8, 8, 3), complex), "Expected numbers"),
        (keras.Input((8, 8, 3)), "Expected"),
        (np.array([None]), "Received: NoneType"),
        ("no/such/folder/*.png", "which has none"),
        (np.zeros((2, 2, 8, 8, 3)), r"Received: shape \(2, 2, 8, 8, 3\)"),
    ],
)
def test_what_is_no_image(feed, message):
    with pytest.raises(FeedError, match=message):
        load(net()).feeds(feed)


def test_shapes_that_fit_in_several_ways():
    grey = InputLayout("x:0", tf.float32, (None, 28, 28, 1))
    assert fitted_to(grey, np.zeros((5, 28, 28))).shape == (5, 28, 28, 1)
    assert fitted_to(grey, np.zeros((28, 28))).shape == (1, 28, 28, 1)
    assert fitted_to(grey, np.zeros((28, 28, 3))) is None
    signal = InputLayout("x:0", tf.float32, (None, 64, 1))
    assert fitted_to(signal, np.zeros((64,))).shape == (1, 64, 1)
    assert fitted_to(signal, np.zeros((3, 64))).shape == (3, 64, 1)
    assert fitted_to(signal, np.zeros((64, 1))).shape == (1, 64, 1)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.maps = layers.Conv2D(2, 3, name="maps")

    def call(self, inputs):
        return self.maps(inputs)


def test_models_without_a_graph_take_the_same_feeds(folder):
    pictures = [Image.new("RGB", (8, 9), (3, 3, 3)), Image.new("RGB", (8, 9), (5, 5, 5))]
    paths = [folder / f"{index}.png" for index in range(2)]
    for picture, path in zip(pictures, paths, strict=True):
        picture.save(path)
    arrays = list(map(np.asarray, pictures))
    for feed in (
        pictures,
        list(map(str, paths)),
        arrays,
        np.stack(arrays),
        iter(pictures),
        [array[None] for array in arrays][:1] * 1,
    ):
        network = load(Subclassed(), feed)
        assert network.image_input.shape == (None, 9, 8, 3)
        assert fed(network)[:, 0, 0, 0].tolist() == [3, 5][: len(fed(network))]
    prepared = load(Subclassed(), pictures, preprocess=halves)
    assert prepared.image_input.shape == (None, 8, 8, 3)
    np.testing.assert_allclose(fed(prepared)[1], halves(arrays[1]))
    two = tf.function(lambda left, right: tf.nn.relu(left + right, name="both"))
    assert load(two, [photo(8)[0], photo(8)[0]]).feeds().keys() == {"left:0", "right:0"}
    assert fed(load(tf.function(lambda x: tf.nn.relu(x)), [photo(8)[0], photo(8)[0]])).shape == (2, 8, 8, 3)
    huge = BytesIO()
    Image.new("1", (9000, 9000)).save(huge, "png")
    with pytest.raises(ImageError, match="pixels"):
        load(Subclassed(), [huge, huge])


@pytest.mark.parametrize("batch", [None, 2])
def test_data_sets_for_several_inputs(batch):
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((5,), name="right")
    maps = layers.ReLU(name="relu")(left)
    network = load(keras.Model([left, right], [maps, layers.Dense(2)(right)]))
    images, vectors = photo(8, images=3), np.random.default_rng(0).random((3, 5)).astype(np.float32)
    label = np.arange(3)
    for values in (
        ((images, vectors), label),
        ({"right": vectors, "left": images}, label),
        {"right": vectors, "left": images, "label": label},
    ):
        data = tf.data.Dataset.from_tensor_slices(values)
        feeds = network.feeds(data if batch is None else data.batch(batch))
        np.testing.assert_array_equal(feeds["left:0"], images)
        np.testing.assert_array_equal(feeds["right:0"], vectors)
    with pytest.raises(FeedError, match="a feed for nothing only"):
        network.feeds({})


def test_many_files_are_decoded_part_by_part(tmp_path, monkeypatch):
    for number in range(130):
        Image.new("RGB", (8, 8), (number,) * 3).save(tmp_path / f"{number}.png")
    image = keras.Input((8, 8, 3))
    scores = layers.Dense(2, activation="softmax")(layers.Flatten()(layers.ReLU(name="relu")(image)))
    network = load(keras.Model(image, scores), tmp_path)
    held = []
    original = type(network).feeds
    monkeypatch.setattr(
        type(network), "feeds", lambda *arguments, **options: held.append(original(*arguments, **options)) or held[-1]
    )
    maps, predictions = activations(network, None, "relu")[0].values, predict(network)
    assert max(len(array) for feeds in held for array in feeds.values()) == 64
    assert maps[:, 0, 0, 0].tolist() == list(range(130))
    wanted = predict(network, np.stack([np.full((8, 8, 3), number, np.float32) for number in range(130)]))
    for name in ("scores", "probabilities", "values"):
        np.testing.assert_allclose(getattr(predictions, name), getattr(wanted, name), atol=1e-5)

"""Large images piece by piece are the whole; what does not fit is refused before TensorFlow is asked."""

import keras
import numpy as np
import pytest
from networks import photo

from cnnvis_widgets import activations, grad_cam, layer_cam, load, occlusion, predict, reconstruct
from cnnvis_widgets.engine.attribution.class_scores import ClassScores
from cnnvis_widgets.engine.network import large_feeds, pieces
from cnnvis_widgets.engine.ops.windows import ReceptiveField
from cnnvis_widgets.engine.runtime import footprint
from cnnvis_widgets.errors import CnnvisError, NotEnoughMemoryError

layers = keras.layers


def network(padding: str = "same", dilation: int = 2):
    """A network of any image size, with strides, a pool, a residual path and dilation, and scores behind a mean.

    Dilation rearranges images in a way that windows do not describe.
    """
    keras.utils.set_random_seed(3)
    image = keras.Input((None, None, 3), name="image")
    x = layers.Conv2D(6, 3, strides=2, padding=padding, activation="relu", name="first")(image)
    x = layers.MaxPooling2D(3, 2, padding=padding, name="pool")(x)
    beside = layers.Conv2D(8, 1, name="beside")(x)
    inner = layers.Conv2D(8, 3, padding="same", dilation_rate=dilation, activation="relu", name="inner")(x)
    x = layers.Add(name="sum")([beside, inner])
    x = layers.DepthwiseConv2D(5, strides=2, padding=padding, activation="relu", name="deep")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(image, layers.Dense(3, activation="softmax", name="scores")(x))


@pytest.fixture
def small_memory(monkeypatch):
    """A function that leaves so many bytes, and takes every feed for a large one; tells the sizes that ran whole."""
    ran: list[tuple[int, ...]] = []

    def leave(size: float):
        monkeypatch.setattr(footprint, "spare_memory", lambda: size)
        monkeypatch.setattr(footprint, "kept_by_tensorflow", lambda: 0)
        monkeypatch.setattr(large_feeds, "LARGE", 0)
        tiled = pieces.in_pieces

        def watched(image, shape, field, step, side, run):
            return tiled(image, shape, field, step, side, lambda tile: (ran.append(tile.shape), run(tile))[1])

        monkeypatch.setattr(large_feeds, "in_pieces", watched)
        return ran

    return leave


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize(
    ("height", "width"),
    [(193, 151), *(pytest.param(*size, marks=pytest.mark.slow) for size in ((192, 160), (170, 223)))],
)
def test_layers_in_pieces_are_those_of_the_whole_image(small_memory, padding, dilation, height, width):
    image = np.random.default_rng(0).normal(size=(1, height, width, 3)).astype(np.float32)
    names = ["pool", "sum", "deep"]
    loaded = load(network(padding, dilation), image)
    expected = [maps.values for maps in activations(loaded, None, names)]
    at_once = large_feeds.Plan.of(loaded.runtime, loaded.feeds()).needed([loaded.layer("pool").tensor])
    ran = small_memory(200_000 if dilation == 1 else 0.96 * at_once)  # 'sum' has to follow from 'pool' at once
    for name, whole in zip(names, expected, strict=True):
        (maps,) = activations(load(network(padding, dilation), image), None, name)
        close(maps.values, whole)
    assert len(ran) > 4
    assert all(tile[1] < height or tile[2] < width for tile in ran)


def test_what_sees_the_whole_image_goes_on_from_the_last_layer_in_pieces(small_memory):
    image = photo(200)
    expected = activations(load(network(), image), None, "scores")[0].values
    ran = small_memory(370_000)
    (scores,) = activations(load(network(), image), None, "scores")
    assert len(ran) > 1
    np.testing.assert_allclose(scores.values, expected, rtol=1e-5)


def test_layers_in_several_stages_are_those_of_the_whole_image(small_memory, monkeypatch):
    keras.utils.set_random_seed(3)
    image = x = keras.Input((None, None, 3), name="image")
    for number in range(6):
        x = layers.Conv2D(8, 5, strides=1 + (number in (0, 2)), activation="relu", name=f"maps{number}")(x)
    model, photos = keras.Model(image, x), np.random.default_rng(0).normal(size=(1, 301, 280, 3)).astype(np.float32)
    expected = activations(load(model, photos), None, "maps5")[0].values
    computed, steps = [], large_feeds.Plan._computed
    monkeypatch.setattr(
        large_feeds.Plan, "_computed", lambda plan, stage, maps: (computed.append(stage), steps(plan, stage, maps))[1]
    )
    ran = small_memory(450_000)
    (maps,) = activations(load(model, photos), None, "maps5")
    assert len(computed) == len({stage.target for stage in computed}) >= 2
    assert len(ran) > 8
    close(maps.values, expected)


def test_large_feeds_are_never_computed_op_by_op(monkeypatch):
    loaded = load(network(), photo(64))
    monkeypatch.setattr(large_feeds, "LARGE", 0)
    monkeypatch.setattr(loaded.runtime, "_first_look", lambda *_: pytest.fail("op by op"))
    activations(loaded, None, "deep")


def test_several_images_are_computed_one_by_one(small_memory):
    images = photo(96, images=3)
    expected = activations(load(network(), images), None, "deep")[0].values
    ran = small_memory(150_000)
    (maps,) = activations(load(network(), images), None, "deep")
    assert ran == []
    np.testing.assert_allclose(maps.values, expected, atol=1e-6)


def test_memory_that_comes_back_meanwhile_is_used(small_memory, monkeypatch):
    keras.utils.set_random_seed(3)
    image = keras.Input((None, None, 3), name="image")
    centred = image - keras.ops.mean(image, axis=(1, 2), keepdims=True)  # no part of it can be computed alone
    model = keras.Model(image, layers.Conv2D(4, 3, activation="relu", name="maps")(centred))
    expected = activations(load(model, photo(40)), None, "maps")[0].values
    small_memory(1000)
    free = iter([1000])
    monkeypatch.setattr(footprint, "spare_memory", lambda: next(free, 10**12))
    np.testing.assert_array_equal(activations(load(model, photo(40)), None, "maps")[0].values, expected)
    assert not list(free)


def test_shapes_are_inferred_once_for_a_size_of_feed(monkeypatch):
    image = np.ones((1, 64, 64, 3), np.float32)
    loaded, inferred = load(network(), image), []

    def watched(frozen, fed, infer=large_feeds.static_shapes):
        inferred.extend(fed.values())
        return infer(frozen, fed)

    monkeypatch.setattr(large_feeds, "LARGE", 0)
    monkeypatch.setattr(large_feeds, "static_shapes", watched)
    for _ in range(3):
        activations(loaded, image, "pool")
        activations(loaded, image[:, :32], "sum")
    assert inferred == [(None, 64, 64, 3), (None, 32, 64, 3)]


@pytest.mark.parametrize("method", ["reconstruct", "grad_cam", "activations", "predict"])
def test_what_does_not_fit_is_refused_in_words(small_memory, method):
    loaded = load(network(), photo(200))
    small_memory(1000)
    calls = {
        "reconstruct": lambda: reconstruct(loaded, None, "deep"),
        "grad_cam": lambda: grad_cam(loaded, None, 0, layer="deep"),
        "activations": lambda: activations(loaded, None, "deep"),
        "predict": lambda: predict(loaded),
    }
    with pytest.raises(NotEnoughMemoryError, match=r"image 1 × 200 × 200 × 3, for which .* takes about") as error:
        calls[method]()
    assert isinstance(error.value, CnnvisError)
    assert isinstance(error.value, MemoryError)
    assert "0 MB are free. Resize the images" in str(error.value)


@pytest.fixture
def small_tiles(monkeypatch, small_memory):
    """A function that leaves a part of what a gradient takes; tells the tiles through which gradients went back."""
    went: list[tuple[int, ...]] = []
    sent = pieces.Stage.tiles

    def watched(stage, box):
        for tile, kept in sent(stage, box):
            went.append((stage.source, stage.target, *(part.stop - part.start for part in tile)))
            yield tile, kept

    monkeypatch.setattr(pieces.Stage, "tiles", watched)

    def leave(loaded, layer, part=0.9):
        plan = large_feeds.Plan.of(loaded.runtime, loaded.feeds())
        small_memory(part * plan.needed_at_once([loaded.layer(layer).tensor], True))
        return went

    return leave


def close(result, expected):
    assert result.shape == expected.shape
    assert expected.any()
    np.testing.assert_allclose(result, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.matrix
@pytest.mark.parametrize("rule", ["gradient", "deconvnet", "guided"])
@pytest.mark.parametrize("seed", ["strongest", "map", "ones"])
@pytest.mark.parametrize(
    ("padding", "size"), [("same", (393, 351)), pytest.param("valid", (370, 423), marks=pytest.mark.slow)]
)
def test_reconstructions_in_pieces_are_those_of_the_whole_image(small_tiles, rule, seed, padding, size):
    image = np.random.default_rng(0).normal(size=(1, *size, 3)).astype(np.float32)
    options = {"rule": rule, "seed": seed, "channels": [0, 1, 2, 4]}
    expected = reconstruct(load(network(padding, 1), image), None, "deep", **options)
    loaded = load(network(padding, 1), image)
    went = small_tiles(loaded, "deep")
    result = reconstruct(loaded, None, "deep", **options)
    assert expected.strategy != result.strategy == "gradients in pieces"
    assert "too large" in result.strategy_reason
    assert {each[:2] for each in went} == {("image:0", "deep/Relu:0")}
    assert len(went) >= (2 if seed == "strongest" else 8)
    assert max(max(each[2:]) for each in went) < (60 if seed == "strongest" else min(size))
    close(result.images, expected.images)


@pytest.mark.parametrize("dilation", [1, 2])
def test_a_way_back_of_several_stages_is_that_of_the_whole_image(small_tiles, dilation):
    loaded = load(network("same", dilation), photo(400))
    expected = reconstruct(load(network("same", dilation), photo(400)), None, "deep", rule="guided", seed="map")
    went = small_tiles(loaded, "deep", 0.6 if dilation == 1 else 0.9)
    result = reconstruct(loaded, None, "deep", rule="guided", seed="map")
    assert len({each[:2] for each in went}) == 2
    close(result.images, expected.images)


@pytest.mark.parametrize(
    "method", ["gradient", "guided", "grad_cam", "layer_cam", "occlusion", "guided_grad_cam", "predict"]
)
def test_attributions_in_pieces_are_those_of_the_whole_image(small_tiles, method):
    def computed(loaded):
        scores = ClassScores.of(loaded, None, None)
        row = np.zeros(1, int)
        calls = {
            "grad_cam": lambda: grad_cam(loaded, None, 1, layer="deep").images,
            "layer_cam": lambda: layer_cam(loaded, None, 1, layer="inner").images,
            "guided_grad_cam": lambda: grad_cam(loaded, None, 1, layer="deep", guided=True).images,
            "occlusion": lambda: occlusion(loaded, None, 1, size=200, stride=200).attribution.images,
            "predict": lambda: predict(loaded).scores,
        }
        other = lambda: scores.backward(row, scores.images, row.astype(np.int32), scores.weights()[None], method)  # noqa: E731
        return calls.get(method, other)()

    expected = computed(load(network(), photo(400)))
    loaded = load(network(), photo(400))
    went = small_tiles(loaded, "deep", 0.25 if method in ("occlusion", "predict") else 0.9)
    result = computed(loaded)
    assert len(went) >= 4 or method in ("grad_cam", "layer_cam", "occlusion", "predict")
    close(result, expected)


def test_maps_of_an_early_layer_get_their_gradient_in_pieces(small_tiles):
    expected = layer_cam(load(network("same", 1), photo(400)), None, 1, layer="first").images
    loaded = load(network("same", 1), photo(400))
    went = small_tiles(loaded, "deep", 0.75)
    result = layer_cam(loaded, None, 1, layer="first").images
    assert {each[0] for each in went} == {"first/Relu:0"}
    assert len(went) >= 4
    close(result, expected)


def test_what_comes_behind_a_layer_in_pieces_is_refused_where_it_does_not_fit(small_tiles, monkeypatch):
    loaded = load(network(), photo(400))
    small_tiles(loaded, "deep")
    needed = large_feeds.Plan.needed_at_once
    monkeypatch.setattr(
        large_feeds.Plan,
        "needed_at_once",
        lambda plan, tensors, gradient, sources=(): 1e12 if sources else needed(plan, tensors, gradient),
    )
    with pytest.raises(NotEnoughMemoryError, match="the gradient of 'scores/BiasAdd' takes about 1000"):
        layer_cam(loaded, None, 1, layer="inner")


@pytest.mark.parametrize("length", [64, 97, 128, 255])
def test_spans_of_gradients_keep_every_pixel_once_behind_a_margin(length):
    margin, step, done = 14, 8, 0
    for pixels, kept in pieces._spans(length, margin, step, 50):
        assert pixels.start % step == 0
        assert (length - (pixels.stop - pixels.start)) % step == 0
        assert kept.start == done
        assert pixels.start == 0 or kept.start - pixels.start >= margin
        assert pixels.stop == length or pixels.stop - kept.stop >= margin
        done = kept.stop
    assert done == length


def test_small_feeds_are_never_checked(monkeypatch):
    monkeypatch.setattr(footprint, "spare_memory", lambda: 0)
    assert activations(load(network(), photo(64)), None, "deep")[0].values.shape == (1, 8, 8, 8)


@pytest.mark.parametrize("length", [64, 97, 128, 255])
@pytest.mark.parametrize("side", [40, 55, 64])
def test_spans_cover_every_unit_once_and_see_no_inner_border(length, side):
    field, step, units = ReceptiveField((4, 4), (-3, -3), (15, 15)), 8, -(-length // 4)
    taken = []
    for span in pieces.spans(length, units, field, 0, step, side):
        assert span.pixels.start % step == 0
        assert (length - (span.pixels.stop - span.pixels.start)) % step == 0
        for unit in range(span.units.start, span.units.stop):
            seen = field.window((unit, 0))[0]
            assert max(seen.start, 0) >= span.pixels.start
            assert min(seen.stop, length) <= span.pixels.stop
        assert span.kept.start == span.units.start - span.pixels.start // 4
        taken += range(span.units.start, span.units.stop)
    assert taken == list(range(units))

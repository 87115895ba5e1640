"""The calls of tf_cnnvis: arguments, files, tags, return values, and each old wrong put right."""

from __future__ import annotations

import inspect
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import cnnvis_widgets
from cnnvis_widgets import errors
from cnnvis_widgets.legacy import (
    activation_visualization,
    convert_into_grid,
    deconv_visualization,
    deepdream_visualization,
    image_normalization,
)

v1 = tf.compat.v1
RNG = np.random.default_rng(0)
KERNEL1 = RNG.normal(0, 0.4, (3, 3, 3, 5)).astype(np.float32)
KERNEL2 = RNG.normal(0, 0.2, (3, 3, 5, 4)).astype(np.float32)
DENSE = RNG.normal(0, 0.2, (4 * 4 * 4, 6)).astype(np.float32)
IMAGES = RNG.uniform(0, 1, (2, 16, 16, 3)).astype(np.float32)
ONE = IMAGES[:1]


def layers_of(x, kernel1, kernel2, dense):
    x = tf.nn.relu(v1.nn.conv2d(x, kernel1, strides=1, padding="SAME"), name="conv1/Relu")
    x = tf.nn.max_pool2d(x, 2, 2, "SAME", name="pool1")
    x = tf.nn.relu(v1.nn.conv2d(x, kernel2, strides=2, padding="SAME"), name="conv2/Relu")
    logits = tf.matmul(tf.reshape(x, [-1, 64]), dense, name="logits")
    return tf.nn.softmax(logits, name="probabilities")


@pytest.fixture(scope="module")
def graph():
    with tf.Graph().as_default() as graph:
        layers_of(v1.placeholder(tf.float32, (None, 16, 16, 3), "x"), KERNEL1, KERNEL2, DENSE)
    return graph


@pytest.fixture
def dirs(tmp_path):
    return {"path_logdir": tmp_path / "Log", "path_outdir": tmp_path / "Out"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A test that forgets a folder, or a call that writes elsewhere, does so where it is seen."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def tags(folder: Path) -> dict[str, list]:
    reader = EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()
    return {tag: reader.Images(tag) for tag in reader.Tags()["images"]}


def decoded(event) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(event.encoded_image_string)))


CALLS = [
    activation_visualization,
    deconv_visualization,
    partial(deepdream_visualization, layer="logits", classes=[1]),
]


# ---- arguments ----


def test_signatures_are_those_of_the_readme():
    def parameters(function):
        found = inspect.signature(function).parameters.values()
        return {each.name: each.default for each in found if each.kind is not each.KEYWORD_ONLY}

    empty = inspect.Parameter.empty
    common = {"input_tensor": None, "layers": "r", "path_logdir": "./Log", "path_outdir": "./Output"}
    first = {"graph_or_path": empty, "value_feed_dict": empty}
    assert list(parameters(activation_visualization).items()) == list((first | common).items())
    assert parameters(deconv_visualization) == parameters(activation_visualization)
    dream = first | {"layer": empty, "classes": empty} | common
    del dream["layers"]
    assert list(parameters(deepdream_visualization).items()) == list(dream.items())
    assert parameters(image_normalization) == {"image": empty, "ubound": 255.0, "epsilon": 1e-07}
    assert list(parameters(convert_into_grid).items()) == [("Xs", empty), ("padding", 1), ("ubound", 255.0)]
    assert cnnvis_widgets.deconv_visualization is deconv_visualization


@pytest.mark.parametrize("keyword", ["graph_or_path", "sess_graph_path", "model"])
def test_the_model_has_three_names(graph, keyword, dirs):
    assert activation_visualization(**{keyword: graph}, value_feed_dict={"x": ONE}, **dirs) is True
    assert files(dirs["path_outdir"])


@pytest.mark.parametrize("call", CALLS)
def test_two_models_are_refused(graph, call):
    with pytest.raises(TypeError, match=r"Expected one model\. Received: sess_graph_path= and another"):
        call(graph, {"x": ONE}, sess_graph_path=graph)
    with pytest.raises(TypeError, match="Expected one model"):
        call(model=graph, sess_graph_path=graph, value_feed_dict={"x": ONE})


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("model", [42, [1], {"a": 1}, object()])
def test_something_that_is_no_model_gives_false_and_says_so(call, model, dirs, capsys):
    assert call(model, {"x": ONE}, **dirs) is False
    assert f"of type {type(model).__name__}." in capsys.readouterr().out
    assert not dirs["path_outdir"].exists()


@pytest.mark.parametrize("layer", ["r", "p", "c", ["logits"], ["conv1/Relu", "logits"]])
def test_a_dream_wants_one_layer_name(graph, layer, dirs, capsys):
    assert deepdream_visualization(graph, {"x": ONE}, layer, [0], **dirs) is False
    expected = "Please only give classification layer name for reconstruction.\n"
    assert capsys.readouterr().out == expected
    assert not dirs["path_outdir"].exists()


def test_each_finished_layer_is_reported(graph, capsys):
    activation_visualization(graph, {"x": ONE}, None, "r", None, None)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" Time")[0] for line in lines] == [
        f"Reconstruction Completed for {name} layer." for name in ("conv1/Relu", "conv2/Relu")
    ]


@pytest.mark.parametrize("call", CALLS)
def test_none_means_do_not_write(graph, call, tmp_path):
    assert call(graph, {"x": ONE}, path_logdir=None, path_outdir=None) is True
    assert files(tmp_path) == []


def test_folders_are_those_of_tf_cnnvis_by_default(graph, tmp_path):
    activation_visualization(graph, {"x": ONE}, layers="pool1")
    assert "Output/pool1/activations/grid_activation.png" in files(tmp_path / "cwd")
    assert (tmp_path / "cwd" / "Log" / "pool1").is_dir()


@pytest.mark.parametrize("key", ["x", "x:0", "tensor", "op"])
def test_keys_of_the_feed_and_input_tensor(graph, key, dirs):
    tensor = graph.get_tensor_by_name("x:0")
    key = {"tensor": tensor, "op": tensor.op}.get(key, key)
    assert activation_visualization(graph, {key: ONE}, input_tensor=key, layers=["pool1"], **dirs)


def test_input_tensor_may_lie_within_the_network(graph, dirs):
    pooled = np.maximum(RNG.normal(size=(1, 8, 8, 5)), 0)
    feed = {"pool1:0": pooled}
    assert deconv_visualization(graph, feed, "pool1:0", "conv2/Relu", **dirs) is True
    grid = pixels(dirs["path_outdir"] / "conv2_relu/deconvolution/grid_image.png")
    one = (2 * 8 + 1, 3 * 8 + 2)  # five input channels, side by side
    assert grid.shape == (2 * one[0] + 1, 2 * one[1] + 1)
    with pytest.raises(errors.FeedError, match="Received: 'pol1'"):
        deconv_visualization(graph, feed, "pol1", "conv2/Relu", **dirs)


# ---- files and tags ----


def test_files_and_tags_of_activations(graph, dirs):
    assert activation_visualization(graph, {"x": ONE}, None, ["r", "pool1"], **dirs) is True
    names = ["conv1_relu", "conv2_relu", "pool1"]
    assert files(dirs["path_outdir"]) == [f"{name}/activations/grid_activation.png" for name in names]
    found = tags(dirs["path_logdir"] / "conv1_relu")
    assert list(found) == ["All_At_Once_Activations/image", *(f"One_By_One_Activations/image/{n}" for n in range(5))]
    grid = pixels(dirs["path_outdir"] / "conv1_relu/activations/grid_activation.png")
    assert grid.shape == (3 * 16 + 2, 3 * 16 + 2)
    np.testing.assert_array_equal(decoded(found["All_At_Once_Activations/image"][0]), grid)
    np.testing.assert_array_equal(decoded(found["One_By_One_Activations/image/4"][0]), grid[17:33, 17:33])


def test_files_and_tags_of_deconv(graph, dirs):
    assert deconv_visualization(graph, {"x": ONE}, layers="conv2/Relu", **dirs) is True
    assert files(dirs["path_outdir"]) == ["conv2_relu/deconvolution/grid_image.png"]
    grid = pixels(dirs["path_outdir"] / "conv2_relu/deconvolution/grid_image.png")
    assert grid.shape == (33, 33, 3)
    found = tags(dirs["path_logdir"] / "conv2_relu")
    assert list(found) == ["All_At_Once_Deconv/image", *(f"One_By_One_Deconv/image/{n}" for n in range(4))]
    np.testing.assert_array_equal(decoded(found["One_By_One_Deconv/image/3"][0]), grid[17:, 17:])


def test_files_tags_and_size_of_a_dream(graph, dirs):
    assert deepdream_visualization(graph, {"x": ONE}, "probabilities", [5, 2], **dirs) is True
    folder = dirs["path_outdir"] / "deepdream_probabilities"
    assert files(dirs["path_outdir"]) == [f"deepdream_probabilities/image_{n}.png" for n in (2, 5)]
    assert pixels(folder / "image_5.png").shape == (30, 30, 3)
    found = tags(dirs["path_logdir"] / "probabilities")
    assert sorted(found) == ["One_By_One_DeepDream/image/2", "One_By_One_DeepDream/image/5"]
    events = found["One_By_One_DeepDream/image/5"]
    assert len(events) == 10
    assert [event.step for event in events] == sorted({event.step for event in events})
    np.testing.assert_array_equal(decoded(events[-1]), pixels(folder / "image_5.png"))


# ---- old wrongs ----


def test_b1_first_convolution_shows_the_image_not_the_filters(graph, tmp_path):
    grids = []
    for name, image in zip("ab", IMAGES, strict=True):
        out = tmp_path / name
        deconv_visualization(graph, {"x": image[None]}, layers="c", path_logdir=None, path_outdir=out)
        grids.append(pixels(sorted(out.rglob("grid_image.png"))[0]))
    assert grids[0].shape == grids[1].shape
    assert (grids[0] != grids[1]).any()


def test_b2_the_old_look_is_another_method(graph, tmp_path):
    looks = {
        "new": {},
        "guided": {"rule": "guided"},
        "ones": {"seed": "ones"},
        "old": {"rule": "guided", "seed": "ones"},
    }
    for name, options in looks.items():
        deconv_visualization(graph, {"x": ONE}, None, "conv2/Relu", None, tmp_path / name, **options)
    contents = {path.read_bytes() for path in tmp_path.rglob("grid_image.png")}
    assert len(contents) == 4
    with pytest.raises(ValueError, match="rule"):
        deconv_visualization(graph, {"x": ONE}, None, "conv2/Relu", None, None, rule="deconv")


def test_b5_channels_first_graphs_have_their_channels_drawn(dirs):
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, (None, 3, 16, 16), "x")
        tf.nn.relu(v1.nn.conv2d(x, KERNEL1, strides=1, padding="SAME", data_format="NCHW"), name="relu")
    feed = {"x": ONE.transpose(0, 3, 1, 2)}
    activation_visualization(graph, feed, **dirs)
    assert pixels(dirs["path_outdir"] / "relu/activations/grid_activation.png").shape == (50, 50)


def test_b6_a_softmax_is_not_black(graph, dirs):
    activation_visualization(graph, {"x": ONE}, layers="probabilities", **dirs)
    cells = pixels(dirs["path_outdir"] / "probabilities/activations/grid_activation.png")
    assert cells.shape == (3, 3)
    assert len(np.unique(cells.ravel()[:6])) == 6
    assert cells.max() == 255


def test_b7_maps_share_a_scale_and_zero_is_grey_where_values_are_signed(graph, dirs):
    activation_visualization(graph, {"x": ONE}, layers="conv1/Relu", **dirs)
    grid = pixels(dirs["path_outdir"] / "conv1_relu/activations/grid_activation.png")
    strongest = [grid[y : y + 16, x : x + 16].max() for y, x in ((0, 0), (0, 17), (0, 34), (17, 0), (17, 17))]
    relu = tf.nn.relu(tf.nn.conv2d(ONE, KERNEL1, 1, "SAME")).numpy().max((0, 1, 2))
    np.testing.assert_array_equal(strongest, np.rint(relu / relu.max() * 255))
    deconv_visualization(graph, {"x": ONE}, layers="conv1/Relu", **dirs)
    back = pixels(dirs["path_outdir"] / "conv1_relu/deconvolution/grid_image.png")
    assert (back[0, 0] == 128).all() or (back[15, 15] == 128).all()


def test_b9_many_images_have_many_files_and_any_order_of_the_feed_gives_the_same(tmp_path):
    with tf.Graph().as_default() as graph:
        labels = v1.placeholder(tf.int32, (None,), "labels")
        keep = v1.placeholder(tf.float32, (), "keep_prob")
        x = v1.placeholder(tf.float32, (None, 16, 16, 3), "x")
        tf.nn.relu(v1.nn.conv2d(x, KERNEL1, strides=1, padding="SAME") * keep, name="relu")
        tf.identity(labels)
    feed = {"labels:0": [1, 2], "keep_prob:0": 1.0, "x:0": IMAGES}
    for name, keys in {"a": list(feed), "b": list(feed)[::-1]}.items():
        ordered = {key: feed[key] for key in keys}
        deconv_visualization(graph, ordered, None, "r", tmp_path / "Log", tmp_path / name)
    first, second = (tmp_path / "a/relu/deconvolution" / f"grid_image_{n}.png" for n in (0, 1))
    assert (
        files(tmp_path / "a")
        == files(tmp_path / "b")
        == ["relu/deconvolution/grid_image_0.png", "relu/deconvolution/grid_image_1.png"]
    )
    assert first.read_bytes() != second.read_bytes()
    assert (tmp_path / "b/relu/deconvolution/grid_image_0.png").read_bytes() == first.read_bytes()
    assert {"All_At_Once_Deconv/image/0", "One_By_One_Deconv/image/1/4"} <= tags(tmp_path / "Log/relu").keys()


@pytest.mark.parametrize(
    ("layer", "classes", "error"),
    [
        ("logits", [99], errors.ChannelError),
        ("logits", [0, -1], errors.ChannelError),
        ("logits", [], errors.ChannelError),
        ("conv9", [0], errors.LayerError),
    ],
)
def test_b11_a_class_or_layer_that_is_not_there_raises(graph, layer, classes, error, dirs):
    with pytest.raises(error, match="Received"):
        deepdream_visualization(graph, {"x": ONE}, layer, classes, **dirs)
    assert not dirs["path_outdir"].exists()
    assert not dirs["path_logdir"].exists()


def test_b11_a_convolution_can_be_dreamt_of(graph, dirs):
    assert deepdream_visualization(graph, {"x": ONE}, "conv2/Relu", [1], **dirs) is True
    assert pixels(dirs["path_outdir"] / "deepdream_conv2_relu/image_1.png").std() > 5


def test_b12_b13_a_dream_depends_on_its_seed_and_not_on_its_companions(graph, tmp_path):
    def dreamt(name, classes, seed):
        deepdream_visualization(graph, {"x": ONE}, "logits", classes, None, None, tmp_path / name, seed=seed)
        return (tmp_path / name / "deepdream_logits/image_1.png").read_bytes()

    alone = dreamt("a", [1], 3)
    assert dreamt("b", [4, 1], 3) == alone
    assert dreamt("c", [1], 4) != alone


def test_b15_results_of_one_second_are_all_there(graph, dirs):
    activation_visualization(graph, {"x": ONE}, layers="conv2/Relu", **dirs)
    deconv_visualization(graph, {"x": ONE}, layers="conv2/Relu", **dirs)
    deepdream_visualization(graph, {"x": ONE}, "conv2/Relu", [0], **dirs)
    groups = {tag.split("/")[0] for tag in tags(dirs["path_logdir"] / "conv2_relu")}
    assert groups == {
        "All_At_Once_Activations",
        "One_By_One_Activations",
        "All_At_Once_Deconv",
        "One_By_One_Deconv",
        "One_By_One_DeepDream",
    }


def test_b16_colliding_names_have_folders_of_their_own(dirs):
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, (None, 4, 4, 1), "x")
        for name in ("a/b", "a_b", "A_B"):
            x = tf.nn.relu(x, name=name)
    activation_visualization(graph, {"x": np.ones((1, 4, 4, 1))}, **dirs)
    assert len(files(dirs["path_outdir"])) == 3
    assert len(list(dirs["path_logdir"].iterdir())) == 3


def test_b17_an_empty_or_mistyped_selection_raises(graph, dirs):
    for layers in ([], "conv1/Rleu", ["conv1/Relu", "nothing"]):
        with pytest.raises(errors.LayerError, match="Received"):
            deconv_visualization(graph, {"x": ONE}, layers=layers, **dirs)
    with tf.Graph().as_default() as bare:
        v1.placeholder(tf.float32, (None, 4, 4, 1), "x") + 1.0
    with pytest.raises(errors.CnnvisError):
        activation_visualization(bare, {"x": np.ones((1, 4, 4, 1))}, layers="r", **dirs)
    assert not dirs["path_outdir"].exists()


def test_a_late_failure_leaves_nothing_behind(graph, dirs, monkeypatch):
    from cnnvis_widgets import legacy

    def fails_at_the_second(network, feed, layer, **options):
        if layer.name == "conv2/Relu":
            raise errors.NumericalError("Expected finite values. Received: NaN.")
        return reconstruct(network, feed, layer, **options)

    reconstruct = legacy.reconstruct
    monkeypatch.setattr(legacy, "reconstruct", fails_at_the_second)
    with pytest.raises(errors.NumericalError):
        deconv_visualization(graph, {"x": ONE}, **dirs)
    assert not dirs["path_outdir"].exists()
    assert not dirs["path_logdir"].exists()


# ---- the user's own things ----


def test_graph_is_unchanged_and_a_second_call_gives_the_same(graph, tmp_path):
    before = graph.as_graph_def().SerializeToString(deterministic=True)
    for name in "ab":
        deconv_visualization(graph, {"x": ONE}, None, "conv2/Relu", None, tmp_path / name)
    assert graph.as_graph_def().SerializeToString(deterministic=True) == before
    first, second = (path.read_bytes() for path in sorted(tmp_path.rglob("grid_image.png")))
    assert first == second


def test_a_session_shows_its_own_weights(graph, tmp_path):
    with tf.Graph().as_default() as training, v1.Session() as session:
        values = {"k1": KERNEL1, "k2": KERNEL2, "dense": DENSE}
        kernels = [v1.get_variable(name, initializer=value) for name, value in values.items()]
        layers_of(v1.placeholder(tf.float32, (None, 16, 16, 3), "x"), *kernels)
        session.run(v1.global_variables_initializer())
        for name, model in {"session": session, "default": None}.items():
            assert activation_visualization(model, {"x": ONE}, None, "r", None, tmp_path / name)
        assert len(v1.global_variables()) == 3
    assert training.get_operations()
    activation_visualization(graph, {"x": ONE}, None, "r", None, tmp_path / "frozen")
    expected = [path.read_bytes() for path in sorted((tmp_path / "frozen").rglob("*.png"))]
    for name in ("session", "default"):
        assert [path.read_bytes() for path in sorted((tmp_path / name).rglob("*.png"))] == expected


# ---- helpers that scripts use ----


def test_image_normalization_rounds_and_reaches_the_bound():
    image = np.float32([[[0.0], [0.5]], [[0.25], [1.0]]])
    result = image_normalization(image)
    assert (result.dtype, result.shape) == (np.uint8, image.shape)
    assert result.ravel().tolist() == [0, 128, 64, 255]
    assert image_normalization(image, 100.0).max() == 100
    assert image_normalization(image, s=0.1, ubound=10).max() == 10
    assert image_normalization(image, epsilon=2.0).max() == 128


def test_image_normalization_of_nothing_to_see():
    assert not image_normalization(np.full((2, 2, 1), 9.0)).any()
    with pytest.raises(errors.NumericalError):
        image_normalization(np.array([[[np.nan]]]))
    with pytest.raises(ValueError, match="Received: ubound=300"):
        image_normalization(np.ones((1, 1, 1)), ubound=300)


def test_convert_into_grid_is_row_major_with_gaps():
    images = np.arange(5, dtype=np.float32).reshape(5, 1, 1, 1)
    grid = convert_into_grid(images, ubound=4.0)
    assert grid.shape == (5, 5, 1)
    assert grid[::2, ::2, 0].tolist() == [[0, 1, 2], [3, 4, 0], [0, 0, 0]]
    assert convert_into_grid(images, padding=0).shape == (3, 3, 1)
    assert convert_into_grid(images).max() == 255
    assert not grid[1].any()


def test_convert_into_grid_in_the_later_order_of_arguments():
    images = np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1)
    with pytest.warns(DeprecationWarning, match=r"Received: 3\.0, read as ubound"):
        grid = convert_into_grid(images, 3.0)
    assert grid[::2, ::2, 0].tolist() == [[0, 1], [2, 3]]
    with pytest.warns(DeprecationWarning, match="read as ubound"):
        assert convert_into_grid(images, 255.0, 2).shape == (4, 4, 1)


def test_convert_into_grid_wants_four_axes():
    with pytest.raises(ValueError, match=r"Received: Xs of \(2, 2\)"):
        convert_into_grid(np.ones((2, 2)))

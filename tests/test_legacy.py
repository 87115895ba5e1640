"""The calls of tf_cnnvis: arguments, files, tags, return values, and each old wrong put right."""

from __future__ import annotations

import gc
import inspect
import weakref
from functools import partial
from io import BytesIO
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from oracles.tf_cnnvis import older_reconstructions
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import cnnvis_widgets
from cnnvis_widgets import errors, reconstruct, rules
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
        return {each.name: each.default for each in found if each.kind is not each.KEYWORD_ONLY}  # which are new

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
    assert list(found) == ["All_At_Once_Activations/image"]
    grid = pixels(dirs["path_outdir"] / "conv1_relu/activations/grid_activation.png")
    assert grid.shape == (3 * 16 + 2, 3 * 16 + 2)
    np.testing.assert_array_equal(decoded(found["All_At_Once_Activations/image"][0]), grid)


def test_each_map_has_a_file_and_a_tag_where_asked_for(graph, dirs):
    assert activation_visualization(graph, {"x": ONE}, layers="conv1/Relu", each=True, **dirs) is True
    folder = dirs["path_outdir"] / "conv1_relu/activations"
    assert files(folder) == ["grid_activation.png", *(f"map_{n}.png" for n in range(5))]
    found = tags(dirs["path_logdir"] / "conv1_relu")
    assert list(found) == ["All_At_Once_Activations/image", *(f"One_By_One_Activations/image/{n}" for n in range(5))]
    one = decoded(found["One_By_One_Activations/image/4"][0])
    np.testing.assert_array_equal(one, pixels(folder / "grid_activation.png")[17:33, 17:33])
    np.testing.assert_array_equal(one, pixels(folder / "map_4.png"))
    deconv_visualization(graph, {"x": ONE}, layers="conv2/Relu", each=True, **dirs)
    folder = dirs["path_outdir"] / "conv2_relu/deconvolution"
    assert files(folder) == ["grid_image.png", *(f"map_{n}.png" for n in range(4))]
    np.testing.assert_array_equal(pixels(folder / "map_3.png"), pixels(folder / "grid_image.png")[17:, 17:])


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


@pytest.mark.parametrize("call", CALLS[:2])
@pytest.mark.parametrize("letter", ["R", "P", "C"])
def test_letters_may_be_capitals(graph, call, letter, tmp_path):
    for name, layers in {"a": letter, "b": letter.lower(), "c": [letter]}.items():
        assert call(graph, {"x": ONE}, None, layers, None, tmp_path / name) is True
    assert files(tmp_path / "a") == files(tmp_path / "b") == files(tmp_path / "c") != []


@pytest.mark.parametrize("call", CALLS[:2])
def test_what_cannot_be_a_layer_is_skipped_where_something_remains(graph, call, dirs, capsys):
    assert call(graph, {"x": ONE}, layers=[None, "conv1/Relu"], **dirs) is True
    first, second = capsys.readouterr().out.splitlines()
    assert first == "Skipping None . None is not valid layer name or layer type"
    assert second.startswith("Reconstruction Completed for conv1/Relu layer.")
    assert {path.split("/")[0] for path in files(dirs["path_outdir"])} == {"conv1_relu"}
    with tf.Graph().as_default() as without_pools:
        tf.nn.relu(v1.placeholder(tf.float32, (None, 4, 4, 1), "x"), name="only")
    assert call(without_pools, {"x": np.ones((1, 4, 4, 1))}, layers=["p", "r", "C"], **dirs) is True
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["Skipping p . The network has no pooling.", "Skipping C . The network has no convolutions."]
    assert lines[2].startswith("Reconstruction Completed for only layer.")


def test_b17_an_empty_or_mistyped_selection_raises(graph, dirs):
    for layers in ([], (), None, [None], [None, None]):
        with pytest.raises(errors.LayerError, match=r"at least one layer.*Received: layers=.*'conv1/Relu', 'pool1'"):
            activation_visualization(graph, {"x": ONE}, layers=layers, **dirs)
    for layers in ([], "conv1/Rleu", ["conv1/Relu", "nothing"]):
        with pytest.raises(errors.LayerError, match="Received"):
            deconv_visualization(graph, {"x": ONE}, layers=layers, **dirs)
    with tf.Graph().as_default() as bare:
        v1.placeholder(tf.float32, (None, 4, 4, 1), "x") + 1.0
    with pytest.raises(errors.CnnvisError):
        activation_visualization(bare, {"x": np.ones((1, 4, 4, 1))}, layers="r", **dirs)
    assert not dirs["path_outdir"].exists()


# ---- layers of many maps ----


@pytest.fixture(scope="module")
def wide():
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, (None, 2, 2, 1), "x")
        for maps in (1024, 1025):
            tf.nn.relu(x * tf.ones((1, 1, 1, maps)), name=f"maps{maps}")
    return graph


@pytest.mark.parametrize("call", CALLS[:2])
def test_layers_of_more_than_1024_maps_are_skipped_with_a_message(wide, call, dirs, capsys):
    feed = {"x": np.ones((1, 2, 2, 1))}
    assert call(wide, feed, **dirs) is True
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "Skipping. Too many featuremaps. May cause memory errors.",
        "Layer 'maps1025' has 1025, more than 1024. activations() and reconstruct() take it.",
    ]
    assert len(lines) == 3
    assert [path.split("/")[0] for path in files(dirs["path_outdir"])] == ["maps1024"]
    assert call(wide, feed, layers="maps1025", path_logdir=None, path_outdir=dirs["path_outdir"] / "no") is True
    assert not (dirs["path_outdir"] / "no").exists()


def test_a_class_among_more_than_1024_can_be_dreamt_of(wide, dirs):
    assert deepdream_visualization(wide, {"x": np.ones((1, 2, 2, 1))}, "maps1025", [1024], **dirs) is True
    assert files(dirs["path_outdir"]) == ["deepdream_maps1025/image_1024.png"]


# ---- everything is checked first, then written as soon as it is done ----


def fails(graph, call, error, match, dirs, monkeypatch, **arguments):
    """The call raises before anything is computed or written."""
    from cnnvis_widgets.engine.network.runtime import Runtime

    monkeypatch.setattr(Runtime, "compiled", lambda *_, **__: pytest.fail("something was computed"))
    with pytest.raises(error, match=match):
        call(graph, **{"value_feed_dict": {"x": ONE}, **dirs, **arguments})
    assert not (dirs["path_outdir"].is_dir() and files(dirs["path_outdir"]))
    assert not dirs["path_logdir"].exists()


LAST_IS_WRONG = [
    (activation_visualization, errors.LayerError, "Received: layer='none'", {"layers": ["conv1/Relu", "none"]}),
    (deconv_visualization, errors.LayerError, "Received: layer='none'", {"layers": ["conv1/Relu", "none"]}),
    (deconv_visualization, ValueError, "Received: rule='deconv'", {"rule": "deconv"}),
    (deconv_visualization, ValueError, "Received: seed='max'", {"seed": "max"}),
    (deconv_visualization, errors.ChannelError, r"4 x 4 of layer.*seed=\(15, 0\)", {"layers": ["c"], "seed": (15, 0)}),
    (deconv_visualization, errors.FeedError, "Received: 'y'", {"value_feed_dict": {"x": ONE, "y": 1}}),
    (deconv_visualization, errors.NumericalError, "'x'", {"value_feed_dict": {"x": ONE * np.nan}}),
    (deepdream_visualization, errors.ChannelError, "Received: 6", {"layer": "logits", "classes": [0, 6]}),
]


@pytest.mark.parametrize(("call", "error", "match", "arguments"), LAST_IS_WRONG)
def test_what_is_wrong_is_said_before_anything_is_computed(graph, call, error, match, arguments, dirs, monkeypatch):
    fails(graph, call, error, match, dirs, monkeypatch, **arguments)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("folder", ["path_outdir", "path_logdir"])
def test_a_folder_that_cannot_be_written_to_is_found_first(graph, call, folder, dirs, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    blocked = tmp_path / "file" / "below"
    match = f"Received: .*file/below.*Give another {folder}, or None"
    fails(graph, call, errors.OutputError, match, dirs, monkeypatch, **{folder: blocked})


@pytest.mark.parametrize("call", CALLS)
def test_a_layer_whose_own_folder_is_taken_is_found_first(graph, call, dirs, monkeypatch):
    name = "deepdream_logits" if call is CALLS[2] else "conv2_relu"
    dirs["path_outdir"].mkdir()
    (dirs["path_outdir"] / name).write_text("no folder")
    with pytest.raises(errors.OutputError, match=name):
        call(graph, {"x": ONE}, **dirs)
    assert files(dirs["path_outdir"]) == [name]


@pytest.mark.parametrize("call", CALLS[:2])
def test_a_placeholder_that_only_a_late_layer_needs_is_asked_for_first(call, dirs, monkeypatch):
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, (None, 4, 4, 1), "x")
        x = tf.nn.relu(x, name="first")
        tf.nn.relu(x * v1.placeholder(tf.float32, (), "keep_prob"), name="second")
    feed = {"x": np.ones((1, 4, 4, 1))}
    fails(graph, call, errors.FeedError, "none for 'keep_prob'", dirs, monkeypatch, value_feed_dict=feed)
    monkeypatch.undo()
    assert call(graph, feed, layers="first", **dirs) is True


@pytest.mark.parametrize("call", CALLS[:2])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, errors.NumericalError])
def test_a_run_that_stops_keeps_the_layers_that_were_done(graph, call, stop, dirs, monkeypatch, tmp_path):
    from cnnvis_widgets import legacy

    def stops_at_the_second(result, **options):
        if result.layer.name == "conv2/Relu":
            raise stop
        return drawn(result, **options)

    drawn = legacy.of_layer
    monkeypatch.setattr(legacy, "of_layer", stops_at_the_second)
    with pytest.raises(stop):
        call(graph, {"x": ONE}, **dirs)
    monkeypatch.undo()
    whole = {"path_logdir": tmp_path / "whole/Log", "path_outdir": tmp_path / "whole/Out"}
    call(graph, {"x": ONE}, layers="conv1/Relu", **whole)
    assert files(dirs["path_outdir"]) == files(whole["path_outdir"])
    for name in files(dirs["path_outdir"]):
        assert (dirs["path_outdir"] / name).read_bytes() == (whole["path_outdir"] / name).read_bytes()
    assert [path.name for path in dirs["path_logdir"].iterdir()] == ["conv1_relu"]
    kept, expected = (tags(each["path_logdir"] / "conv1_relu") for each in (dirs, whole))
    assert kept.keys() == expected.keys()


@pytest.mark.parametrize(("side", "sizes"), [(16, [30]), (20, [39]), (40, [78]), (70, [70, 98, 137])])
def test_a_dream_makes_60_steps_in_all(dirs, monkeypatch, side, sizes):
    from cnnvis_widgets import legacy

    seen = []
    dream = legacy.dream

    def kept(*args, **options):
        for step in dream(*args, **options):
            seen.append(step.images.shape[1])
            yield step

    monkeypatch.setattr(legacy, "dream", kept)
    model = keras.Sequential([keras.Input((side, side, 3)), keras.layers.Conv2D(2, 3, name="conv")])
    deepdream_visualization(model, np.zeros((1, side, side, 3), np.float32), "conv", [0], **dirs)
    assert len(seen) == 60
    assert list(dict.fromkeys(seen)) == sizes


def test_a_dream_that_is_stopped_keeps_finished_pictures_and_logged_steps(graph, dirs, monkeypatch):
    from cnnvis_widgets import legacy

    def stops(network, feed, layer, channels, **options):
        for step in dream(network, feed, layer, channels, **options):
            yield step
            if channels == 2 and step.index == 23:
                raise KeyboardInterrupt

    dream = legacy.dream
    monkeypatch.setattr(legacy, "dream", stops)
    with pytest.raises(KeyboardInterrupt):
        deepdream_visualization(graph, {"x": ONE}, "logits", [4, 2, 0], **dirs)
    assert files(dirs["path_outdir"]) == ["deepdream_logits/image_4.png"]
    found = tags(dirs["path_logdir"] / "logits")
    assert {tag.rpartition("/")[2]: len(events) for tag, events in found.items()} == {"4": 10, "2": 4}


def test_memory_does_not_grow_with_the_layers(monkeypatch):
    from cnnvis_widgets import legacy

    sizes, alive = [], list[weakref.ref]()

    def counted(result, **options):
        alive.append(weakref.ref(result))
        gc.collect()
        sizes.append(sum(reference() is not None for reference in alive))
        return iter(())

    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, (None, 16, 16, 4), "x")
        for _ in range(12):
            x = tf.nn.relu(x)
    monkeypatch.setattr(legacy, "of_layer", counted)
    monkeypatch.setattr(legacy, "_BYTES_PER_RUN", 2 * 16 * 16 * 4 * 4)  # two layers
    feed = {"x": np.ones((1, 16, 16, 4))}
    activation_visualization(graph, feed, None, "r", None, None)
    assert len(sizes) == 12
    assert max(sizes) <= 2 + legacy._WRITTEN_TOGETHER + 1  # a run, what waits, and what the loop has just handed over
    sizes.clear()
    alive.clear()
    deconv_visualization(graph, feed, None, "r", None, None)
    assert max(sizes) <= 2
    assert len(sizes) == 12


# ---- the picture of tf_cnnvis ----


@pytest.fixture(scope="module")
def normalised():
    """Two convolutions with LRN behind, as in AlexNet."""
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, (None, 16, 16, 3), "x")
        for name, kernel in {"conv1": KERNEL1, "conv2": KERNEL2}.items():
            x = tf.nn.relu(v1.nn.conv2d(x, kernel, strides=1, padding="SAME"), name=f"{name}/Relu")
            x = tf.nn.local_response_normalization(x, 2, bias=1.0, alpha=0.3, beta=0.75, name=f"{name}/norm")
            x = tf.nn.max_pool2d(x, 3, 2, "VALID", name=f"{name}/pool")
    return graph


@pytest.mark.parametrize("layer", ["conv1/norm", "conv1/pool", "conv2/Relu", "conv2/pool"])
def test_guided_ones_is_the_computation_of_tf_cnnvis(normalised, layer, tmp_path, monkeypatch):
    from cnnvis_widgets import legacy

    def kept(result, **options):
        results.append(result)
        return drawn(result, **options)

    results, drawn = [], legacy.of_layer
    monkeypatch.setattr(legacy, "of_layer", kept)
    options = {"path_logdir": None, "path_outdir": tmp_path, "layers": layer}
    deconv_visualization(normalised, {"x": ONE}, rule="guided", seed="ones", **options)
    deconv_visualization(normalised, {"x": ONE}, rule="guided", seed="map", **options)
    older = older_reconstructions(normalised, {"x:0": ONE}, f"{layer}:0", "x:0")[:, 0]
    guided_ones, guided_map = (result.images[0] for result in results)
    assert guided_ones.shape == older.shape
    assert np.abs(guided_ones - older).max() < 1e-5 * np.abs(older).max()
    exact = reconstruct(normalised, {"x": ONE}, layer, rule="guided", seed="map").images[0]
    np.testing.assert_array_equal(guided_map, exact)
    assert str(results[0].coverage).count("local_response_normalization identity") == 1
    assert str(results[1].coverage).count("local_response_normalization exact") == 1


def test_outside_the_legacy_call_guided_ones_takes_the_exact_gradient_of_lrn(normalised):
    ours = reconstruct(normalised, {"x": ONE}, "conv1/norm", rule="guided", seed="ones").images[0]
    older = older_reconstructions(normalised, {"x:0": ONE}, "conv1/norm:0", "x:0")[:, 0]
    assert np.abs(ours - older).max() > 0.05 * np.abs(older).max()
    assert rules.known()[:3] == ("deconvnet", "guided", "gradient")
    with pytest.raises(ValueError, match="a rule already"):
        rules.register("tf_cnnvis", lambda signal, entered: signal)


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

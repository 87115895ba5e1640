"""Why a picture is empty, and which of several saturated units is the strongest: cases worked by hand."""

import numpy as np
import pytest
import tensorflow as tf
from networks import v1

from cnnvis_widgets import load, reconstruct
from cnnvis_widgets.engine.reconstruction.silence import BLOCKED, ENDS, INACTIVE, SATURATED, SILENT_INPUT


def network_of(function, image):
    """A network on the image (height, width, channels), with the layer 'out'."""
    graph = tf.Graph()
    with graph.as_default():
        fed = v1.placeholder(tf.float32, [None, *image.shape], name="image")
        tf.identity(function(fed), name="last")
    return load(graph, {"image": image[None].astype(np.float32)})


RAMP = np.arange(-1.0, 11.0).reshape(3, 4, 1)  # 7, 8, 9 and 10 are above the ceiling of 6
CLIPS = {
    "op": lambda x: tf.nn.relu6(x, name="out"),
    "group": lambda x: tf.raw_ops.Maximum(x=tf.minimum(x, 6.0), y=0.0, name="out"),
    "ceiling of 4": lambda x: tf.raw_ops.Maximum(x=tf.minimum(tf.nn.relu(x), 4.0), y=0.0, name="out"),
}


@pytest.mark.parametrize("spelling", CLIPS)
def test_of_units_at_the_ceiling_the_one_with_the_largest_value_before_the_clip_is_the_strongest(spelling):
    result = reconstruct(network_of(CLIPS[spelling], np.concatenate([RAMP, RAMP[::-1]], -1)), None, "out")
    assert result.units.tolist() == [[[2, 3], [0, 3]]]
    assert result.seed_values.tolist() == [[4.0 if "4" in spelling else 6.0] * 2]
    assert result.notes == (("", ""),)


def test_without_a_ceiling_the_first_of_equal_units_is_the_strongest():
    result = reconstruct(network_of(lambda x: tf.nn.relu(x, name="out"), np.minimum(RAMP, 3)), None, "out")
    assert result.units.tolist() == [[[1, 0]]]


@pytest.mark.parametrize("spelling", CLIPS)
@pytest.mark.parametrize("seed", ["strongest", (2, 3), (0, 2), (0, 1)])
def test_a_saturated_unit_has_a_picture_under_every_rule_but_the_gradient(spelling, seed):
    network = network_of(CLIPS[spelling], RAMP)
    value = 11.0 if seed == "strongest" else RAMP[seed][0]
    note = INACTIVE if value == 0 else SATURATED if value > 6 else ""
    result = reconstruct(network, None, "out", rule="gradient", seed=seed)
    following = ((1, 1) if "4" in spelling else (1, 2)) if seed == "strongest" else ()
    assert result.next_units == ((following,),)
    assert result.notes == ((f"{note}; the next unit with something to show is {following}" if following else note,),)
    if following:
        assert reconstruct(network, None, "out", rule="gradient", seed=following).images.any()
    for rule in ("deconvnet", "guided"):
        result = reconstruct(network, None, "out", rule=rule, seed=seed)
        assert result.notes == ((INACTIVE if value == 0 else "",),)
        assert result.images.any() == (value != 0)


def _by_its_bias(x):
    """Two channels that are on by a bias: the first sees zeros, the second only what speaks against it."""
    below = tf.nn.relu(x)
    kernel = np.array([-1.0, -0.01], np.float32).reshape(1, 1, 2, 1)
    return tf.nn.relu(
        tf.nn.bias_add(tf.nn.depthwise_conv2d(below, kernel, [1, 1, 1, 1], "SAME"), [1.0, 1.0]), name="out"
    )


def test_a_unit_that_is_on_by_its_bias_has_a_reason_from_its_input():
    image = np.stack([np.where(np.eye(3), -1.0, 2.0), np.ones((3, 3))], -1)
    result = reconstruct(network_of(_by_its_bias, image), None, "out", rule="guided")
    assert result.seed_values.tolist() == [[1.0, np.float32(0.99)]]
    assert not result.images.any()
    assert result.notes == ((SILENT_INPUT, BLOCKED),)
    assert result.next_units == (((), ()),)


def test_a_unit_below_the_ceiling_is_not_saturated_where_its_gradient_is_zero():
    def function(x):
        return tf.nn.relu6(1.0 - tf.nn.relu(x), name="out")

    assert reconstruct(network_of(function, -np.ones((3, 3, 1))), None, "out", rule="gradient").notes == (
        (SILENT_INPUT,),
    )


def test_a_relu6_at_exactly_6_is_saturated():
    network = network_of(CLIPS["op"], RAMP)
    assert reconstruct(network, None, "out", rule="gradient", seed=(1, 3)).notes == ((SATURATED,),)


def test_the_window_of_a_convolution_decides():
    """Ones far from the unit are no input of it."""
    image = np.zeros((7, 7, 1))
    image[0, 0] = image[6, 6] = 1
    kernel = -np.ones((3, 3, 1, 1), np.float32)

    def function(x):
        return tf.nn.relu(tf.nn.conv2d(tf.nn.relu(x), kernel, 1, "SAME") + 1.5, name="out")

    network = network_of(function, image)
    for seed, note in (((3, 3), SILENT_INPUT), ((1, 1), BLOCKED), ((6, 6), BLOCKED)):
        assert reconstruct(network, None, "out", rule="guided", seed=seed).notes == ((note,),)
        assert reconstruct(network, None, "out", rule="gradient", seed=seed).notes[0][0] in ("", SILENT_INPUT)


def test_notes_of_a_whole_map_and_of_each_image():
    graph = tf.Graph()
    with graph.as_default():
        tf.nn.relu6(v1.placeholder(tf.float32, [None, 2, 2, 1], name="image"), name="out")
    images = np.array([-1.0, 3.0, 9.0], np.float32)[:, None, None, None] * np.ones((1, 2, 2, 1), np.float32)
    network = load(graph, {"image": images})
    result = reconstruct(network, None, "out", rule="gradient", seed="map")
    assert result.notes == ((INACTIVE,), ("",), (SATURATED,))
    assert [picture.any() for picture in result.images] == [False, True, False]


def test_the_next_unit_sees_something_and_its_picture_is_not_empty():
    """All units are on by their bias, most where the input is zero. Of the others, (2, 0) is the strongest."""
    image = np.array([[-1.0, -1.0, 5.0], [4.0, 3.0, -1.0], [1.0, 2.0, 6.0]])[..., None]
    network = network_of(lambda x: tf.nn.relu(1.0 - 0.1 * tf.nn.relu(x), name="out"), image)
    result = reconstruct(network, None, "out", rule="gradient")
    assert result.units.tolist() == [[[0, 0]]]
    assert result.next_units == (((2, 0),),)
    assert result.notes == ((f"{SILENT_INPUT}; the next unit with something to show is (2, 0)",),)
    assert reconstruct(network, None, "out", rule="guided").next_units == (((),),)  # all of them speak against the unit


def test_a_unit_that_is_passed_by_leaves_the_place_to_one_further_on():
    """What the two strongest units see speaks against them, so the rule blocks both. The third is not blocked."""
    image = np.array([[1.0, 2.0, 1.5, -3.0]])[..., None]
    signs = np.array([[-1.0, -1.0, 1.0, 1.0]], np.float32)[..., None]
    network = network_of(lambda x: tf.nn.relu(9.0 * (1 - signs) + signs * tf.nn.relu(x), name="out"), image)
    result = reconstruct(network, None, "out", rule="guided")
    assert result.units.tolist() == [[[0, 0]]]
    assert result.next_units == (((0, 2),),)
    assert reconstruct(network, None, "out", rule="guided", seed=(0, 2)).images.any()


@pytest.mark.parametrize("function", [tf.tanh, tf.sigmoid, lambda x: tf.clip_by_value(x / 5 + 0.5, 0, 1)])
@pytest.mark.parametrize("rule", ["deconvnet", "guided", "gradient"])
def test_a_function_that_every_rule_differentiates_saturates_under_every_rule(function, rule):
    image = np.array([[30.0, 1.0], [0.5, -40.0]])[..., None]
    network = network_of(lambda x: 2.0 * function(tf.nn.conv2d(x, tf.ones([1, 1, 1, 1]), 1, "SAME")), image)
    layer = next(layer for layer in network.layers if layer.kind in ENDS)
    result = reconstruct(network, None, layer, rule=rule)
    assert result.notes == ((f"{SATURATED}; the next unit with something to show is (0, 1)",),)

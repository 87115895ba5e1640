"""Weights are taken once, in their own memory where that begins at a right place, and stay those of ``load``."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import keras_cnn, photo, v1

from cnnvis_widgets import activations, load
from cnnvis_widgets.engine.graph.shared_memory import LazyTensor, as_tensor, lazy_tensor


def placed(offset, shape=(64, 32)):
    """An array that begins ``offset`` bytes behind a multiple of 64."""
    memory = np.zeros(4 * int(np.prod(shape)) + 128, np.uint8)
    begin = -memory.ctypes.data % 64 + offset
    array = memory[begin : begin + 4 * int(np.prod(shape))].view(np.float32).reshape(shape)
    array[...] = np.arange(array.size).reshape(shape)
    return array


def shares(array, tensor):
    return np.shares_memory(array, np.asarray(tensor))


@pytest.mark.usefixtures("cpu_policy")
@pytest.mark.parametrize("offset", [0, 4, 16, 32, 48])
def test_memory_is_shared_where_kernels_can_read_it(offset):
    array = placed(offset)
    tensor = as_tensor(array)
    assert shares(array, tensor) is (offset == 0)
    assert np.asarray(tensor).ctypes.data % 64 == 0
    wanted = array.copy()
    del array
    gc.collect()
    np.testing.assert_array_equal(tf.nn.relu(tensor - 5), np.maximum(wanted - 5, 0))


def test_memory_that_may_be_anothers_is_copied():
    array = placed(0)
    read_only = array.view()
    read_only.setflags(write=False)
    for other in (read_only, array.T, array[:, ::2]):
        tensor = as_tensor(other)
        assert not shares(array, tensor)
        np.testing.assert_array_equal(tensor, other)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int64", "bool", "complex64", "bfloat16"])
def test_every_type_of_numbers_keeps_its_values(dtype):
    array = np.arange(5000).astype(tf.as_dtype(dtype).as_numpy_dtype)
    tensor = as_tensor(array)
    assert tensor.dtype.name == dtype
    np.testing.assert_array_equal(np.asarray(tensor), array)
    assert as_tensor(tensor) is tensor


def test_a_tensor_is_made_within_a_graph_of_the_user():
    with tf.Graph().as_default() as graph:
        tensors = [as_tensor(np.ones(size, np.float32)) for size in (3, 5000)]
    assert [int(np.sum(tensor)) for tensor in tensors] == [3, 5000]
    assert not graph.get_operations()


@pytest.mark.usefixtures("cpu_policy")
def test_what_needs_a_copy_is_copied_when_something_computes_with_it():
    array = placed(16)
    wanted, memory = array.copy(), weakref.ref(array)
    lazy = lazy_tensor(array)
    assert (lazy.dtype, lazy.shape) == (tf.float32, (64, 32))
    assert np.shares_memory(np.asarray(lazy), array)
    assert lazy_tensor(lazy) is lazy
    del array
    assert memory() is not None
    np.testing.assert_array_equal(lazy.tensor(), wanted)
    assert memory() is None, "the array is gone"
    assert as_tensor(lazy) is lazy.tensor()
    assert np.asarray(lazy).ctypes.data % 64 == 0


@pytest.mark.usefixtures("cpu_policy")
def test_what_takes_no_copy_or_may_be_anothers_is_a_tensor_at_once():
    read_only = placed(16)
    read_only.setflags(write=False)
    for value in (placed(0), read_only, np.ones(3, np.float32), tf.ones(3)):
        assert isinstance(lazy_tensor(value), tf.Tensor)


@pytest.mark.usefixtures("cpu_policy")
def test_threads_share_one_copy():
    lazy = lazy_tensor(placed(16, (256, 256)))
    with ThreadPoolExecutor(8) as threads:
        tensors = list(threads.map(lambda _: lazy.tensor(), range(32)))
    assert len(set(map(id, tensors))) == 1


@pytest.mark.usefixtures("cpu_policy")
def test_a_look_at_a_layer_copies_the_weights_behind_it_alone():
    image = photo(8)
    graph = tf.Graph()
    with graph.as_default():
        x = v1.placeholder(tf.float32, [None, 8, 8, 3], name="x")
        for number in range(3):
            kernel = np.random.default_rng(number).random((3, 3, x.shape[-1], 64), np.float32)
            x = tf.nn.relu(tf.nn.conv2d(x, tf.constant(kernel), 1, "SAME"), name=f"r{number}")
    network = load(graph, image)

    def waiting():
        return [isinstance(weight._value, np.ndarray) for weight in network.runtime.frozen.weights.values()]

    assert all(isinstance(weight, LazyTensor) for weight in network.runtime.frozen.weights.values())
    assert waiting() == [True] * 3
    activations(network, None, "r1")
    assert waiting() == [False, False, True]
    activations(network, None, "r2")
    assert waiting() == [False] * 3


def trainable_session():
    """A session in which all kinds of training steps can run, for each kind of variable."""
    rng = np.random.default_rng(0)
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="x")
        kernels = [
            v1.get_variable(f"kernel{number}", initializer=rng.random((3, 3, 3, 64), np.float32), use_resource=resource)
            for number, resource in enumerate((True, False))
        ]
        maps = [tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME"), name=f"r{n}") for n, kernel in enumerate(kernels)]
        step = v1.train.MomentumOptimizer(0.1, 0.9).minimize(tf.add_n([tf.reduce_sum(part) for part in maps]))
        changes = [
            step,
            *[kernel.assign_add(kernel) for kernel in kernels],
            *[kernel.assign(-kernel) for kernel in kernels],
        ]
        session = v1.Session(graph=graph)
        session.run(v1.global_variables_initializer())
    return session, changes, image


def test_a_session_that_trains_on_or_closes_changes_nothing():
    session, changes, image = trainable_session()
    network = load(session, photo(8))
    wanted = [maps.values.copy() for maps in activations(load(session, photo(8)))]
    for change in changes:
        session.run(change, {image: photo(8)})
    session.close()
    del session
    gc.collect()
    for _ in range(2):
        for maps, values in zip(activations(network), wanted, strict=True):
            np.testing.assert_allclose(maps.values, values, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("cpu_policy")
def test_a_keras_model_that_trains_on_changes_nothing_and_shares_its_weights_before():
    model = keras_cnn()
    network, image = load(model, photo()), photo()
    shared = [
        np.shares_memory(np.asarray(weight), np.asarray(tf.convert_to_tensor(variable)))
        for weight in network.runtime.frozen.weights.values()
        for variable in model.variables
        if weight.shape == variable.shape
    ]
    assert any(shared)
    wanted = [maps.values.copy() for maps in activations(load(model, photo()))]
    fingerprint = load(model, photo()).fingerprint()
    model.compile(keras.optimizers.Adam(0.1), "mse")
    model.train_on_batch(image, np.zeros(model(image).shape))
    for variable in model.trainable_variables:
        variable.assign_add(tf.ones_like(variable))
        variable.assign(variable * 2)
    for _ in range(2):
        for maps, values in zip(activations(network), wanted, strict=True):
            np.testing.assert_allclose(maps.values, values, rtol=1e-5, atol=1e-5)
    assert network.fingerprint() == fingerprint != load(model, photo()).fingerprint()

"""The limit in bytes that holds for all networks of a process."""

import math

import numpy as np
import pytest
import tensorflow as tf
from networks import keras_cnn, photo

from cnnvis_widgets import activations, limit_memory, load
from cnnvis_widgets.caches import LRUCache
from cnnvis_widgets.engine.runtime import budget as budget_module
from cnnvis_widgets.engine.runtime.budget import BUDGET, MemoryBudget
from cnnvis_widgets.errors import OptionError


class Weights:
    def __init__(self, *tensors):
        self.tensors = list(tensors)

    def held(self):
        return self.tensors


def caches(budget: MemoryBudget, *units: int) -> list[LRUCache]:
    made = [LRUCache(after_put=budget.trim) for _ in units]
    for cache, unit in zip(made, units, strict=True):
        budget.watch(cache, unit)
    return made


def test_the_values_used_last_stay_in_whichever_cache_they_are(monkeypatch):
    freed = []
    monkeypatch.setattr(budget_module, "give_back", lambda: freed.append("freed"))
    budget = MemoryBudget(1000)
    functions, passes = caches(budget, 100, 1)
    for number in range(4):
        functions.put(number, number)
    passes.put("a", "a", 350)
    functions.get(0)
    assert (budget.used, freed) == (750, [])
    passes.put("b", "b", 400)
    assert (budget.used, list(functions), list(passes), freed) == (950, [3, 0], ["a", "b"], ["freed"])
    passes.put("c", "c", 150)
    assert (budget.used, list(functions), list(passes)) == (1000, [0], ["a", "b", "c"])


def test_weights_count_once_and_leave_less_for_the_rest():
    budget = MemoryBudget(2000)
    shared, own = tf.zeros([100]), tf.zeros([50])
    (functions,) = caches(budget, 100)
    for number in range(12):
        functions.put(number, number)
    one, other = Weights(shared), Weights(shared, own)
    budget.hold(one), budget.hold(other)
    assert budget.used == 1200 + 400 + 200
    budget.limit = 1200
    assert (budget.used, list(functions)) == (1200, [6, 7, 8, 9, 10, 11])
    budget.limit = 0
    assert list(functions) == [8, 9, 10, 11], "what a call compiled a moment before stays"
    del one, other
    assert budget.used == 400


def test_what_is_gone_no_longer_counts():
    budget = MemoryBudget(1000)
    functions, passes = caches(budget, 100, 1)
    functions.put(1, 1), passes.put(1, 1, 10)
    del passes
    assert budget.used == 100


def test_networks_are_within_the_limit_of_the_process():
    before = BUDGET.limit
    one, other = load(keras_cnn(), photo()), load(keras_cnn(), photo())
    layers = [layer.name for layer in one.layers]
    try:
        limit_memory(math.inf)
        for name in layers[:5]:
            _ = [activations(one, None, name) for _ in range(2)], [activations(other, None, name) for _ in range(2)]
        assert len(one.runtime.cache) == len(other.runtime.cache) == 5
        expected = activations(one, None, layers[0])[0].values
        limit_memory(0)
        assert len(one.runtime.cache) + len(other.runtime.cache) <= 4
        np.testing.assert_array_equal(activations(one, None, layers[0])[0].values, expected)
        assert len(one.runtime.cache) + len(other.runtime.cache) <= 4
    finally:
        limit_memory(before)


@pytest.mark.parametrize("most", [-1, math.nan, "1 GB", None, True])
def test_a_limit_is_a_number_of_bytes(most):
    with pytest.raises(OptionError, match=r"Expected most as a number of bytes, 0 or more\. Received: most="):
        limit_memory(most)

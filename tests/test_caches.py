"""The cache: it drops what was not used for longest, makes one value at a time, and frees what it drops."""

import doctest
import threading
import weakref

from cnnvis_widgets import caches
from cnnvis_widgets.caches import LRUCache


class Value:
    """Something that can be watched."""


def test_the_example_in_the_documentation_runs():
    [example] = [test for test in doctest.DocTestFinder().find(caches, "caches") if test.examples]
    assert doctest.DocTestRunner().run(example) == (0, 3)


def test_the_value_not_used_for_longest_is_dropped():
    cache, made = LRUCache(3), []
    for key in (1, 2, 3, 1, 4, 1, 2):  # 4 drives out 2, which then drives out 3
        cache.get_or_make(key, lambda key=key: made.append(key))
    assert made == [1, 2, 3, 4, 2]
    assert (list(cache), len(cache)) == ([4, 1, 2], 3)


def test_the_values_stay_within_the_limit_by_size():
    cache = LRUCache(100)
    cache.put("a", 1, 60)
    cache.put("b", 2, 40)
    assert (cache.get("a"), cache.size) == (1, 100)
    cache.put("c", 3, 40)
    assert [cache.get(key, "absent") for key in "abc"] == [1, "absent", 3]
    cache.put("a", 4, 61)
    assert (cache.values(), cache.size) == ([4], 61)


def test_a_value_larger_than_the_limit_drives_nothing_out():
    cache = LRUCache(100)
    cache.put("a", 1, 60)
    cache.put("d", 4, 101)
    assert list(cache) == ["a"]
    cache.put("a", 2, 101)
    assert list(cache) == [], "an earlier value of its key would be wrong"


def test_without_a_limit_everything_is_kept_until_it_is_cleared():
    drops = []
    cache = LRUCache(on_drop=lambda: drops.append("drop"))
    for key in range(1000):
        cache.put(key, key)
    assert (cache.size, cache.get(0)) == (1000, 0)
    cache.clear()
    assert (cache.size, drops) == (0, [])


def test_dropped_values_are_freed_before_on_drop_is_called():
    alive = []
    cache = LRUCache(2, on_drop=lambda: alive.append(watched()))
    watched = weakref.ref(cache.get_or_make("first", Value))
    cache.get_or_make("second", Value)
    assert watched() is not None
    cache.get_or_make("third", Value)
    assert alive == [None]


def test_uses_are_in_one_order_over_all_caches_and_the_oldest_can_be_dropped():
    puts = []
    one, other = LRUCache(after_put=lambda: puts.append("one")), LRUCache()
    one.put("a", 1, 5), other.put("b", 2), one.put("c", 3, 7)
    one.get("a")
    assert (puts, sorted([*one.last_uses(), *other.last_uses()])[0]) == (["one"] * 2, other.last_uses()[0])
    assert one.last_uses() == sorted(one.last_uses())
    one.drop_oldest()
    assert (list(one), one.size, len(one.last_uses())) == (["a"], 5, 1)
    other.drop_oldest(), other.drop_oldest()
    assert (list(other), other.size, other.last_uses()) == ([], 0, [])


def test_none_is_a_value_like_any_other():
    cache, made = LRUCache(), []
    for _ in range(2):
        assert cache.get_or_make("key", lambda: made.append("made")) is None
    assert made == ["made"]


def test_a_value_that_is_no_longer_valid_is_made_anew():
    cache = LRUCache()
    values = [cache.get_or_make("key", lambda number=number: number, valid=lambda n: n != 0) for number in range(3)]
    assert values == [0, 1, 1]


def test_a_value_can_be_made_while_another_is():
    cache = LRUCache(1)
    outer = cache.get_or_make("outer", lambda: (cache.get_or_make("inner", Value), Value()))
    assert list(cache) == ["outer"]
    assert cache.get_or_make("outer", Value) is outer


def test_a_value_is_returned_while_another_thread_makes_one():
    cache, begun, end = LRUCache(), threading.Event(), threading.Event()
    first = cache.get_or_make("first", Value)
    maker = threading.Thread(target=lambda: cache.get_or_make("second", lambda: begun.set() or end.wait(60)))
    maker.start()
    assert begun.wait(60)
    values = []
    reader = threading.Thread(target=lambda: values.append(cache.get_or_make("first", Value)))
    reader.start()
    reader.join(60)
    end.set()
    maker.join(60)
    assert values == [first]


def test_two_threads_that_ask_for_a_value_get_the_same():
    cache, go = LRUCache(), threading.Barrier(8)
    values = []

    def ask():
        go.wait(60)
        values.append(cache.get_or_make("key", Value))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(values) == 8
    assert len(set(map(id, values))) == 1

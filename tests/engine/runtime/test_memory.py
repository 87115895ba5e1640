"""Memory that was freed goes back to the system: soon after work, and at the ends of all heaps."""

import subprocess
import sys
import threading

import pytest
import tensorflow as tf

from cnnvis_widgets.engine.runtime import memory
from cnnvis_widgets.engine.tensorflow_internals import computes_with_onednn
from cnnvis_widgets.widgets.jobs import jobs


@pytest.fixture
def options(monkeypatch):
    """What glibc is told, as (number of the option, bytes)."""
    told = []
    monkeypatch.setattr(memory, "_of_glibc", lambda name: lambda *option: told.append(option))
    monkeypatch.setattr(memory, "_HEAP_ENDS", memory._HeapEnds())
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    return told


SMALL, USUAL = [(-3, 2**25), (-1, 2**23)], [(-3, 2**25), (-1, 2**26)]


def test_heap_ends_are_small_until_the_last_who_asked_lets_go(options):
    first = memory.keep_heap_ends_small()
    second = memory.keep_heap_ends_small()
    assert options == SMALL, "once"
    first()
    first()
    assert options == SMALL, "the second is still there"
    second()
    assert options == SMALL + USUAL
    third = memory.keep_heap_ends_small()
    assert options == SMALL + USUAL + SMALL
    third()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MALLOC_TRIM_THRESHOLD_", "131072"),
        ("MALLOC_MMAP_THRESHOLD_", "131072"),
        ("GLIBC_TUNABLES", "glibc.malloc.arena_max=2:glibc.malloc.trim_threshold=131072"),
    ],
)
def test_what_the_environment_sets_stays(options, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    memory.keep_heap_ends_small()()
    assert options == []


def test_another_c_library_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    memory._of_glibc.cache_clear()
    memory.keep_heap_ends_small()()
    memory.give_back()
    assert memory._of_glibc("mallopt") is None
    memory._of_glibc.cache_clear()


ENDS = """
import ctypes, threading
from cnnvis_widgets.engine.runtime import memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]

def work():
    block = libc.malloc(2**24 + 2**23)
    ctypes.memset(block, 1, 2**24 + 2**23)
    libc.free(block)
    begun.wait()
    ended.wait()

if asked:
    release = memory.keep_heap_ends_small()
if asked == "and released":
    release()
libc.free(libc.malloc(2**25 - 2**13))  # from now on, blocks as large are part of a heap, and its end is kept
before = resident()
begun, ended = threading.Barrier(5), threading.Event()
for _ in range(4):
    threading.Thread(target=work).start()
begun.wait()
memory.give_back()
print(round(resident() - before))
ended.set()
"""


@pytest.mark.skipif(memory._of_glibc("mallopt") is None, reason="another C library than glibc")
def test_the_ends_of_all_heaps_are_given_back():
    def kept(asked):
        code = f"asked = {asked!r}\n{ENDS}"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return int(ran.stdout)

    assert kept("") > 60, "four heaps of 24 MB"
    assert kept("asked") < 20
    assert kept("and released") > 60


COME_AND_GO = """
import ctypes, gc, itertools, statistics
from cnnvis_widgets import demo, dream, load, parameterizations, reconstruct

class Counts(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

counts = ctypes.CDLL(None).mallinfo2
counts.restype = Counts

def in_use():
    gc.collect()
    now = counts()
    return (now.uordblks + now.hblkhd) / 2**20

def once():
    network = load(demo.small_cnn())
    images = demo.digits().test_images[:1]
    layer = network.layers[4].name
    for rule in ("gradient", "guided"):
        reconstruct(network, images, layer, channels=[0], rule=rule)
    for parameterization in (None, parameterizations.fourier()):
        list(dream(network, images, layer, 0, steps=2, octaves=1, parameterization=parameterization))

levels = []
for _ in range(10):
    once()
    levels.append(in_use())
print(statistics.median(after - before for before, after in itertools.pairwise(levels[1:])))
"""


@pytest.mark.skipif(memory._of_glibc("mallinfo2") is None, reason="a C library that does not count what is in use")
def test_networks_that_come_and_go_leave_nothing():
    """Of each, 2 MiB stayed for good, outside Python: functions, and the graphs of dreams."""
    ran = subprocess.run([sys.executable, "-c", COME_AND_GO], capture_output=True, text=True, check=True)
    assert float(ran.stdout) < 0.1, "of one network; tables of Python and TensorFlow grow now and then, by 3 MiB"


def test_memory_is_given_back_once_for_all_who_ask(monkeypatch):
    swept, given = [], threading.Event()
    monkeypatch.setattr(memory, "give_back", lambda: (swept.append(threading.current_thread()), given.set()))
    sweeper = memory.Sweeper(pause=0.2)
    for _ in range(5):
        sweeper.soon()
    assert given.wait(10)
    given.clear()
    assert not given.wait(0.5)
    assert len(swept) == 1
    assert swept[0] is not threading.current_thread()
    sweeper.soon()
    assert given.wait(10)
    assert len(swept) == 2, "and again for those who ask later"


@pytest.mark.parametrize("replaced", [False, True])
def test_memory_is_given_back_after_a_job(monkeypatch, replaced):
    asked = []
    monkeypatch.setattr(jobs._SWEEPER, "soon", lambda: asked.append(True))
    job = jobs.Job(lambda: (each for each in range(3)))
    if replaced:
        job.cancel()
    job.run()
    assert asked == [True]


def test_what_tensorflow_keeps_is_counted(monkeypatch):
    def info(device):
        assert device == "CPU:0"
        return {"current": 2_000, "peak": 9_000}

    monkeypatch.setattr(memory.tf.config.experimental, "get_memory_info", info)
    assert memory.kept_by_tensorflow() == 7_000


def test_without_a_pool_nothing_is_kept():
    kept = memory.kept_by_tensorflow()
    assert kept >= 0
    if not computes_with_onednn():
        assert kept == 0
        return
    most = tf.ones(2**25)  # 128 MB, in the pool
    del most
    assert memory.kept_by_tensorflow() >= 2**26

"""An interrupt ends a call at once, and what was called can be called again."""

import _thread
import gc
import os
import subprocess
import sys
import threading
import time
import weakref

import pytest

from cnnvis_widgets.engine.runtime import interrupts
from cnnvis_widgets.engine.runtime.interrupts import interruptible

SECONDS = 10  # on a busy machine; alone, it is a tenth of one


@pytest.fixture
def interrupted():
    """Send Ctrl-C to this process after a while; returns how long a call took that it ended."""

    def run(call, after=1.0):
        timer = threading.Timer(after, _thread.interrupt_main)
        timer.start()
        start = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            call()
        timer.join()
        return time.perf_counter() - start - after

    return run


ENDLESS = """
import _thread, os, threading, time
import numpy as np, tensorflow as tf
from cnnvis_widgets import activations, load
v1, graph = tf.compat.v1, tf.Graph()
with graph.as_default():
    image = v1.placeholder(tf.float32, [None, 8, 8, 3], "image")
    maps = tf.nn.relu(tf.nn.conv2d(image, np.ones((3, 3, 3, 2), np.float32), 1, "SAME"), name="maps")
    tf.nn.relu(tf.while_loop(lambda value: tf.reduce_max(value) > 1, lambda value: [value + 0], [maps])[0], name="last")
network = load(graph)
dark, bright = ({"image:0": np.full((1, 8, 8, 3), value, np.float32)} for value in (0.01, 1))
assert activations(network, dark, "last")[0].values.max() < 1
threading.Timer(1, _thread.interrupt_main).start()
start = time.perf_counter()
try:
    activations(network, bright, "last")
except KeyboardInterrupt:
    print(time.perf_counter() - start - 1)
assert activations(network, dark, "last")[0].values.max() < 1  # the same compiled function
assert activations(network, bright, "maps")[0].values.max() == 27
print("goes on", flush=True)
os._exit(0)  # the loop would go on
"""


def test_an_interrupt_ends_an_endless_loop_of_a_model():
    done = subprocess.run([sys.executable, "-c", ENDLESS], capture_output=True, text=True, timeout=300)
    seconds, last = done.stdout.splitlines()
    assert last == "goes on"
    assert float(seconds) < SECONDS


def test_results_errors_and_threads():
    assert interruptible(lambda: [1, 2]) == [1, 2]
    with pytest.raises(ZeroDivisionError) as caught:
        interruptible(lambda: 1 / 0)
    assert "<lambda>" in [frame.name for frame in caught.traceback]
    here = threading.get_ident()
    assert interruptible(threading.get_ident) != here
    assert interruptible(threading.get_ident) == interruptible(threading.get_ident)  # no new thread for each call
    inner = []
    thread = threading.Thread(target=lambda: inner.append(interruptible(threading.get_ident) == threading.get_ident()))
    thread.start()
    thread.join()
    assert inner == [True]


def test_a_call_within_a_call():
    assert interruptible(lambda: interruptible(lambda: 5)) == 5


def test_nothing_is_held_after_a_call():
    class Thing:
        pass

    thing = Thing()
    seen = weakref.ref(thing)
    assert interruptible(lambda thing=thing: thing is not None)
    with pytest.raises(ValueError, match="held"):
        interruptible(lambda thing=thing: (_ for _ in ()).throw(ValueError(f"held {thing}")))
    del thing
    gc.collect()
    assert seen() is None


def test_an_interrupted_wait_leaves_no_idle_worker_behind(interrupted):
    ready = threading.Event()
    interruptible(lambda: None)
    before = len(interrupts._idle)
    assert interrupted(lambda: interruptible(lambda: ready.wait(30)), after=0.3) < SECONDS
    assert len(interrupts._idle) == before - 1
    ready.set()
    assert interruptible(lambda: 7) == 7


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
def test_a_forked_process_has_workers_of_its_own():
    interruptible(lambda: None)
    assert interrupts._idle
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, b"%d" % len(interrupts._idle))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 9) == b"0"

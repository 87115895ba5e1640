"""What a part does, in a process of its own that prints figures: ``python -m benchmarks.load.parts PART SECONDS``."""

from __future__ import annotations

import gc
import json
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CHANGES = 10_000
EXPLORERS = 30
PATIENCE = 300  # seconds until a picture must be there


def resident() -> float:
    """MiB that this process has in memory now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


class Watch:
    """Counts threads ten times a second, and takes the memory every few seconds."""

    def __init__(self, every: float = 2.0) -> None:
        self.threads, self.memory = 0, [(0.0, resident())]
        self._every, self._begun, self._end = every, time.monotonic(), threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._end.wait(0.1):
            self.threads = max(self.threads, threading.active_count())
            now = time.monotonic() - self._begun
            if now - self.memory[-1][0] >= self._every:
                self.memory.append((now, resident()))

    def stop(self) -> None:
        """Look no more."""
        self._end.set()
        self._thread.join()


def opened(**options: Any) -> Any:
    """Open an explorer of the small network, over a photograph, without logs."""
    from cnnvis_widgets import ModelExplorer, demo

    return ModelExplorer(demo.small_cnn(), demo.digits().test_images[:2], logdir=None, **options)


def change(explorer: Any, rng: random.Random) -> None:
    """Move one control of the explorer as somebody in a hurry does."""
    state = explorer.state
    what = rng.randrange(5)
    if what == 0:
        state.layer = rng.choice([layer.name for layer in explorer.network.layers])
    elif what == 1:
        state.channel = rng.randrange(4)
    elif what == 2:
        state.image = rng.randrange(len(state.images))
    elif what == 3:
        state.method = rng.choice(("activations", "deconvolution", "occlusion", "attribution"))
    else:
        state.rule = rng.choice(("deconvnet", "guided", "gradient"))


def flood(seconds: float) -> dict[str, Any]:
    """Make 10,000 changes within a time, evenly, and wait for the last picture."""
    explorer, rng, watch = opened(), random.Random(0), Watch()
    explorer.wait(PATIENCE)
    before, begun = threading.active_count(), time.monotonic()
    late = 0.0
    for number in range(CHANGES):
        change(explorer, rng)
        ahead = begun + number * seconds / CHANGES - time.monotonic()
        late = max(late, -ahead)
        time.sleep(max(ahead, 0))
    sent = time.monotonic() - begun
    explorer.state.method = "activations"
    result = explorer.wait(PATIENCE)
    watch.stop()
    threads_after = _settled(before)
    return {
        "changes": CHANGES,
        "seconds to send": round(sent, 1),
        "most threads": watch.threads,
        "threads before and after": [before, threads_after],
        "MiB before and after": [round(watch.memory[0][1]), round(resident())],
        "last picture": type(result).__name__,
        "error": explorer.state.error,
    }


def _settled(wanted: int) -> int:
    """Return how many threads there are, once there are as few as wanted, or after a while."""
    until = time.monotonic() + 30
    while threading.active_count() > wanted and time.monotonic() < until:
        time.sleep(0.1)
    return threading.active_count()


def explorers(_: float) -> dict[str, Any]:
    """Open 30 explorers in one process, each with a network of its own, and close them again."""
    import tensorflow  # noqa: F401  its import is no part of the first picture

    from cnnvis_widgets import demo

    demo.digits()
    memory, waits, kept = [resident()], [], []
    for _number in range(EXPLORERS):
        begun = time.monotonic()
        kept.append(opened())
        kept[-1].wait(PATIENCE)
        waits.append(time.monotonic() - begun)
        memory.append(resident())
    most_threads = threading.active_count()
    for explorer in kept:
        explorer.close()
    del explorer
    kept.clear()
    gc.collect()
    ordered = sorted(waits)
    return {
        "explorers": EXPLORERS,
        "seconds to the first picture: first, median, last": [
            round(value, 2) for value in (waits[0], ordered[len(ordered) // 2], waits[-1])
        ],
        "MiB: before, with one, with all, when closed": [
            round(value) for value in (memory[0], memory[1], memory[-1], resident())
        ],
        "threads": most_threads,
    }


def soak(seconds: float) -> dict[str, Any]:
    """Work with an explorer: changes, dreams, new images, saved states; a new explorer every minute."""
    from cnnvis_widgets import demo

    rng, watch = random.Random(0), None
    begun, done, errors = time.monotonic(), 0, set[str]()
    warm = begun + min(60.0, seconds / 4)
    with TemporaryDirectory() as folder:
        while time.monotonic() < begun + seconds:
            explorer, until = opened(outdir=Path(folder) / "Output"), time.monotonic() + min(60.0, seconds / 10)
            while time.monotonic() < until:
                for _number in range(rng.randrange(1, 20)):
                    change(explorer, rng)
                    done += 1
                if rng.random() < 0.1:
                    explorer.add_image(demo.digits().test_images[done % 300])
                if rng.random() < 0.2:
                    explorer.state.method = "deep dream"
                    explorer.start()
                    time.sleep(rng.random())
                    explorer.stop()
                if rng.random() < 0.1:
                    explorer.load_state(explorer.save_state(Path(folder) / "state.json"))
                explorer.wait(PATIENCE)
                errors.add(explorer.state.error)
                if watch is None and time.monotonic() > warm:
                    watch = Watch()
            explorer.close()
    assert watch is not None
    watch.stop()
    values = [value for _, value in watch.memory]
    quarter = max(len(values) // 4, 1)
    return {
        "minutes": round((time.monotonic() - begun) / 60, 1),
        "changes": done,
        "MiB: median of the first and the last quarter, largest": [
            round(sorted(part)[len(part) // 2]) for part in (values[:quarter], values[-quarter:])
        ]
        + [round(max(values))],
        "most threads": watch.threads,
        "errors": sorted(errors - {""}),
    }


PARTS: Mapping[str, Callable[[float], dict[str, Any]]] = {"flood": flood, "explorers": explorers, "soak": soak}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(PARTS[sys.argv[1]](float(sys.argv[2]))))

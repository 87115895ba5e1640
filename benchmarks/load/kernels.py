"""Parts with real kernels: several at once, and a client that reads nothing for a while."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

KERNELS = 8
PATIENCE = 600

OPENS = """
import os, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from cnnvis_widgets import ModelExplorer, demo
explorer = ModelExplorer(demo.small_cnn(), demo.digits().test_images[:2], logdir=None)
assert explorer.wait(300) is not None
print("first picture", flush=True)
"""
DREAMS = """
explorer.state.method = "deep dream"
explorer.start()
end = time.time() + {seconds}
while time.time() < end:
    if not explorer.state.running:
        explorer.start()
    time.sleep(0.2)
explorer.stop()
explorer.state.method = "activations"
explorer.state.layer = explorer.network.layers[0].name
assert explorer.wait(60) is not None
print("goes on", flush=True)
"""


def memory_of(manager: KernelManager, name: str = "VmRSS") -> float:
    """MiB that a kernel has in memory; ``VmHWM`` for the most that it ever had."""
    assert manager.provisioner is not None
    lines = Path(f"/proc/{manager.provisioner.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def kernels(_: float) -> dict[str, Any]:
    """Start eight kernels at once, and open an explorer in each."""
    begun, waits, managers, clients = time.monotonic(), [], [], []
    try:
        for _number in range(KERNELS):
            managers.append(KernelManager())
            managers[-1].start_kernel()
        for manager in managers:
            clients.append(manager.blocking_client())
            clients[-1].start_channels()
            clients[-1].wait_for_ready(timeout=PATIENCE)
            clients[-1].execute(OPENS)
        for client in clients:
            _await(client, "first picture")
            waits.append(time.monotonic() - begun)
        memory = [memory_of(manager) for manager in managers]
    finally:
        _end(managers, clients)
    return {
        "kernels": KERNELS,
        "seconds until the first and the last has its picture, from nothing": [round(waits[0]), round(waits[-1])],
        "MiB of a kernel: smallest, largest, all": [round(min(memory)), round(max(memory)), round(sum(memory))],
    }


def slow_client(seconds: float) -> dict[str, Any]:
    """Dream while the client reads nothing, then read on: the kernel keeps no pile of pictures."""
    manager = KernelManager()
    manager.start_kernel()
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        client.execute(OPENS)
        _await(client, "first picture")
        memory = [memory_of(manager)]
        client.execute(DREAMS.format(seconds=seconds))
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(1)
            memory.append(memory_of(manager))
        _await(client, "goes on")
        half = memory[len(memory) // 2]
        after = memory_of(manager)
    finally:
        _end([manager], [client])
    return {
        "seconds without reading": seconds,
        "MiB of the kernel: before, half way, at the end, after reading": [
            round(value) for value in (memory[0], half, memory[-1], after)
        ],
    }


def _await(client: Any, words: str) -> None:
    """Read messages until a kernel has printed some words.

    Raises:
        RuntimeError: it reported an error.
    """
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        message = client.get_iopub_msg(timeout=PATIENCE)
        content = message["content"]
        if message["msg_type"] == "error":
            raise RuntimeError("\n".join(content["traceback"]))
        if message["msg_type"] == "stream" and words in content["text"]:
            return
    raise RuntimeError(f"Expected {words!r}. Received: nothing for {PATIENCE} s.")


def _end(managers: list[KernelManager], clients: list[Any]) -> None:
    for client in clients:
        client.stop_channels()
    for manager in managers:
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    import sys

    print(json.dumps({"kernels": kernels, "slow_client": slow_client}[sys.argv[1]](float(sys.argv[2]))))

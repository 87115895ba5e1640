"""What depends on the kind of device that computes: ways that pay, or are needed, on one and not on another.

It lies below all rooms of the engine. The policy for a GPU was chosen by measurements on one, an NVIDIA H200:
``python -m benchmarks.engine.gpu`` repeats them, with single fields turned. See ``docs/design/0029-devices.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import tensorflow as tf

from .tensorflow_internals import computes_with_onednn


@dataclass(frozen=True)
class DevicePolicy:
    """Which ways of computing are taken.

    Attributes:
        name: of the kind of device.
        fast_pullbacks: signals of many seeds share one forward pass. Otherwise they are those of TensorFlow's own
            gradient, with a forward pass for each seed.
        bfloat16: precision 'auto' may take bfloat16, if a measurement says so. Otherwise it is that of the network.
        channels_last: ops that keep their channels first run between two transposes. A CPU has no kernels for them,
            and pullbacks know them only so.
        shares_weights: weights are tensors in the memory of arrays.
        takes_over_results: arrays take over the memory of results, instead of a copy.
        grouped_gradients: there are gradient kernels for groups and dilations.
        optimises_memory: TensorFlow's optimiser places what it computes in a quick start, too.
    """

    name: str
    fast_pullbacks: bool
    bfloat16: bool
    channels_last: bool
    shares_weights: bool
    takes_over_results: bool
    grouped_gradients: bool
    optimises_memory: bool


def cpu() -> DevicePolicy:
    """The policy for a CPU. Its gradient kernels for groups are those of oneDNN."""
    return DevicePolicy("CPU", True, True, True, True, True, computes_with_onednn(), False)


def gpu() -> DevicePolicy:
    """The policy for a GPU: that of a CPU, but for its numbers, the place of weights, and what it has kernels for."""
    return DevicePolicy("GPU", True, False, True, False, True, True, True)


_ASSUMED: ContextVar[DevicePolicy | None] = ContextVar("assumed", default=None)


def device_policy() -> DevicePolicy:
    """The policy in force: that of a GPU if TensorFlow sees one, else that of a CPU.

    Whoever wants the CPU on a machine with a GPU hides it: ``tf.config.set_visible_devices([], "GPU")``.
    """
    return _ASSUMED.get() or (gpu() if tf.config.list_logical_devices("GPU") else cpu())


@contextmanager
def assumed(policy: DevicePolicy) -> Iterator[None]:
    """Compute under a policy within this context, whatever the machine has. Load networks within it, too."""
    token = _ASSUMED.set(policy)
    try:
        yield
    finally:
        _ASSUMED.reset(token)

"""A network on its way to the workers of a cluster. Importing this module needs Dask."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from distributed import Worker, WorkerPlugin

from ..engine.network.labelled_images import LabelledImage
from ..engine.network.network import Network
from ..engine.runtime.threads import limit_threads
from ..results import Unread
from .decoding import constant_feeds
from .plan import Plan
from .summaries import summarised
from .tables import partition_files

Answer = tuple[Mapping[str, bytes], tuple[Unread, ...]]
"""The files of a partition, and the images that could not be read."""

_CARRIED: dict[str, CarriedNetwork] = {}
"""The networks that have come to this process."""


class CarriedNetwork(WorkerPlugin):
    """A network that each worker of a cluster gets once, also those that start later.

    Args:
        network: the network. Its images are left behind.
    """

    idempotent = True

    def __init__(self, network: Network) -> None:
        self._data = network.to_bytes()
        self._constant = constant_feeds(network)
        self._preprocess = network.preprocess
        self._sender = os.getpid()
        self.name = f"cnnvis-network-{sha256(self._data).hexdigest()[:16]}-{os.getpid()}-{id(self)}"

    def setup(self, worker: Worker) -> None:
        """Receive the network in the process of a worker. Dask calls this."""
        self._lock = threading.Lock()
        self._network: Network | None = None
        if os.getpid() != self._sender:  # the threads of the user's own process are the user's to set
            limit_threads(worker.state.nthreads)
        _CARRIED.setdefault(self.name, self)

    def teardown(self, worker: Worker) -> None:
        """Forget the network. Dask calls this."""
        _CARRIED.pop(self.name, None)

    def answer(self, plan: Plan, number: int, images: Sequence[LabelledImage]) -> Answer:
        """Survey one partition. A process computes one at a time, which bounds its memory."""
        with self._lock:
            if self._network is None:
                self._network = Network.from_bytes(
                    self._data, self._constant or None, preprocess=self._preprocess, trusted=True
                )
            part = next(summarised(self._network, plan.layers, [(number, images)], batch=plan.batch, top=plan.top))
        return partition_files(plan.layers, part), part.unread

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_lock", "_network")}


def answer(name: str, plan: Plan, number: int, images: Sequence[LabelledImage]) -> tuple[int, int, Answer]:
    """Survey one partition on a worker that has received the network; returns its number and how many images it has."""
    return number, len(images), _CARRIED[name].answer(plan, number, images)

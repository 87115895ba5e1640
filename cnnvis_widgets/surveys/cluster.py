"""Surveys on Dask: the network travels to each worker once, partitions travel as tasks, and their tables come back.

The client writes all files. So workers need no disk in common with it, only the images: files under the same paths, or
arrays, which travel with the tasks. Dask repeats the partitions of a worker that dies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..engine.network.network import Network
from ..errors import OptionError
from ..extras import needed
from .index import Index, Written
from .summaries import NumberedImages

if TYPE_CHECKING:
    from distributed import Client, Future

_PER_WORKER = 2
"""Partitions that a worker has at a time: one that it computes, and one that waits for it."""


@contextmanager
def connected(client: Any) -> Iterator[Client | None]:
    """Connect to a scheduler.

    Args:
        client: a ``distributed.Client``, which stays open; the address of a scheduler; or ``None``.

    Raises:
        OptionError: it is none of these.
        MissingPackageError: Dask is not installed.
    """
    if client is None:
        yield None
        return
    Client = needed("distributed").Client  # noqa: N806 (a class)
    if isinstance(client, Client):
        yield client
    elif isinstance(client, str):
        with Client(client) as own:
            yield own
    else:
        raise OptionError(f"Expected a distributed.Client or the address of a scheduler. Received: client={client!r}.")


def on_cluster(
    client: Client, network: Network, index: Index, partitions: Iterable[NumberedImages]
) -> Iterator[Written]:
    """Survey partitions on a cluster, and write each when it comes back.

    Args:
        client: of the cluster.
        network: the network.
        index: where to write.
        partitions: read as workers become free, so that not all are in memory.

    Yields:
        What was written, in the order in which it comes back.
    """
    from distributed import as_completed

    from .carried_network import CarriedNetwork

    carried = CarriedNetwork(network)
    client.register_plugin(carried)
    tasks = _submitted(client, carried.name, index, partitions)
    room = _PER_WORKER * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
    running = as_completed(islice(tasks, room))
    try:
        for future in running:
            number, count, (files, unread) = future.result()
            index.write(number, files)
            running.update(islice(tasks, 1))
            yield Written(count, unread)
    finally:
        client.cancel(list(running.futures))
        client.unregister_worker_plugin(carried.name)


def _submitted(client: Client, name: str, index: Index, partitions: Iterable[NumberedImages]) -> Iterator[Future]:
    """Submit one partition after the other, as far as the caller asks for them."""
    import dask

    from .carried_network import answer

    for number, images in partitions:
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GiB"}):  # arrays travel along
            yield client.submit(answer, name, index.plan, number, images, pure=False)

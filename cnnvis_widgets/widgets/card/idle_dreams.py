"""Small dreams of channels, made when nothing else runs, and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from ...engine.dreaming.dream import dream_with
from ...engine.dreaming.options import DreamOptions
from ...engine.network.loading import load
from ...errors import CnnvisError
from ...results import DreamStep
from ..jobs import jobs
from ..jobs.computations import RESULTS
from ..state.fed_images import FedLayer

PATIENCE = 0.8
"""Seconds without any work until a dream begins: whoever walks through channels shall not wait for dreams."""

SMALL = 96
"""Height and width of a dream, where the network's input has at least as many pixels."""


@dataclass(frozen=True, eq=False)
class KeptDream:
    """The dream of a channel.

    Attributes:
        step: the newest one; ``None`` if no dream is possible.
        start: 'noise' or 'the photo'.
        reason: why there is none.
    """

    step: DreamStep | None
    start: str = ""
    reason: str = ""


def kept_dream(fed_layer: FedLayer, channel: int) -> KeptDream | None:
    """The finished dream of a channel, or ``None``. One from noise is the same for all images."""
    network, _, key, layer = fed_layer
    found: KeptDream | None = RESULTS.get((network, layer, channel, "small dream"))
    return found or RESULTS.get((network, key, layer, channel, "small dream"))


def small_dream(fed_layer: FedLayer, channel: int) -> Generator[KeptDream, None, None]:
    """Dream of a channel: from noise, and from the photo where no gradient arrives at noise."""
    network, _, key, layer = fed_layer
    reason = ""
    for start, options in _ways(fed_layer):
        try:
            for kept in _dreamt(fed_layer, channel, start, options):
                yield kept
        except CnnvisError as error:
            reason = reason or str(error)
            continue
        about: tuple[Any, ...] = (network, layer, channel) if start == "noise" else (network, key, layer, channel)
        _keep(about, kept)
        return
    kept = KeptDream(None, reason=f"No dream of this channel: {reason}")
    _keep((network, key, layer, channel), kept)
    yield kept


def _keep(about: tuple[Any, ...], kept: KeptDream) -> None:
    RESULTS.put((*about, "small dream"), kept, 1000 if kept.step is None else kept.step.images.nbytes)


def _ways(fed_layer: FedLayer) -> list[tuple[str, DreamOptions]]:
    """The starts to try, one after the other."""
    sizes = fed_layer.network.images(fed_layer.feed).shape[1:-1]
    small: dict[str, Any] = {"size": (SMALL, SMALL)} if len(sizes) == 2 and min(sizes) >= SMALL else {}
    noise: dict[str, Any] = {"octaves": 2, "steps": 24}
    ways = [("noise", DreamOptions(**noise, **small))]
    if small:  # a network that needs its own size
        ways.append(("noise", DreamOptions(**noise)))
    return [*ways, ("the photo", DreamOptions(start="feed", octaves=2, steps=8))]


def _dreamt(fed_layer: FedLayer, channel: int, start: str, options: DreamOptions) -> Iterator[KeptDream]:
    network = load(fed_layer.network, fed_layer.feed)
    for step in dream_with(network, fed_layer.layer, channel, options):
        yield KeptDream(step, start)


class IdleDreams:
    """Begins the dream of the newest channel a moment after everything else has ended.

    Args:
        show: ``show(fed_layer, channel, dream)`` draws a step, in the work's thread.
        is_busy: whether other work runs; the dream ends then, and begins anew later.
    """

    def __init__(self, show: Callable[[FedLayer, int, KeptDream], None], is_busy: Callable[[], bool]) -> None:
        self._show, self._is_busy, self._slot = show, is_busy, jobs.new_slot()
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def wish(self, fed_layer: FedLayer, channel: int) -> None:
        """Dream of a channel when nothing else runs. An earlier wish is dropped."""
        kept = kept_dream(fed_layer, channel)
        if kept is not None:
            self.stop()
            self._show(fed_layer, channel, kept)
            return
        self._after_a_while(lambda: self._begin(fed_layer, channel))

    def stop(self) -> None:
        """Drop the wish, and end the running dream."""
        self._after_a_while(None)

    def _after_a_while(self, act: Callable[[], None] | None) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
            self._slot.stop(0)
            if act is not None:
                self._timer = threading.Timer(PATIENCE, act)
                self._timer.daemon = True
                self._timer.start()

    def _begin(self, fed_layer: FedLayer, channel: int) -> None:
        if self._is_busy():
            self.wish(fed_layer, channel)
            return

        def steps() -> Generator[KeptDream, None, None]:
            for kept in small_dream(fed_layer, channel):
                yield kept
                if self._is_busy():
                    self.wish(fed_layer, channel)
                    return

        job = jobs.Job(steps, show=lambda kept, final: self._show(fed_layer, channel, kept), pacer=jobs.Pacer(4.0))
        self._slot.start(job)

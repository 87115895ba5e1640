"""What a survey computes and how it cuts the data set: two runs with the same plan give the same index."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..engine.network.network import Network
from ..errors import OutputError
from ..results import Layer

FORMAT = 1
"""The number of the format of the files; it changes when older files can no longer be read."""


@dataclass(frozen=True)
class Plan:
    """The settings of a survey.

    Attributes:
        layers: that are surveyed; the last one is that of the class scores, if the network has such a layer.
        scores: the name of that layer, or ''.
        class_names: of the scores; empty where they have no names.
        network: the fingerprint of the network.
        preprocess: the name of its preprocessing function, or ''.
        top: how many images are kept for each channel.
        batch: how many images run together.
        partition: how many images are written together.
    """

    layers: tuple[Layer, ...]
    scores: str
    class_names: tuple[str, ...]
    network: str
    preprocess: str
    top: int
    batch: int
    partition: int

    @classmethod
    def of(
        cls, network: Network, layers: str | Layer | Iterable[str | Layer], *, top: int, batch: int, partition: int
    ) -> Plan:
        """Plan a survey.

        Raises:
            LayerError: no such layer.
        """
        chosen = network.select(layers)
        scores = network.logits
        wanted = scores is not None and not scores.spatial_shape
        if scores is not None and wanted:
            chosen = (*(layer for layer in chosen if layer.tensor != scores.tensor), scores)
        names = network.class_names or () if wanted else ()
        function = network.preprocess
        preprocess = "" if function is None else getattr(function, "__qualname__", type(function).__qualname__)
        name = scores.name if scores is not None and wanted else ""
        return cls(chosen, name, tuple(names), network.fingerprint(), preprocess, top, batch, partition)

    def to_json(self) -> str:
        """Write the plan as text."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, name: str) -> Plan:
        """Read a plan.

        Args:
            text: what ``to_json`` wrote.
            name: what messages call the file.

        Raises:
            OutputError: it is no plan, or one of another format.
        """
        try:
            values = json.loads(text)
            if values.pop("format") != FORMAT:
                raise ValueError("it has another format")
            layers = tuple(_layer(each) for each in values.pop("layers"))
            if not layers:
                raise ValueError("it names no layers")
            return cls(layers=layers, class_names=tuple(values.pop("class_names")), **values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OutputError(
                f"Expected the settings of a survey. Received: {name}, which cannot be read: {error}. "
                "Give another folder, or survey the images again."
            ) from error

    def differences(self, other: Plan) -> list[str]:
        """Name the settings in which two plans differ."""
        return [each.name for each in fields(self) if getattr(self, each.name) != getattr(other, each.name)]


def _layer(values: Mapping[str, Any]) -> Layer:
    return Layer(**{**values, "shape": tuple(values["shape"])})

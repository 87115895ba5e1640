"""Surveys as Parquet tables, which pandas, DuckDB, Spark and others read.

================== ==================================================================================================
``images``          a row for each image: ``key``, ``label``, and for each layer a list with the largest activation of
                    every channel
``strongest``       a row for each layer, channel and rank: ``key``, ``value`` and ``unit``, the place of the value
``channels``        a row for each layer and channel: in how many of the ``images`` it ``fired``, and ``total``,
                    ``squares``, ``lowest`` and ``highest`` of its largest activations
``unread``          a row for each image that could not be read: ``key`` and ``reason``
================== ==================================================================================================

The bytes depend on the values alone, so equal surveys have equal files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import wraps
from math import prod
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import CnnvisError, OutputError, described
from ..results import Layer, Unread
from ..spare_memory import spare_memory
from .ranking import NOTHING, Ranking, ordered_keys
from .summaries import Counts, LayerSummary, Partition, Summary

IMAGES, STRONGEST, CHANNELS, UNREAD = (f"{name}.parquet" for name in ("images", "strongest", "channels", "unread"))
_TEXTS = ["key", "label", "layer", "reason"]


_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def _of_whole_files(
    read: Callable[Concatenate[Path, _Parameters], _Result],
) -> Callable[Concatenate[Path, _Parameters], _Result]:
    """Let a reader raise an OutputError in place of what damaged tables make pyarrow and NumPy raise."""

    @wraps(read)
    def wrapped(folder: Path, *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return read(folder, *args, **kwargs)
        except CnnvisError:
            raise
        except Exception as error:
            raise OutputError(
                f"Expected the tables of a survey. Received: {str(folder)!r}, where {described(error)[:300]}. "
                "Survey the images again: resume=False."
            ) from error

    return wrapped


def _table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a table, after a look at its size: a few bytes can stand for billions of equal rows."""
    metadata = pq.read_metadata(path)
    size = 8 * metadata.num_rows * metadata.num_columns
    if size > spare_memory():
        raise OutputError(
            f"Expected a table that fits into memory. Received: {str(path)!r} with {metadata.num_rows:,} rows."
        )
    return pq.read_table(path, columns=columns)


def partition_files(layers: Sequence[Layer], partition: Partition) -> dict[str, bytes]:
    """Encode a partition as the contents of files by their names."""
    maxima = {layer.name: _lists(values) for layer, values in zip(layers, partition.maxima, strict=True)}
    texts = {"key": _texts(partition.keys), "label": _texts(partition.labels)}
    unread = {name: _texts([getattr(image, name) for image in partition.unread]) for name in ("key", "reason")}
    return {
        IMAGES: _encoded(pa.table(texts | maxima)),
        UNREAD: _encoded(pa.table(unread)),
        **summary_files(layers, partition.summary),
    }


def summary_files(layers: Sequence[Layer], summary: Summary) -> dict[str, bytes]:
    """Encode a summary as the contents of files by their names."""
    pairs = list(zip(layers, summary.layers, strict=True))
    return {
        STRONGEST: _encoded(pa.concat_tables([_ranking_table(layer, each.ranking) for layer, each in pairs])),
        CHANNELS: _encoded(pa.concat_tables([_counts_table(layer, each.counts) for layer, each in pairs])),
    }


@_of_whole_files
def read_summary(folder: Path, layers: Sequence[Layer]) -> Summary:
    """Read what ``summary_files`` wrote."""
    strongest, channels = (_table(folder / name) for name in (STRONGEST, CHANNELS))
    return Summary(tuple(LayerSummary(_ranking(strongest, layer), _counts(channels, layer)) for layer in layers))


@_of_whole_files
def read_texts(folder: Path) -> tuple[list[str], list[str | None]]:
    """Read keys and labels of the images of a partition."""
    table = _table(folder / IMAGES, ["key", "label"])
    return table["key"].to_pylist(), table["label"].to_pylist()


@_of_whole_files
def read_maxima(folder: Path, layer: Layer) -> np.ndarray:
    """Read the largest activations of a layer in the images of a partition, float32 (images, channels)."""
    column = _table(folder / IMAGES, [layer.name])[layer.name].combine_chunks()
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)


@_of_whole_files
def read_unread(folder: Path) -> list[Unread]:
    """Read which images of a partition could not be read."""
    return [Unread(**row) for row in _table(folder / UNREAD).to_pylist()]


def _texts(texts: Sequence[str | None]) -> pa.Array:
    return pa.array(texts, pa.string())


def _lists(values: np.ndarray) -> pa.Array:
    """Rows of an array as lists of one length."""
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _repeated(text: str, count: int) -> pa.Array:
    """One text in every row, stored once."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), [text]).cast(pa.string())


def _ranking_table(layer: Layer, ranking: Ranking) -> pa.Table:
    channels, ranks = np.nonzero(ranking.images != NOTHING)
    units = ranking.units[channels, ranks]
    offsets = np.arange(len(channels) + 1, dtype=np.int32) * units.shape[1]
    keys = pa.DictionaryArray.from_arrays(pa.array(ranking.images[channels, ranks]), _texts(ranking.keys))
    columns = {
        "layer": _repeated(layer.name, len(channels)),
        "channel": pa.array(channels.astype(np.int32)),
        "rank": pa.array(ranks.astype(np.int32)),
        "key": keys.cast(pa.string()),
        "value": pa.array(ranking.values[channels, ranks]),
        "unit": pa.ListArray.from_arrays(offsets, pa.array(units.ravel())),
    }
    return pa.table(columns)


def _counts_table(layer: Layer, counts: Counts) -> pa.Table:
    values = {each.name: pa.array(getattr(counts, each.name)) for each in fields(counts)}
    number = len(counts.images)
    channels = pa.array(np.arange(number, dtype=np.int32))
    return pa.table({"layer": _repeated(layer.name, number), "channel": channels, **values})


def _encoded(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", use_dictionary=_TEXTS, write_statistics=["channel"])
    return sink.getvalue().to_pybytes()


def _of_layer(table: pa.Table, layer: Layer) -> pa.Table:
    return table.filter(pc.field("layer") == layer.name)


def _ranking(table: pa.Table, layer: Layer) -> Ranking:
    rows = _of_layer(table, layer)
    channels, ranks = rows["channel"].to_numpy(), rows["rank"].to_numpy()
    encoded = rows["key"].combine_chunks().dictionary_encode()
    keys = encoded.dictionary.to_pylist()
    ordered = ordered_keys(keys)
    number = {key: index for index, key in enumerate(ordered)}
    renumbered = np.array([number[key] for key in keys], np.int32)
    axes = len(layer.spatial_shape)
    shape = (layer.channels or int(channels.max(initial=-1)) + 1, int(ranks.max(initial=-1)) + 1)
    if prod(shape) > 16 * (len(rows) + 2**16):
        raise OutputError(f"Expected a row for each channel and rank. Received: {len(rows):,} rows for {shape}.")
    images, values = np.full(shape, NOTHING, np.int32), np.full(shape, -np.inf, np.float32)
    units = np.zeros((*shape, axes), np.int32)
    images[channels, ranks] = renumbered[encoded.indices.to_numpy()] if keys else 0
    values[channels, ranks] = rows["value"].to_numpy()
    units[channels, ranks] = rows["unit"].combine_chunks().flatten().to_numpy().reshape(len(rows), axes)
    return Ranking(tuple(ordered), images, values, units)


def _counts(table: pa.Table, layer: Layer) -> Counts:
    rows = _of_layer(table, layer)
    return Counts(**{each.name: rows[each.name].to_numpy() for each in fields(Counts)})

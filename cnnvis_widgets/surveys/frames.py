"""Tables of a survey: the strongest images, means of each class, and which channels tell classes apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ChannelError
from ..results import Layer
from .ranking import NOTHING

if TYPE_CHECKING:
    import pandas

    from .survey import Survey


def classes_of(survey: Survey) -> np.ndarray:
    """The class of every image, int (images,): its label, or -1. Where no image has a label, its prediction."""
    if any(label is not None for label in survey.labels):
        numbers = {label: -1 if label is None else survey.class_number(label) for label in set(survey.labels)}
        return np.array([numbers[label] for label in survey.labels], np.int64)
    return predictions(survey)


def predictions(survey: Survey) -> np.ndarray:
    """The class with the highest score in every image, int (images,)."""
    return survey.maxima(survey.scores_layer()).argmax(axis=1)


def selectivity(survey: Survey, name: int | str, layer: str | Layer | None, count: int) -> pandas.DataFrame:
    """Rank channels by how much more they respond to one class than to all others.

    The selectivity is the difference between two means of a channel's largest activation, over the images of the class
    and over all others, in standard deviations over all images. It is 0 where both means are equal. A channel with a
    selectivity of 2 tells most images of the class from most others. Labels say which images are of the class;
    without labels, predictions do.

    Args:
        survey: the index.
        name: of the class, or its number.
        layer: one layer; ``None`` for all but the class scores.
        count: how many channels.

    Raises:
        ChannelError: there is no such class, or no image of it.
    """
    import pandas

    number = survey.class_number(name)
    inside = classes_of(survey) == number
    if not inside.any() or inside.all():
        raise ChannelError(
            f"Expected images of the class and of others. Received: {name!r} with {int(inside.sum())} of "
            f"{len(inside)} images."
        )
    chosen = survey.layers[:-1] if layer is None else (survey.layer(layer),)
    rows = [_selectivities(survey, each, inside) for each in chosen]
    table = pandas.concat(rows, ignore_index=True).sort_values("selectivity", ascending=False, kind="stable")
    return table.head(count).reset_index(drop=True)


def class_means(survey: Survey, layer: Layer) -> pandas.DataFrame:
    """The mean of the largest activation of every channel over the images of each class."""
    import pandas

    classes, names = classes_of(survey), survey.index.plan.class_names
    numbers = np.unique(classes[classes >= 0])
    sums = np.zeros((len(numbers), len(survey.layer_summary(layer).counts.images)))
    for part, values in _by_partition(survey, layer, classes):
        for row, number in enumerate(numbers):
            sums[row] += values[part == number].sum(axis=0, dtype=np.float64)
    means = sums / np.array([np.count_nonzero(classes == number) for number in numbers])[:, None]
    titles = [names[number] if number < len(names) else str(number) for number in numbers]
    return pandas.DataFrame(means, index=pandas.Index(titles, name="class"))


def _selectivities(survey: Survey, layer: Layer, inside: np.ndarray) -> pandas.DataFrame:
    import pandas

    counts = survey.layer_summary(layer).counts
    of_class = np.zeros(len(counts.images))
    for part, values in _by_partition(survey, layer, inside):
        of_class += values[part].sum(axis=0, dtype=np.float64)
    number = np.count_nonzero(inside)
    mean, others = of_class / number, (counts.total - of_class) / (len(inside) - number)
    variance = counts.squares / len(inside) - (counts.total / len(inside)) ** 2
    deviation = np.sqrt(np.maximum(variance, 0))
    varies = deviation > 1e-6 * np.maximum(np.abs(counts.highest), np.abs(counts.lowest))
    score = np.divide(mean - others, deviation, out=np.zeros_like(mean), where=varies)
    columns = {"channel": np.arange(len(mean)), "selectivity": score, "mean": mean, "mean_of_others": others}
    return pandas.DataFrame({"layer": layer.name, **columns})


def _by_partition(survey: Survey, layer: Layer, of_images: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cut an array with a value for each image as the partitions are cut, beside their maxima."""
    start = 0
    for values in survey.maxima_by_partition(layer):
        yield of_images[start : start + len(values)], values
        start += len(values)


def strongest_table(survey: Survey) -> pandas.DataFrame:
    """The strongest images: a row for each layer, channel and rank."""
    import pandas

    labels = dict(zip(survey.keys, survey.labels, strict=True))
    tables = []
    for layer in survey.layers:
        ranking = survey.layer_summary(layer).ranking
        channels, ranks = np.nonzero(ranking.images != NOTHING)
        keys = [ranking.keys[image] for image in ranking.images[channels, ranks]]
        columns = {"layer": layer.name, "channel": channels, "rank": ranks, "key": keys}
        columns["label"] = [labels.get(key) for key in keys]
        columns["value"] = ranking.values[channels, ranks]
        columns["unit"] = [tuple(unit) for unit in ranking.units[channels, ranks].tolist()]
        tables.append(pandas.DataFrame(columns))
    return pandas.concat(tables, ignore_index=True)

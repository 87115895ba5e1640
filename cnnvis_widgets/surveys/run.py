"""A survey: one pass over a data set, partition by partition, in this process or on a Dask cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..arguments import checked
from ..engine.network.labelled_images import LabelledImage, as_label, count_of, labelled_images, listed
from ..engine.network.loading import load
from ..engine.network.network import Network
from ..errors import OptionError
from ..methods.signatures import with_fields
from ..results import Layer, Unread
from .cluster import connected, on_cluster
from .decoding import chunks_of
from .index import Index, Written
from .options import Labels, SurveyOptions
from .plan import Plan
from .progress import Progress
from .streams import require_some, warn_of_unread
from .summaries import NumberedImages, Partition, summarised
from .survey import Survey
from .tables import partition_files


@checked
@with_fields(SurveyOptions)
def survey(
    network: Any,
    images: Any,
    layers: str | Layer | Iterable[str | Layer] = "c",
    **options: Any,
) -> Survey:
    """Find out, in one pass over a data set, what each channel of the layers looks for.

    For every channel the index keeps the strongest images, one unit each, with value and place; for every image the
    largest activation of every channel. So later questions need no second pass. The index is a folder of Parquet
    files. It depends on the images and the settings alone: equal values are ordered by key, and a cluster of any size
    writes the same bytes.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        images: a folder, a glob pattern, paths, a pandas Series, arrays, a ``tf.data.Dataset`` of images or of (image,
            label), or an iterator of images, of (image, label) or of (image, label, key). Each image has a key of its
            own: the path of its file, or its number.
        layers: a selection (see ``Network.select``). The class scores are surveyed, too.
        options: see ``SurveyOptions``: top, labels, client, out, resume, batch, partition, progress.

    Returns:
        The survey, which answers questions.

    Raises:
        LayerError: no such layer. FeedError: there are no images, or none can be read.
        OptionError: an option is unknown or out of range, or the folder holds a survey with other settings.
        OutputError: the folder holds other things or cannot be written. What is complete stays.

    Warns:
        FeedWarning: at the end, if images could not be read. ``Survey.unread`` lists them.

    References:
        [1] M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", figure 2,
            ECCV 2014, DOI 10.1007/978-3-319-10590-1_53.

    Example:
        >>> from cnnvis_widgets import demo, survey
        >>> digits = demo.digits()
        >>> found = survey(demo.small_cnn(), digits.test_images, "conv3", labels=digits.test_labels, progress=False)
        >>> found
        <Survey: 360 images, 2 layers, 42 channels in 'Survey'>
    """
    return deque(survey_steps(network, images, layers, **options), maxlen=1).pop()


def survey_steps(
    network: Any, images: Any, layers: str | Layer | Iterable[str | Layer] = "c", **options: Any
) -> Iterator[Survey]:
    """Do what ``survey`` does, step by step.

    Args:
        network, images, layers, options: as for ``survey``.

    Yields:
        The survey as far as it is written, whenever one more partition is; at the end the whole one.
    """
    chosen = SurveyOptions.of(options)
    network, images = load(network), listed(images)
    plan = Plan.of(network, layers, top=chosen.top, batch=chosen.batch, partition=chosen.partition)
    index = Index.started(Path(chosen.out), plan, resume=chosen.resume)
    labelled = _with_labels(labelled_images(network.runtime.layout, images), chosen.labels)
    unread = list[Unread]()
    with (
        Progress(count_of(network.runtime.layout, images), shown=chosen.progress) as bar,
        connected(chosen.client) as cluster,
    ):
        todo = _Missing(index, chunks_of(labelled, plan.partition), bar)
        run = _here(network, index, todo) if cluster is None else on_cluster(cluster, network, index, todo)
        for written in run:
            unread += written.unread
            bar.advance(written.images, unread=len(unread))
            yield Survey(index, network, images)
    index.finish(todo.count)
    found = Survey(index, network, images)
    require_some(len(found), found.unread)
    warn_of_unread(unread)
    yield found


class _Missing:
    """The partitions of a data set that an index does not hold, in their order.

    Attributes:
        count: of all partitions until now, held or not.
    """

    def __init__(self, index: Index, partitions: Iterable[Sequence[LabelledImage]], bar: Progress) -> None:
        self._index, self._partitions, self._bar = index, iter(partitions), bar
        self.count = 0

    def __iter__(self) -> Iterator[NumberedImages]:
        for images in self._partitions:
            number, self.count = self.count, self.count + 1
            if self._index.holds(number, [image.key for image in images]):
                self._bar.advance(len(images))
            else:
                yield number, images


def _here(network: Network, index: Index, partitions: Iterable[NumberedImages]) -> Iterator[Written]:
    """Survey partitions in this process. A thread writes one while the next is computed."""
    plan = index.plan
    with ThreadPoolExecutor(1, "write") as writer:
        writing: Future[Written] | None = None
        for partition in summarised(network, plan.layers, partitions, batch=plan.batch, top=plan.top):
            if writing is not None:
                yield writing.result()
            writing = writer.submit(_write, index, partition)
        if writing is not None:
            yield writing.result()


def _write(index: Index, partition: Partition) -> Written:
    index.write(partition.number, partition_files(index.plan.layers, partition))
    return Written(len(partition.keys) + len(partition.unread), partition.unread)


def _with_labels(images: Iterable[LabelledImage], labels: Labels) -> Iterator[LabelledImage]:
    """Give images their labels."""
    if labels is None:
        yield from images
        return
    for number, image in enumerate(images):
        yield replace(image, label=as_label(_label(labels, number, image.key)))


def _label(labels: Any, number: int, key: str) -> Any:
    if isinstance(labels, str):
        return Path(key).parent.name
    if callable(labels):
        return labels(key)
    try:
        return labels.get(key) if isinstance(labels, Mapping) else labels[number]
    except IndexError as error:
        raise OptionError(f"Expected a label for each image. Received: {number} labels for more images.") from error

"""Write results in the folders and under the tags of tf_cnnvis.

==========================================================  =======================================
``<out>/<layer>/activations/grid_activation.png``           feature maps, in grey
``<out>/<layer>/deconvolution/grid_image.png``              their reconstructions
``<out>/deepdream_<layer>/image_<class>.png``               deep dream of a class
``<log>/<layer>/events.out.tfevents.*``                     the same for TensorBoard, where each
                                                            layer is a run with these tags:
``All_At_Once_Activations/image``                           the grid
``All_At_Once_Deconv/image``                                the grid
``One_By_One_Deconv/image/<channel>``                       every reconstruction
``One_By_One_DeepDream/image/<class>``                      ten steps of the dream
==========================================================  =======================================

With several images, each file name ends in ``_<image>`` and each tag has ``/<image>`` after 'image'. A picture of each
map alone is written where it is asked for: ``map_<channel>.png`` beside the grid, and
``One_By_One_Activations/image/<channel>``.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ..methods import Kind
from ..results import Layer
from . import png_files
from .file_names import folder_name, folder_of
from .pictures import Picture
from .tensorboard import EventWriter
from .whole_files import require_writable

_TAGS: dict[Kind, str] = {"activations": "Activations", "reconstruction": "Deconv", "dream": "DeepDream"}


@dataclass(frozen=True)
class LegacyFiles:
    """The folders of one call.

    Attributes:
        logdir, outdir: for event files and PNG files; ``None`` to write none.
        layers: all layers of the network, so that each has a folder of its own.
        each: whether each feature map and each reconstruction has a PNG file, too.
    """

    logdir: str | os.PathLike[str] | None
    outdir: str | os.PathLike[str] | None
    layers: tuple[Layer, ...]
    each: bool = False

    def require_writable(self, kind: Kind, layers: Iterable[Layer]) -> None:
        """Check that the files of some layers can be written. Nothing stays behind.

        Raises:
            OutputError: a folder cannot be made, or not be written to.
        """
        folders = [folder_name(layer, self.layers) for layer in layers]
        if self.outdir is not None:
            remedy = "Give another path_outdir, or None to write no PNG files."
            require_writable((Path(self.outdir, folder_of(kind, folder)) for folder in folders), remedy)
        if self.logdir is not None:
            remedy = "Give another path_logdir, or None to write no event files."
            require_writable((Path(self.logdir, folder) for folder in folders), remedy)

    def events(self, layer: Layer) -> AbstractContextManager[EventWriter | None]:
        """Open the event file of a layer; ``None`` takes its place where none is wanted."""
        if self.logdir is None:
            return nullcontext()
        return EventWriter(Path(self.logdir, folder_name(layer, self.layers)))

    def write_png(self, pictures: Iterable[Picture]) -> None:
        """Write grids and dreams as PNG files, and the pictures of single maps where they are wanted.

        Raises:
            OutputError: a file cannot be written.
        """
        if self.outdir is not None:
            wanted = (each for each in pictures if self.each or each.channel is None or each.kind == "dream")
            png_files.write(wanted, self.outdir, self.layers)

    def write_layer(self, layer: Layer, pictures: Iterable[Picture]) -> None:
        """Write all pictures of a layer: PNG files, and an event file.

        Raises:
            OutputError: a file cannot be written.
        """
        drawn = list(pictures)
        self.write_png(drawn)
        with self.events(layer) as log:
            if log is not None:
                log.add(drawn, tag=legacy_tag)


class LayerWriter:
    """Draws and writes layers in threads, while the caller computes the next ones. Use it as a context manager.

    The context ends when all layers are written, also where an error ends it.

    Args:
        files: the folders.
        report: called with each layer, in order, once its files are complete.
        together: layers that wait or are written at the same time; more of them need more memory.
    """

    def __init__(self, files: LegacyFiles, report: Callable[[Layer], object], together: int) -> None:
        self._files, self._report, self._together = files, report, together
        self._pool = ThreadPoolExecutor(min(together, os.cpu_count() or 1))
        self._waiting: deque[tuple[Layer, Future[None]]] = deque()

    def __enter__(self) -> LayerWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while self._waiting and error is None:
                self._finish()
        finally:
            self._pool.shutdown()

    def write(self, layer: Layer, draw: Callable[[], Iterable[Picture]]) -> None:
        """Begin to draw and write a layer, as soon as there are fewer than ``together`` others.

        Raises:
            Exception: what the drawing or writing of an earlier layer raised.
        """
        while len(self._waiting) >= self._together:
            self._finish()
        self._waiting.append((layer, self._pool.submit(lambda: self._files.write_layer(layer, draw()))))

    def _finish(self) -> None:
        layer, written = self._waiting.popleft()
        written.result()
        self._report(layer)


def legacy_tag(picture: Picture) -> str:
    """Make the tag that tf_cnnvis gave to a picture, with the channel or class in place of a count."""
    parts = [f"{'All_At_Once' if picture.channel is None else 'One_By_One'}_{_TAGS[picture.kind]}", "image"]
    if picture.image is not None:
        parts.append(str(picture.image))
    if picture.channel is not None:
        parts.append(picture.title)
    return "/".join(parts)

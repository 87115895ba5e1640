"""``ModelExplorer``: a network in a notebook cell. State in, jobs started, pictures out."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import ipywidgets as w

from ..arguments import checked
from ..engine.network.heads import ClassNames
from ..engine.network.network import Network
from ..engine.runtime import memory
from ..imaging.busy_regions import Box
from .card.channel_card import ChannelCard
from .closing import close_all
from .elements.title_bar import TitleBar
from .input_image.image_pane import ImagePane
from .jobs.cells import LatestRuns
from .jobs.computations import forget_results
from .last_picture import LastPicture
from .layout import Actions, ExplorerLayout
from .opening import Opened, opened
from .overview.film_strip import FilmStrip
from .runner import Runner
from .saving.result_files import Result, ResultFiles
from .state import saved as saved_state
from .state.explorer_state import opening_layer
from .state.fed_images import FedImages
from .state.network_facts import network_facts
from .state.opening_code import OpeningCode
from .surveying.image_survey import ImageSurvey
from .views.comparison import ComparisonView
from .views.dream import DreamView
from .views.gallery import Gallery
from .views.registry import VIEWS, FullState
from .views.view import Context, View

_RUNS = LatestRuns()

SomeView = TypeVar("SomeView", bound=View)


@partial(checked, short=True)  # frames of this package would hide the message
class ModelExplorer(w.VBox):
    """Looks inside a network, live: feature maps, deconvolution and deep dream.

    Choose a layer and its feature maps appear; click one to see it large. 'Deconvolution' shows
    what in the image made the strongest maps fire; 'Deep dream' grows a class or a map before your
    eyes. ``state`` holds everything on the screen and can be set from Python. Work runs in the
    background, and a new choice abandons the old work. If its cell is run again, the explorer of the earlier run
    is closed as soon as no page shows it.

    Args:
        model: a ``Network`` or anything ``cnnvis_widgets.load`` takes. Without model and feed the
            embedded network opens on its own photographs.
        feed: one or more images, or a dict or list of all the network's inputs; see ``load``. Without it, a model
            opens on packaged photographs that are fitted to its input, or on random numbers, and says so.
        class_names: names of the classes, in the order of the class scores; ``{head: names}`` for several heads.
        heads: what an output means, by its name, where the graph does not tell; see ``load``.
        preprocess: function of a picture, uint8 (h, w, 3), that returns the array the network expects.
        image_input: the input the images go to, where it is not obvious.
        trusted: whether you know who made the model and trust them, so that its code may run; see ``load``.
        logdir: the folder of TensorBoard logs. Results are logged there in the background as they appear, until
            ``state.log_to_tensorboard`` is False; ``None`` writes no logs.
        outdir: the folder of PNG files, if they are switched on.

    Attributes:
        fed_images: the network and the images that it is fed.
        image_pane: the photo on the left, and what the network predicts for it.
        views: the views, by the value of ``state.method``.
        strip: every layer as it sees the chosen image.
        parts: where everything stands in the page.
        surveying: the survey of many images.
        card: everything about the chosen channel.
        state: every choice; ``explorer.state.layer = 'conv2'`` does what the menu does.

    Raises:
        ModelError, FeedError: see ``cnnvis_widgets.load``.
    """

    def __init__(
        self,
        model: Any = None,
        feed: Any = None,
        *,
        class_names: ClassNames | None = None,
        heads: Mapping[str, str] | None = None,
        preprocess: Callable[..., Any] | None = None,
        image_input: Any = None,
        trusted: bool = False,
        logdir: str | Path | None = "Log",
        outdir: str | Path = "Output",
    ) -> None:
        settings = {"class_names": class_names, "heads": heads, "preprocess": preprocess, "image_input": image_input}
        settings |= {"trusted": True} if trusted else {}
        self._opening = OpeningCode(model, feed, settings)
        self._build(opened(model, feed, **settings), Path(outdir), None if logdir is None else Path(logdir))

    def _build(self, found: Opened, outdir: Path, logdir: Path | None) -> None:
        """Build what is on the screen, and begin the work of the first view."""
        network = found.network
        layers = network.runtime.layers_as_fed(network.feeds(found.feed))
        self.fed_images = FedImages(network, found.feed)
        count = len(self.fed_images.images)
        names = found.names if len(found.names) == count else tuple(f"image {index}" for index in range(count))
        self.state = FullState(self.fed_images, names, {layer.name: layer.label for layer in layers})
        self.state.layer = opening_layer(layers).name  # the graph alone need not tell the sizes
        self.state.log_to_tensorboard = logdir is not None
        self._runner = Runner(self.state, self.fed_images, ResultFiles(outdir, logdir, network.layers))
        self.image_pane = ImagePane(self.state, self.fed_images, found.notices)
        self.surveying = ImageSurvey(self.state, self.fed_images)
        self.card = ChannelCard(self.state, self.fed_images, self.surveying, self._open_surveyed)
        self.views = self._make_views(outdir)
        self._last_picture = LastPicture(self.state, self.image_pane, lambda: self._view, found.title)
        self.strip = FilmStrip(self.state, self.fed_images, layers)
        self._view_of(DreamView).sight.followers.append(self.strip.follow)
        heading = TitleBar(title=found.title, facts=network_facts(network, self.fed_images.images[0].shape))
        self.parts = ExplorerLayout(self.state, self.image_pane, self.views, self.strip, self._actions(logdir), heading)
        self.parts.card.children = (self.card,)
        self._last_picture.card = self.parts.card
        super().__init__(self.parts.children, layout=w.Layout(width="100%", max_width="2560px"))
        self.add_class("cnnvis-explorer")
        # the work of the first view begins when everything that shows it is in place
        self.state.observe(self._changed)
        self._release_memory = memory.keep_heap_ends_small()
        self._look()
        self.strip.refresh()
        self._abandoned, self._view_count = False, 0  # the page counts views only where there is a number
        self.observe(self._close_unseen, "_view_count")
        _RUNS.leave(self._abandon)

    def _make_views(self, outdir: Path) -> dict[str, View]:
        gallery = Gallery(self.state, self.image_pane.canvas, self._seen_by)
        context = Context(
            self.state, self.fed_images, self.image_pane, gallery, self._runner.begin, outdir, self.surveying
        )
        return {view.name: view(context) for view in VIEWS}

    def _actions(self, logdir: Path | None) -> Actions:
        return Actions(
            stop=self.stop,
            save_png=self.save_png,
            log=self.log_to_tensorboard,
            export_html=self._runner.export_html,
            code=self.code,
            logdir=logdir,
        )

    @property
    def network(self) -> Network:
        """The ``Network`` that is explored."""
        return self.fed_images.network

    def look_at(self, network: Network) -> None:
        """Look at the same layer and image of a network of the same layers, such as one with other weights.

        Raises:
            LayerError: it lacks the chosen layer.
        """
        network.layer(self.state.layer)
        forget_results(self.network)
        self.fed_images.network = network
        self._opening.network_replaced()
        self._runner.forget()
        self.image_pane.predict()
        self.strip.refresh()
        self._look()

    def compare_with(self, network: Network) -> None:
        """Show the selected map of this network, of another one, and their difference.

        Args:
            network: of the same layers, such as another checkpoint; it is fed the same.

        Raises:
            LayerError: it lacks the chosen layer.
        """
        network.layer(self.state.layer)
        self._view_of(ComparisonView).offer(network)
        self.state.versus, self.state.method = "network", ComparisonView.name
        self._look()

    def start(self) -> None:
        """Begin a deep dream of the chosen class or map, abandoning whatever runs."""
        self.state.method = DreamView.name
        view = self._view_of(DreamView)
        if not view.unavailable():  # the panel says why
            view.start()

    def stop(self) -> None:
        """Stop after the step that is being computed; the picture stays and can be saved."""
        self._runner.stop()

    def wait(self, timeout: float | None = None) -> Result | None:
        """Wait until all work is computed and written, for scripts and stored notebooks.

        Args:
            timeout: seconds, for the computation and again for each set of files.

        Returns:
            ``result``.

        Raises:
            TimeoutError: it took longer.
            Exception: whatever the work raised.
        """
        self._runner.wait(timeout)
        self._last_picture.flush()
        return self.result

    def still(self) -> bytes:
        """What is on the screen as one picture: a PNG file with the photo, the pictures of the view and their captions.

        Notebooks keep the last one in the output of the cell, for readers without a kernel.
        """
        return self._last_picture.png()

    def _ipython_display_(self, **options: Any) -> None:
        self._last_picture.display(dict(super()._repr_mimebundle_(**options)))

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        """For front ends that do not call ``_ipython_display_``: the widget, and its picture where they have none."""
        return {**super()._repr_mimebundle_(**options), "image/png": b64encode(self.still()).decode()}

    @property
    def result(self) -> Result | None:
        """The result on the screen.

        It is ``FeatureMaps``, ``Reconstruction``, ``Attribution``, ``Occlusion``, ``MethodWall`` or the last
        ``DreamStep``.
        """
        return self._runner.result

    @property
    def traceback(self) -> str:
        """Of the last error; the pane shows only its message."""
        return self._runner.traceback

    def save_png(self) -> None:
        """Write the result on the screen as PNG files below ``outdir``.

        The files are written in the background: call ``wait()``, and then ``state.files`` names them.
        """
        self._runner.save_png()

    def log_to_tensorboard(self) -> None:
        """Write the result on the screen as TensorBoard summaries below ``logdir``.

        By default every result is logged as it appears, and there is no need to call this. Summaries are written in
        the background: call ``wait()`` before you read them.
        """
        self._runner.log()

    @checked
    def export_html(self, path: str | Path) -> Path:
        """Write what was computed so far as one HTML file that needs no kernel and no network.

        It has the newest results, up to 14 MB: feature maps with their values, projections and the last picture
        of every dream, for each layer and image that was chosen.

        Returns:
            The path.

        Raises:
            OutputError: it cannot be written.
        """
        return self._runner.write_page(path)

    @property
    def feed(self) -> Any:
        """What the network is fed for the chosen image; other calls of this package take it as their feed."""
        return self.fed_images.feed(self.state.image)

    @checked
    def add_image(self, picture: Any, name: str = "") -> int:
        """Take in one more image and look at it.

        Args:
            picture: uint8 (height, width, 3), a path, the content of a file, a binary file or a PIL image; it goes
                through the network's preprocessing.
            name: for the menu.

        Returns:
            Its index.

        Raises:
            FeedError: the network does not take such a picture; ImageError: it cannot be read.
        """
        index = self.image_pane.incoming.add(picture, name)
        self._opening.image_added(index, picture)
        return index

    def code(self) -> str:
        """Python that computes what is on the screen, as arrays.

        It runs as it stands in an empty notebook where the embedded network or a path was given. Where a model or an
        image was given as an object, a line ``model = ...`` says what to fill in.
        """
        state = self.state
        other = state.other_image if state.method == ComparisonView.name and state.versus == "image" else None
        reason = self._view.unavailable()
        code = f"# {reason}" if reason else self._view.code()
        return f"{self._opening.lines(state.image, state.images, other)}\n{code}\n"

    @checked
    def survey(
        self,
        images: Any = None,
        *,
        labels: Any = None,
        layers: str | Sequence[str] | None = None,
        out: str | Path | None = None,
    ) -> None:
        """Survey many images in the background: find out which of them each channel responds to most.

        The card of a channel shows its strongest patches while the survey runs. With labels, the view of mistakes
        shows what the network gets wrong, and maps can be sorted by selectivity. ``surveying`` has the answers.

        Args:
            images, labels: see ``cnnvis_widgets.survey``; without images those of the explorer.
            layers: see ``cnnvis_widgets.survey``; by default the activation functions and the chosen layer.
            out: the folder of the index, see ``cnnvis_widgets.survey``; by default it goes with the explorer.

        Raises:
            FeedError, ImageError: there are no images.
        """
        self.surveying.start(images, labels=labels, layers=layers, out=out)

    @checked
    def save_state(self, path: str | Path) -> Path:
        """Write every choice as a JSON file.

        Returns:
            The path.

        Raises:
            OutputError: there is no such folder.
        """
        return saved_state.save(self.state, path)

    @checked
    def load_state(self, path: str | Path) -> None:
        """Go back to what ``save_state`` wrote; a file that does not fit raises and changes nothing.

        Raises:
            OutputError: not a file that ``save_state`` wrote.
            ModelError: it was saved with another network.
            LayerError, ChannelError, FeedError: the network or its images lack what was chosen.
        """
        saved_state.load(self.state, path)

    def close(self) -> None:
        """Stop the work, close the files and remove the explorer from the page; what it took of memory is free then."""
        if hasattr(self, "_release_memory"):  # not where a model was refused
            self._runner.close()
            self._last_picture.close()
            self.card.stop()
            self.strip.stop()
            self.surveying.close()
            self._release_memory()
            forget_results(self.network)
        close_all(self)

    def _abandon(self) -> None:
        """The cell was run again: stop the work. The explorer is closed when no page shows it any more."""
        self._abandoned = True
        self._runner.abandon()

    def _close_unseen(self, change: Any) -> None:
        if self._abandoned and not change["new"]:
            self.close()

    def _open_surveyed(self, key: str) -> None:
        self.surveying.open(key, self.image_pane.incoming)

    @property
    def _view(self) -> View:
        return self.views[self.state.method]

    def _view_of(self, kind: type[SomeView]) -> SomeView:
        return next(view for view in self.views.values() if isinstance(view, kind))

    def _changed(self, change: Any) -> None:
        """Begin the work for the state as it is now, where the view on the screen depends on the change."""
        name = change["name"]
        if name == "method":  # views draw on shared canvases: the old one gives them up before the new one draws
            self.views[change["old"]].on_leave()
            if not self._view.unavailable():
                self._view.on_enter()
        if name in ("layer", "image", "method") or self._view.is_stale(name):
            self._look()

    def _seen_by(self, unit: tuple[int, ...]) -> Box | tuple[()]:
        return self.fed_images.seen_by(self.state.image, self.state.layer, unit)

    def _look(self) -> None:
        if self._view.unavailable():
            self._runner.stop()  # the panel says why there is nothing to compute
            return
        status_and_steps = self._view.work()
        if status_and_steps is not None:
            self._runner.begin(self._view, *status_and_steps)

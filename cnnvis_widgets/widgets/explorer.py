"""``ModelExplorer``: a network in a notebook cell. State in, jobs started, pictures out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from .. import demo
from ..engine.network.loading import load
from ..engine.network.network import Network
from ..engine.runtime import memory
from ..imaging.busy_regions import Box
from .input_image.image_pane import ImagePane
from .layout import Panes
from .runner import Runner
from .saving.result_files import Files, Result
from .state import saved as saved_state
from .state.explorer_state import ExplorerState
from .state.fed_images import Subject
from .views.activations import ActivationsView
from .views.attribution import AttributionView
from .views.comparison import ComparisonView
from .views.deconvolution import DeconvolutionView
from .views.dream import DreamView
from .views.gallery import Gallery
from .views.intervention import InterventionView
from .views.occlusion import OcclusionView
from .views.view import Context, View


class ModelExplorer(w.VBox):
    """Looks inside a network, live: feature maps, deconvolution and deep dream.

    Choose a layer and its feature maps appear; click one to see it large. 'Deconvolution' shows
    what in the image made the strongest maps fire; 'Deep dream' grows a class or a map before your
    eyes. Everything on the screen is in ``state`` and can be set from Python; work runs in the
    background, and a new choice abandons the old work.

    Args:
        model: a ``Network`` or anything ``cnnvis_widgets.load`` takes. Without model and feed the
            embedded network opens on its own photographs.
        feed: what to look at: one or more images, or a dict or list of all the network's inputs.
        class_names: names of the classes, in the order of the class scores.
        preprocess: turns a picture, uint8 (h, w, 3), into what the network eats.
        image_input: the input the images go to, where it is not obvious.
        logdir: where TensorBoard logs go, if they are switched on.
        outdir: where PNG files go, if they are switched on.

    Attributes:
        network: the ``Network`` that is explored.
        subject: the images that are looked at.
        views: the ways of looking, by the value of ``state.method``.
        state: the ``ExplorerState``; ``explorer.state.layer = 'conv2'`` does what the menu does.

    Raises:
        ModelError, FeedError: see ``cnnvis_widgets.load``.
    """

    def __init__(
        self,
        model: Any = None,
        feed: Any = None,
        *,
        class_names: Any = None,
        preprocess: Callable[..., Any] | None = None,
        image_input: Any = None,
        logdir: str | Path = "Log",
        outdir: str | Path = "Output",
    ) -> None:
        names: tuple[str, ...] = ()
        if model is None and feed is None:
            photos = demo.photos()
            model, feed, names = demo.network(), list(photos.values()), tuple(photos)
        options = {"class_names": class_names, "preprocess": preprocess, "image_input": image_input}
        self.network: Network = load(model, feed, **options)
        self.subject = Subject(self.network, feed)
        layers = self.network.runtime.layers_as_fed(self.network.feeds(feed))
        labels = {layer.name: layer.label for layer in layers}
        names = names or tuple(f"image {index}" for index in range(len(self.subject.images)))
        self.state = ExplorerState(self.network, names, labels)
        self._runner = Runner(self.state, self.subject, Files(Path(outdir), Path(logdir), self.network.layers))
        self._image_pane = image_pane = ImagePane(self.state, self.subject)
        # after the frame for cropping is taken away, and before another view draws its own
        self.state.observe(self._leave, "method")
        gallery = Gallery(self.state, image_pane.canvas, self._seen_by)
        context = Context(self.state, self.subject, image_pane, gallery, self._runner.begin)
        self._dream = DreamView(context, Path(outdir))
        self._comparison = ComparisonView(context)
        views: list[View] = [
            ActivationsView(context),
            DeconvolutionView(context),
            AttributionView(context),
            OcclusionView(context),
            InterventionView(context),
            self._comparison,
            self._dream,
        ]
        self.views = {view.name: view for view in views}
        files = {"save_png": self.save_png, "log": self.log_to_tensorboard, "save_page": self._runner.save_page}
        panes = Panes(self.state, image_pane, self.views, layers, stop=self.stop, code=self.code, **files)
        super().__init__(panes.children, layout=w.Layout(width="100%", max_width="1600px"))
        self.add_class("cnnvis-explorer")
        self.state.observe(self._changed)
        memory.settle()
        self._look()

    def look_at(self, network: Network) -> None:
        """Look at the same layer and image of a network of the same layers, such as one with other weights.

        Raises:
            LayerError: it lacks the layer that is looked at.
        """
        network.layer(self.state.layer)
        self.network = self.subject.network = self.state.network = network
        self._runner.forget()
        self._image_pane.predict()
        self._look()

    def compare_with(self, network: Network) -> None:
        """Show the selected map of this network, of another one, and their difference.

        Args:
            network: of the same layers, such as another checkpoint; it is fed the same.

        Raises:
            LayerError: it lacks the layer that is looked at.
        """
        network.layer(self.state.layer)
        self._comparison.take(network)
        self.state.versus, self.state.method = "network", ComparisonView.name
        self._look()

    def start(self) -> None:
        """Begin a deep dream of the chosen class or map, abandoning whatever runs."""
        self.state.method = DreamView.name
        self._dream.start()

    def stop(self) -> None:
        """Stop after the step being computed; what is shown stays and can be saved."""
        self._runner.stop()

    def wait(self, timeout: float | None = None) -> Result | None:
        """Wait until everything begun is computed and written, for scripts and stored notebooks.

        Args:
            timeout: seconds, for the computation and again for each set of files.

        Returns:
            ``result``.

        Raises:
            TimeoutError: it took longer.
            Exception: whatever the work raised.
        """
        self._runner.wait(timeout)
        return self.result

    @property
    def result(self) -> Result | None:
        """The ``FeatureMaps``, ``Reconstruction``, ``Attribution``, ``Occlusion`` or last ``DreamStep`` shown."""
        return self._runner.result

    @property
    def traceback(self) -> str:
        """Of the last error; the pane shows only its message."""
        return self._runner.traceback

    def save_png(self) -> None:
        """Write what is shown as PNG files below ``outdir``; ``state.files`` will name them."""
        self._runner.save_png()

    def log_to_tensorboard(self) -> None:
        """Write what is shown as TensorBoard summaries below ``logdir``."""
        self._runner.log()

    def export_html(self, path: str | Path) -> Path:
        """Write what was computed so far as one HTML file that needs no kernel and no network.

        The newest results are in it, up to 14 MB: feature maps with their values, projections and the last picture
        of every dream, for each layer and image that was looked at.

        Returns:
            The path.

        Raises:
            OutputError: it cannot be written.
        """
        return self._runner.write_page(path)

    @property
    def feed(self) -> Any:
        """What the network is fed for the chosen image; other calls of this package take it as their feed."""
        return self.subject.where(self.state.image, self.state.layer)[1]

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
        return self._image_pane.incoming.add(picture, name)

    def code(self) -> str:
        """Python that computes what is on the screen, as arrays, where this explorer is called ``explorer``."""
        names = "network, feed = explorer.network, explorer.feed"
        return f"import cnnvis_widgets\n\n{names}\n{self._view.code()}\n"

    def save_state(self, path: str | Path) -> Path:
        """Write everything that is chosen as a JSON file.

        Returns:
            The path.

        Raises:
            OutputError: there is no such folder.
        """
        return saved_state.save(self.state, path)

    def load_state(self, path: str | Path) -> None:
        """Go back to what ``save_state`` wrote; a file that does not fit raises and changes nothing.

        Raises:
            OutputError: not a file that ``save_state`` wrote.
            ModelError: it was saved with another network.
            LayerError, ChannelError, FeedError: the network or its images lack what was chosen.
        """
        saved_state.load(self.state, path)

    def close(self) -> None:
        """Stop the work, close the files and remove the widget from the page."""
        self._runner.close()
        super().close()

    @property
    def _view(self) -> View:
        return self.views[self.state.method]

    def _leave(self, change: Any) -> None:
        self.views[change["old"]].left()

    def _changed(self, change: Any) -> None:
        """Begin what the state asks for now, where the change concerns what is shown."""
        name = change["name"]
        if name in ("layer", "image", "method") or self._view.concerns(name):
            self._look()

    def _seen_by(self, unit: tuple[int, ...]) -> Box | tuple[()]:
        return self.subject.seen_by(self.state.image, self.state.layer, unit)

    def _look(self) -> None:
        work_to_do = self._view.steps()
        if work_to_do is not None:
            self._runner.begin(self._view, *work_to_do)

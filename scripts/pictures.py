"""Makes the pictures of the explorer for README and documentation, in a real browser: `make pictures`.

Usage: python scripts/pictures.py [FOLDER]

It opens the embedded network in JupyterLab in headless Chromium, does what a reader would do, and writes

    explorer.gif              a channel and its card, projections, evidence for a class, a dream; less than 3 MB
    explorer_*.png            stills of five views, light; the first one also dark

It takes four minutes on two cores.
"""

from __future__ import annotations

import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/browser")]

from servers import CHARTS_MS, Notebook, browser_of, chromium, lab_server, write_notebook  # noqa: E402

CELL = "from cnnvis_widgets import ModelExplorer\nexplorer = ModelExplorer(logdir=None)\nexplorer"
CHANNELS = 102, 7
"""Of the layer that the explorer opens on: an eye with its lids, and pupils."""
COFFEE, ESPRESSO, VOLCANO = 1, 967, 980
"""An image of the explorer, its class, and the class that is dreamt."""
SIZE = {"width": 1440, "height": 1100}
GIF_WIDTH, GIF_HEIGHT, LIMIT = 900, 700, 3_000_000
COLOURS = 256
MISSED = 7
"""How far a colour may be from that of the palette, of 255."""
BAYER = 1.5 * np.array([[-15, 1, -11, 5], [9, -7, 13, -3], [-9, 7, -13, 3], [15, -1, 11, -5]])
"""The 4 x 4 pattern of ordered dithering (B. E. Bayer, 1973), in steps of 255."""


class Film:
    """Frames of the explorer, each with the time that it is shown."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self.frames: list[Image.Image] = []
        self.milliseconds: list[int] = []

    def take(self, milliseconds: int) -> None:
        """Add what can be seen now; a frame like the one before makes that one longer."""
        frame = photo(self._notebook).convert("RGB")
        height = round(frame.height * GIF_WIDTH / frame.width)
        frame = frame.resize((GIF_WIDTH, height), Image.Resampling.LANCZOS)
        sheet = Image.new("RGB", (GIF_WIDTH, GIF_HEIGHT), "white")
        sheet.paste(frame.crop((0, 0, GIF_WIDTH, min(height, GIF_HEIGHT))))
        if self.frames and sheet.tobytes() == self.frames[-1].tobytes():
            self.milliseconds[-1] += milliseconds
            return
        self.frames.append(sheet)
        self.milliseconds.append(milliseconds)

    def write(self, path: Path) -> None:
        """Write the film; every second frame is dropped until it is small enough."""
        frames, times = self.frames, self.milliseconds
        while True:
            strip = Image.new("RGB", (GIF_WIDTH, GIF_HEIGHT * min(len(frames), 6)))
            for place, frame in enumerate(frames[:: max(1, len(frames) // 6)][:6]):
                strip.paste(frame, (0, place * GIF_HEIGHT))
            palette = strip.quantize(COLOURS)  # one for all, so that what stands still does not flicker
            indexed = [indexed_frame(frame, palette) for frame in frames]
            indexed[0].save(
                path, save_all=True, append_images=indexed[1:], duration=times, loop=0, optimize=False, disposal=1
            )
            if path.stat().st_size < LIMIT or len(frames) < 4:
                return
            times = [sum(times[at : at + 2]) for at in range(0, len(times), 2)]
            frames = frames[::2]


def indexed_frame(frame: Image.Image, palette: Image.Image) -> Image.Image:
    """A frame in the colours of a palette. Colours that it lacks are mixed by a pattern that is the same in all frames.

    Error diffusion would make what stands still flicker, and a pattern on colours that are there would make them dirty.
    """
    plain = frame.quantize(palette=palette, dither=Image.Dither.NONE)
    wanted = np.asarray(frame, np.int16)
    missed = np.abs(wanted - np.asarray(plain.convert("RGB"), np.int16)).max(axis=-1) > MISSED
    height, width = missed.shape
    pattern = np.tile(BAYER, (-(-height // 4), -(-width // 4)))[:height, :width]
    mixed = np.clip(wanted + np.where(missed, pattern, 0)[..., None], 0, 255).astype(np.uint8)
    return Image.fromarray(mixed).quantize(palette=palette, dither=Image.Dither.NONE)


def photo(notebook: Notebook) -> Image.Image:
    """The explorer as it is in the page."""
    return Image.open(BytesIO(notebook.page.locator(".cnnvis-explorer").first.screenshot()))


def still(notebook: Notebook, path: Path) -> None:
    """Write the whole explorer as a PNG file of 256 colours."""
    notebook.rest()
    picture = notebook.whole_picture().convert("RGB")
    picture = picture.quantize(palette=picture.quantize(256), dither=Image.Dither.FLOYDSTEINBERG)
    picture.save(path, optimize=True)
    print(f"{path.name}: {picture.width} x {picture.height}, {path.stat().st_size // 1000} kB", flush=True)


def choose(notebook: Notebook, **choices: object) -> None:
    """Set choices from Python, as the controls do, and wait for the results, those of the card and the strip, too."""
    for name, value in choices.items():
        notebook.python(f"setattr(explorer.state, {name!r}, {value!r})")
    notebook.rest()
    notebook.python("bool(explorer.card.wait(60)) or explorer.strip.wait(60)")
    notebook.await_layout()
    notebook.page.wait_for_timeout(CHARTS_MS)


def play(notebook: Notebook, film: Film) -> None:
    """What a reader sees in the first half minute."""
    for channel in CHANNELS:
        choose(notebook, channel=channel)
        notebook.await_python("explorer.card.face.likes.figure.pixels is not None")
        notebook.page.wait_for_timeout(1500)  # a dream that grows
        film.take(2000)
    choose(notebook, method="deconvolution")
    film.take(2200)
    choose(notebook, image=COFFEE, method="attribution")
    film.take(2200)
    choose(notebook, method="deep dream", target=VOLCANO)
    film.take(600)
    notebook.python("explorer.start()")
    while notebook.python("explorer.state.running"):
        film.take(250)
        notebook.page.wait_for_timeout(250)
    choose(notebook)
    film.take(3000)


def main(folder: Path) -> None:
    """Make all pictures."""
    path, began = chromium(), time.monotonic()
    if path is None:
        sys.exit("no chromium on the PATH; scripts/install-chromium brings it")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as served:
        write_notebook(Path(served, "explorer.ipynb"), [CELL])
        with browser_of(path) as browser, lab_server(Path(served), Path(home)) as base:
            notebook = Notebook(browser.new_page(viewport=SIZE), base, "lab", "explorer.ipynb")
            notebook.await_cells()
            notebook.rest()
            notebook.page.add_style_tag(content=".jp-SideBar, #jp-left-stack, .jp-InputPrompt {display: none}")
            notebook.command("application:toggle-left-area")
            film = Film(notebook)
            notebook.await_layout()
            play(notebook, film)
            film.write(folder / "explorer.gif")
            size = (folder / "explorer.gif").stat().st_size
            print(f"explorer.gif: {len(film.frames)} frames, {size // 1000} kB", flush=True)
            still(notebook, folder / "explorer_dream.png")
            notebook.python("setattr(explorer.state, 'factor', 0.0)")
            choose(notebook, method="attribution", target=ESPRESSO)
            still(notebook, folder / "explorer_attribution.png")
            for view in ("intervention", "deconvolution", "activations"):
                choose(notebook, image=0, method=view, channel=CHANNELS[-1])
                notebook.page.wait_for_timeout(1500)  # badges that come after the picture
                still(notebook, folder / f"explorer_{view}.png")
            notebook.in_theme("Dark")
            still(notebook, folder / "explorer_dark.png")
            faults = notebook.faults()
            notebook.close()
    if faults:
        sys.exit(f"errors in the page: {faults}")
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/images")

"""Every view on five kinds of networks, at three widths, light and dark, as contact sheets for people to look at.

    python tests/browser/contact_sheets.py [--networks vit u_net ...] [--views activations ...] [--widths 800 1400]

Writes test-artifacts/sheets/NETWORK_THEME_WIDTH.png, the views side by side, and prints what a program can see: a page
wider than its window, errors, controls without a name, pictures of one flat colour, pages over two windows high.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from servers import ARTIFACTS, ROOT, Notebook, browser_of, chromium, lab_server, nameless, write_notebook

SETUP = f"import sys\nsys.path[:0] = [{str(ROOT / 'tests')!r}]\nfrom cnnvis_widgets import ModelExplorer, demo\n"
U_NET = """
import keras
from keras import layers as L
keras.utils.set_random_seed(0)
image = keras.Input((64, 64, 3))
skips, x = [], image
for count in (8, 16):
    x = L.Conv2D(count, 3, padding="same", activation="relu")(x)
    skips.append(x)
    x = L.MaxPooling2D()(x)
x = L.Conv2D(24, 3, padding="same", activation="relu")(x)
for count, skip in ((16, skips[1]), (8, skips[0])):
    x = L.Concatenate()([L.UpSampling2D()(x), skip])
    x = L.Conv2D(count, 3, padding="same", activation="relu")(x)
model = keras.Model(image, L.Conv2D(3, 1, activation="softmax", name="mask")(x))
"""
TWO_HEADS = """
import keras
from keras import layers as L
keras.utils.set_random_seed(0)
image = keras.Input((64, 64, 3))
x = L.Conv2D(12, 3, activation="relu")(image)
x = L.MaxPooling2D()(x)
x = L.Conv2D(20, 3, activation="relu")(x)
x = L.GlobalAveragePooling2D()(x)
sort, age = L.Dense(5, "softmax", name="sort")(x), L.Dense(1, name="age")(x)
model = keras.Model(image, [sort, age])
"""
VIT = "import transformers\nmodel = transformers.lively(transformers.vit(grid=8, blocks=3))\n"
NETWORKS = {
    "embedded": "ModelExplorer(logdir=None)",
    "classroom": "ModelExplorer(demo.small_cnn(), demo.digits().test_images[:4], class_names=list('0123456789'))",
    "u_net": "ModelExplorer(model)",
    "vit": "ModelExplorer(model)",
    "two_heads": "ModelExplorer(model)",
}
BEFORE = {"u_net": U_NET, "vit": VIT, "two_heads": TWO_HEADS}
HEIGHT = 1000
"""Of the window, in pixels."""
CELL_WIDTH, CAPTION = 460, 26


def show(notebook: Notebook, view: str) -> str:
    """Choose a view and have it work; returns the error that the pane shows."""
    notebook.python(f"setattr(explorer.state, 'method', {view!r})")
    if not notebook.python("explorer._view.unavailable()"):
        if view == "deep dream":
            notebook.python("[setattr(explorer.state, 'octaves', 1), setattr(explorer.state, 'steps', 8)] and None")
            notebook.python("explorer.start()")
        if view == "occlusion":
            notebook.python("explorer._view.start()")
    notebook.await_python("not explorer.state.running")
    notebook.python("bool(explorer.card.wait(60)) or explorer.strip.wait(60)")
    notebook.page.wait_for_timeout(800)
    return notebook.python("explorer.state.error")


def faults(notebook: Notebook, width: int) -> list[str]:
    """What a program can see of a bad picture."""
    found = [f"no name: {line}" for line in nameless(notebook)]
    box = notebook.page.locator(".cnnvis-explorer").first.evaluate(
        "(it) => [it.scrollWidth, it.clientWidth, it.getBoundingClientRect().height]"
    )
    if box[0] > box[1] + 1:
        found.append(f"{box[0]} px in a box of {box[1]}")
    if width <= 800 and box[2] > 2 * HEIGHT:
        found.append(f"{box[2] / HEIGHT:.1f} windows high")
    flat = notebook.page.evaluate(
        """() => [...document.querySelectorAll(".cnnvis-explorer canvas[data-frames]")].filter((it) => {
             if (!it.getClientRects().length) return false;
             const pixels = new Uint32Array(it.getContext("2d").getImageData(0, 0, it.width, it.height).data.buffer);
             return pixels.every((pixel) => pixel === pixels[0]);
           }).map((it) => it.dataset.picture)"""
    )
    return [*found, *(f"flat: {name}" for name in flat)]


def sheet(pictures: Sequence[tuple[str, Image.Image]], path: Path) -> None:
    """Write pictures side by side, each with its title."""
    cells = []
    for title, picture in pictures:
        small = picture.resize(
            (CELL_WIDTH, max(1, round(picture.height * CELL_WIDTH / picture.width))), Image.Resampling.LANCZOS
        )
        cell = Image.new("RGB", (CELL_WIDTH, small.height + CAPTION), "white")
        ImageDraw.Draw(cell).text((4, 4), title, "black", ImageFont.load_default(16))
        cell.paste(small, (0, CAPTION))
        cells.append(cell)
    rows = [cells[start : start + 4] for start in range(0, len(cells), 4)]
    whole = Image.new("RGB", (4 * (CELL_WIDTH + 8), sum(max(c.height for c in row) + 8 for row in rows)), "grey")
    top = 0
    for row in rows:
        for at, cell in enumerate(row):
            whole.paste(cell, (at * (CELL_WIDTH + 8), top))
        top += max(cell.height for cell in row) + 8
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.save(path)


def look(notebook: Notebook, network: str, views: Sequence[str], widths: Sequence[int], dark: int) -> None:
    """Take all pictures of one network."""
    shots: dict[tuple[str, int], list[tuple[str, Image.Image]]] = {}
    known = notebook.python("list(explorer.views)")
    for view in [view for view in known if not views or view in views]:
        error = show(notebook, view)
        for theme in ("Light", "Dark"):
            notebook.in_theme(theme)
            for width in widths if theme == "Light" else [dark]:
                notebook.page.set_viewport_size({"width": width, "height": HEIGHT})
                notebook.page.wait_for_timeout(1500)  # the montage is laid out anew by the kernel
                notebook.await_layout()
                shot = notebook.whole_picture()
                found = faults(notebook, width)
                title = f"{view}{' ! ' + '; '.join(found)[:60] if found else ''}"
                shots.setdefault((theme, width), []).append((title, shot))
                if found or error:
                    print(f"{network}, {view}, {theme} {width}: {error or ''} {'; '.join(found)}", flush=True)
    for (theme, width), pictures in shots.items():
        sheet(pictures, ARTIFACTS / "sheets" / f"{network}_{theme.lower()}_{width}.png")
    print(f"{network}: {sum(map(len, shots.values()))} pictures, errors of the page: {notebook.faults()}", flush=True)


def main() -> None:
    """Look at the networks that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--views", nargs="+", default=[])
    parser.add_argument("--widths", nargs="+", type=int, default=[800, 1400, 2560])
    parser.add_argument("--dark", type=int, default=1400, help="the width at which the dark theme is looked at")
    given, path = parser.parse_args(), chromium()
    if path is None:
        sys.exit("no chromium on the PATH")
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as served:
        for name in given.networks:
            cell = f"{SETUP}{BEFORE.get(name, '')}explorer = {NETWORKS[name]}\nexplorer"
            write_notebook(Path(served, f"{name}.ipynb"), [cell])
        with browser_of(path) as browser, lab_server(Path(served), Path(home)) as base:
            for name in given.networks:
                page = browser.new_page(viewport={"width": 1400, "height": HEIGHT})
                notebook = Notebook(page, base, "lab", f"{name}.ipynb")
                notebook.await_cells()
                notebook.rest()
                notebook.command("application:toggle-left-area")
                look(notebook, name, given.views, given.widths, given.dark)
                notebook.close()


if __name__ == "__main__":
    main()

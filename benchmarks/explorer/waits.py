"""Single waits and rates of the explorer in a browser, by the page's own clock; ``__main__.py`` makes a table of them.

Times run from the click, key or choice in the page to the first frame of the page after the picture was drawn; nothing
of the script's own delays is in them.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from playwright.sync_api import Locator, expect

from benchmarks.measurements import Figure, Measurement
from tests.browser.servers import Notebook

PATIENCE_MS = 90_000

CELL = """
import threading, time
from cnnvis_widgets import ModelExplorer, dream
from cnnvis_widgets.widgets.jobs.computations import RESULTS
explorer = ModelExplorer()
explorer.state.layer, explorer.state.order = "stem_relu/Relu6", "number"  # as when these figures were begun
left = []  # (seconds since 1970, the layer before) for every change of the layer
explorer.state.observe(lambda change: left.append((time.time(), change["old"])), "layer")
def is_there(layer):  # computed beside another one
    network, _, key, name = explorer.fed_images.at(explorer.state.image, layer)
    return RESULTS.get((network, key, name)) is not None
alone = []
dreaming = None
def dream_alone(count, **options):  # the steps of a dream that nobody looks at, timed
    global dreaming
    logits = explorer.network.logits.name
    steps = dream(explorer.network, explorer.feed, logits, 0, octaves=1, steps=count + 5, **options)
    def run():
        for step in steps:
            alone.append(time.time())
    alone.clear()
    dreaming = threading.Thread(target=run)
    dreaming.start()
explorer
"""

WATCH = """() => {
  window.seen = [];   // pictures: which, what its text alternative says, when it was on the screen
  window.acted = 0;   // when something was last done in the page
  const now = () => performance.timeOrigin + performance.now();
  for (const kind of ["change", "click", "keydown"])
    document.addEventListener(kind, () => (window.acted = now()), true);
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const entry = { which: target.dataset.picture, says: target.getAttribute("aria-label"), at: Infinity };
      window.seen.push(entry);
      requestAnimationFrame(() => {
        entry.at = now();
        window.expected?.(entry);
      });
    }
  }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ["data-frames"] });
}"""
EXPECT = """([which, words, patience]) => {
  window.wait = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`no ${which} that says ${words}`)), patience);
    window.expected = (entry) => {
      const late = entry.at - window.acted; // of a picture put up before anything was done: less than 0
      if (late > 0 && entry.which === which && words.every((word) => entry.says.includes(word))) resolve(late);
    };
  });
}"""


CARD_LAYER = "block5_depthwise_relu/Relu6"
SETTLED_MS = 800
"""Between two choices: what follows the pictures, such as the layers of the open block, is over then."""
WATCH_STRIP = """() => {
  window.changed = 0;  // when the film strip last got other pictures
  const now = () => performance.timeOrigin + performance.now();
  const strip = document.querySelector(".cnnvis-strip");
  const sprite = () => strip.querySelector(".cnnvis-strip-box:not(.cnnvis-strip-hidden)")?.style.backgroundImage;
  let shown = sprite();
  new MutationObserver(() => requestAnimationFrame(() => {
    if (sprite() === shown) return;
    shown = sprite();
    if (window.changed < window.acted) window.changed = now();  // of several sprites the first
  })).observe(strip, { subtree: true, attributes: true, attributeFilter: ["style"] });
}"""
WATCH_VOTES = """() => {
  window.voted = 0;  // when the classes of the card last changed
  const now = () => performance.timeOrigin + performance.now();
  new MutationObserver(() => requestAnimationFrame(() => (window.voted = now()))).observe(
    document.querySelector(".cnnvis-votes"), { subtree: true, childList: true });
}"""
COMPLETE = """(names) => {
  const last = (name) => window.seen.filter((each) => each.which === name).at(-1)?.at ?? 0;
  return Math.max(window.voted, ...names.map(last)) - window.acted;
}"""


def waited(notebook: Notebook, act: Callable[[], object], which: str, *words: str) -> float:
    """Milliseconds from what ``act`` does in the page to a picture whose text alternative has all the ``words``.

    The page tells by itself: to ask it at every frame would have it draw all the time, which takes half a processor.
    """
    notebook.page.evaluate(EXPECT, [which, words, PATIENCE_MS])
    act()
    return float(notebook.page.evaluate("() => window.wait"))


def timed(work: str, limit: float, times: Sequence[float]) -> Measurement:
    """A row for waits in milliseconds, of which the median counts."""
    middle = median(times)
    figures = {"least": round(min(times)), "most": round(max(times)), "times": len(times)}
    return Measurement(work, f"median < {limit:.0f} ms", round(middle), middle < limit, "ms", figures)


def with_figures(measured: Measurement, more: Mapping[str, Figure]) -> Measurement:
    """The same row with further figures."""
    return dataclasses.replace(measured, figures={**measured.figures, **more})


def at_rest(notebook: Notebook) -> None:
    notebook.await_python("not explorer.state.running")


def layer_menu(notebook: Notebook) -> Locator:
    return notebook.page.get_by_label("Layer", exact=True)


def layers(notebook: Notebook, dice: random.Random, count: int) -> list[Measurement]:
    """Layers never seen, in random order, and then the same again."""
    labels = notebook.python("[[layer.name, explorer.state.labels[layer.name]] for layer in explorer.network.layers]")
    chosen = dice.sample(labels[5:], count)
    menu = layer_menu(notebook)
    options = menu.evaluate("(it) => [...it.options].map((each) => each.text.replaceAll('\u00a0', ' '))")

    def look(name: str, label: str) -> float:
        option = next(each for each in options if each.endswith(label))
        time = waited(notebook, lambda: menu.select_option(option), "montage", f" {name}:")
        at_rest(notebook)
        return time

    new = []
    for each in chosen:
        there = notebook.python(f"is_there({each[0]!r})")
        new.append((there, look(*each)))
    dice.shuffle(chosen)
    computed = [time for there, time in new if not there]  # the others came with a neighbour
    figures = {"of these computed then": len(computed), "their median": round(median(computed))}
    return [
        with_figures(timed("a layer not seen before: its montage", 400, [time for _, time in new]), figures),
        timed("a layer seen before: its montage", 150, [look(*each) for each in chosen]),
    ]


def units(notebook: Notebook, dice: random.Random, count: int) -> list[Measurement]:
    """A place of the photo is clicked, and then one of the units that see it: its deconvolution."""
    times: list[float] = []
    first: list[float] = []
    names = notebook.python("[layer.name for layer in explorer.network.select('r')]")[9::8]
    for name in names:
        # by 'deconvnet' two units of one value have the same picture, which is not put up twice
        wanted = {"method": "deconvolution", "seed": "unit", "layer": name, "rule": "guided"}
        notebook.python(f"[setattr(explorer.state, *each) for each in {list(wanted.items())}]")
        at_rest(notebook)
        for turn in range(count):
            (times if turn else first).append(_unit(notebook, dice, name))
            at_rest(notebook)
    figures = {"median of the first in each layer": round(median(first)), "layers": len(names)}
    return [with_figures(timed("a unit is clicked: its deconvolution", 500, times), figures)]


def _unit(notebook: Notebook, dice: random.Random, layer: str) -> float:
    photo = notebook.picture("photo")
    box = photo.bounding_box() or {}
    place = {side: dice.uniform(0.2, 0.8) * box[size] for side, size in (("x", "width"), ("y", "height"))}
    found = "explorer.image_pane.units.units"
    before = notebook.python(f"id({found})")
    photo.click(position=place)
    notebook.await_python(f"id({found}) != {before} and bool({found})")
    entries = notebook.page.locator(".cnnvis-explorer select[size]:visible").first
    expect(entries.locator("option")).to_have_text(notebook.python(f"list(map(str, {found}))"))
    chosen = f"next(each for each in {found} if each.channel != explorer.state.channel)"  # another picture than now
    text, channel, row, column = notebook.python(f"(lambda it: [str(it), it.channel, *it.unit])({chosen})")
    words = f"What made map {channel} of {layer} ", f" at row {row}, column {column}"
    return waited(notebook, lambda: entries.select_option(text), "large", *words)


def strip(notebook: Notebook, count: int) -> list[Measurement]:
    """Images that were never chosen: from the click on a thumbnail to the film strip of that image."""
    page = notebook.page
    page.evaluate(WATCH_STRIP)
    names, times = notebook.python("list(explorer.state.images)"), []
    for name in names[1 : count + 1]:
        page.locator(f".cnnvis-image[aria-label='{name}']").click()
        notebook.await_python(f"explorer.state.images[explorer.state.image] == {name!r} and not explorer.state.running")
        page.wait_for_function("() => window.changed > window.acted")
        times.append(float(page.evaluate("() => window.changed - window.acted")))
        notebook.python("explorer.strip.wait(60)")
        page.wait_for_timeout(SETTLED_MS)
    page.locator(f".cnnvis-image[aria-label='{names[0]}']").click()
    return [timed("a new image: the film strip of all blocks", 250, times)]


def card(notebook: Notebook, dice: random.Random, count: int) -> list[Measurement]:
    """Maps are clicked in the montage: from the click to the last of map, patch, projection and classes in the card."""
    page = notebook.page
    notebook.python(
        f"[setattr(explorer.state, *each) for each in {[('method', 'activations'), ('layer', CARD_LAYER)]}]"
    )
    at_rest(notebook)
    page.evaluate(WATCH_VOTES)
    times: list[float] = []
    channels = notebook.python("explorer.views['activations'].context.gallery._grid.channels")
    for turn, channel in enumerate(dice.sample(channels[:120], count + 1)):
        page.wait_for_timeout(SETTLED_MS)
        page.evaluate("() => { window.seen.length = 0; window.voted = 0; }")
        page.mouse.click(*notebook.at("montage", *notebook.tile(channel)))
        notebook.await_python(f"explorer.state.channel == {channel} and explorer.card.wait(60).channel == {channel}")
        projected = notebook.python("explorer.card.face.excites.figure.pixels is not None")
        page.wait_for_timeout(SETTLED_MS)
        late = page.evaluate(COMPLETE, ["card-where", "card-sees", *(["card-excites"] if projected else [])])
        if turn and projected:  # the first one of a layer waits for TensorFlow's trace
            times.append(float(late))
    return [timed("a map is clicked: its card without dream and survey", 300, times)]


def dream(notebook: Notebook, seconds: float) -> list[Measurement]:
    """Frames of dreams of a class at 224 x 224 on the screen, and what they cost the dream."""
    return [*_dream(notebook, seconds, "photo"), *_dream(notebook, seconds, "noise")]


def _dream(notebook: Notebook, seconds: float, start: str) -> list[Measurement]:
    page = notebook.page
    settings = "[setattr(explorer.state, 'octaves', 1), setattr(explorer.state, 'steps', 1000)]"
    options = "start='feed'" if start == "photo" else ""
    rates: dict[str, list[float]] = {"shown": [], "alone": [], "frames": []}
    for _ in range(3):
        notebook.python(f"[{settings}, setattr(explorer.state, 'start', '{start}'), explorer.start()]")
        # a step of this dream: the last one of the dream before has a higher index
        notebook.await_python("type(explorer.result).__name__ == 'DreamStep' and 3 < explorer.result.index < 20")
        page.evaluate("() => (window.seen.length = 0)")
        before = notebook.python("[explorer.result.index, time.time()]")
        page.wait_for_timeout(1000 * seconds)
        after = notebook.python("[explorer.result.index, time.time()]")
        frames = page.evaluate("() => window.seen.filter((each) => each.which === 'dream').length")
        notebook.python("explorer.stop()")
        at_rest(notebook)
        passed = after[1] - before[1]
        rates["frames"].append(frames / passed)
        rates["shown"].append((after[0] - before[0]) / passed)
        notebook.python(f"dream_alone({int(rates['shown'][-1] * seconds) + 5}, {options})")
        notebook.await_python("not dreaming.is_alive()")
        rates["alone"].append(notebook.python("(len(alone) - 6) / (alone[-1] - alone[5])"))
    frames, shown, alone = (median(rates[name]) for name in ("frames", "shown", "alone"))
    loss = 100 * (1 - shown / alone)
    steps = {"steps a second with the display": round(shown, 1), "without": round(alone, 1)}
    what = f"a dream from {'a photo' if start == 'photo' else 'noise'} at 224 x 224"
    return [
        Measurement(f"{what}: frames on the screen", ">= 10 a second", round(frames, 1), frames >= 10, figures=steps),
        Measurement(f"{what}: what the display costs it", "< 10 %", round(loss, 1), loss < 10, "%", steps),
    ]


def occluder(notebook: Notebook, seconds: float) -> list[Measurement]:
    """The grey square dragged to and fro: how often the strongest map and the bars follow."""
    page = notebook.page
    notebook.python("[setattr(explorer.state, 'method', 'occlusion'), explorer.stop()]")
    at_rest(notebook)
    photo = notebook.picture("photo")
    expect(photo).to_have_attribute("data-drag", "move")  # the page has taken in what else changed, too
    photo.evaluate("(it) => it.scrollIntoView({ block: 'center' })")  # the mouse does not scroll
    box = photo.bounding_box() or {}

    def place(part: float) -> tuple[float, float]:
        return box["x"] + (0.2 + 0.6 * part) * box["width"], box["y"] + 0.5 * box["height"]

    page.mouse.move(*place(0))
    page.mouse.down()
    page.mouse.move(*place(0.1))
    notebook.await_python("explorer.views['occlusion'].manual.occluded is not None")
    page.evaluate("() => (window.seen.length = 0)")
    moves = int(seconds * 30)
    began = page.evaluate("() => performance.now()")
    for move in range(moves):
        page.mouse.move(*place(abs(1 - 2 * ((move / 60) % 1))))
        page.wait_for_timeout(33)
    passed = (page.evaluate("() => performance.now()") - began) / 1000
    updates = page.evaluate("() => window.seen.filter((each) => each.which === 'occluded').length") / passed
    page.mouse.up()
    return [Measurement("the grey square is dragged: updates", ">= 8 a second", round(updates, 1), updates >= 8)]


def stale(notebook: Notebook, seconds: float) -> list[Measurement]:
    """Layers changed faster than they can be computed: how far the screen is behind the state."""
    page = notebook.page
    notebook.python("setattr(explorer.state, 'method', 'activations')")
    at_rest(notebook)
    page.evaluate("() => (window.seen.length = 0)")
    notebook.python("left.clear()")
    layer_menu(notebook).focus()
    for turn in range(int(seconds * 8)):
        page.keyboard.press("ArrowDown" if turn % 16 < 12 else "ArrowUp")
        page.wait_for_timeout(100)
    at_rest(notebook)
    changes = [*notebook.python("left"), [float("inf"), notebook.python("explorer.state.layer")]]
    frames = page.evaluate("() => window.seen.filter((each) => ['montage', 'large'].includes(each.which))")
    ages = [_age(frame, changes) for frame in frames]
    worst = max(ages, default=0.0)
    figures = {"frames": len(ages), "of a layer left before": sum(age > 0 for age in ages)}
    what = "the oldest picture put up, behind the state"
    return [Measurement(what, "<= 300 ms", round(worst), worst <= 300, "ms", figures)]


def _age(frame: dict[str, Any], changes: Sequence[Sequence[Any]]) -> float:
    """Milliseconds between when the layer of a picture was left and when the picture came; 0 if it was still chosen."""
    before = [when for when, name in changes if 1000 * when < frame["at"] and f" {name}:" in frame["says"]]
    chosen = next(name for when, name in changes if 1000 * when >= frame["at"])
    return 0.0 if not before or f" {chosen}:" in frame["says"] else frame["at"] - 1000 * max(before)

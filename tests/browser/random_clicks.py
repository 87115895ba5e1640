"""Random clicks on every control of the explorer, in two views and over reloads: what breaks, grows or hangs.

    python tests/browser/random_clicks.py [--minutes 30] [--seed 0]

One notebook shows one explorer twice in JupyterLab. Controls are drawn at random among all that can be seen; the page
is reloaded now and then. Reported are exceptions of Python and of the page, the kernel's memory (resident set) after
five minutes and at the end, and how long the kernel takes to answer ``1+1`` all the while. What is computed at that
moment takes up to 400 MB of the memory; that at rest, every five minutes, tells whether something is left behind.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import ElementHandle, Page
from playwright.sync_api import Error as PageError
from servers import VIEWPORT, Notebook, browser_of, chromium, lab_server, write_notebook

CELLS = ("import os\nfrom cnnvis_widgets import ModelExplorer\nexplorer = ModelExplorer()\nexplorer", "explorer")
CONTROLS = "button, select, input:not([type=file]), canvas[tabindex], [role=slider], textarea"
RELOAD_SECONDS = 150
REST_SECONDS = 300
PATIENCE_MS = 3000
SLOW_MS = 1000
KEYS = ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "Enter", " ", "Escape")
ANSWER = """async () => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel, began = performance.now();
  await kernel.requestExecute({code: '1+1', silent: true}).done;
  return performance.now() - began;
}"""
OURS = re.compile("cnnvis|anywidget|bqplot|widget", re.I)


def act(page: Page, view: int, dice: random.Random) -> str:
    """Use one control of one view, drawn at random; what was done, in words."""
    explorer = page.locator(".cnnvis-explorer").nth(view)
    controls = [
        each for each in explorer.locator(CONTROLS).element_handles() if each.is_visible() and each.is_enabled()
    ]
    if not controls:
        return "nothing to use"
    control = dice.choice(controls)
    kind = control.evaluate("(it) => it.tagName + ' ' + (it.type || it.getAttribute('role') || '')").lower()
    if kind.startswith("select"):
        count = control.evaluate("(it) => it.options.length")
        control.select_option(index=dice.randrange(max(1, count)), timeout=PATIENCE_MS)
    elif kind.startswith("canvas"):
        _on_canvas(page, control, dice)
    elif kind.startswith(("input number", "input text", "input ", "textarea")) and "checkbox" not in kind:
        control.fill(str(dice.choice([0, 1, 2, 3, 7, 20, 300, ""])), timeout=PATIENCE_MS)
        control.press("Enter", timeout=PATIENCE_MS)
    elif "slider" in kind:
        control.press(dice.choice(KEYS[:6]), timeout=PATIENCE_MS)
    else:
        control.click(timeout=PATIENCE_MS)
    return kind


def _on_canvas(page: Page, canvas: ElementHandle, dice: random.Random) -> None:
    box = canvas.bounding_box()
    if box is None:
        return
    places = [{"x": dice.random() * box["width"], "y": dice.random() * box["height"]} for _ in range(2)]
    what = dice.choice(("click", "key", "drag", "hover"))
    if what == "click":
        canvas.click(position=places[0], timeout=PATIENCE_MS)
    elif what == "hover":
        canvas.hover(position=places[0], timeout=PATIENCE_MS)
    elif what == "key":
        canvas.press(dice.choice(KEYS), timeout=PATIENCE_MS)
    else:
        canvas.hover(position=places[0], timeout=PATIENCE_MS)
        page.mouse.down()
        page.mouse.move(box["x"] + places[1]["x"], box["y"] + places[1]["y"], steps=8)
        page.mouse.up()


def resident(process: int) -> float:
    """Memory of a process in MB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def at_rest(notebook: Notebook, process: int) -> float:
    """The kernel's memory in MB once what runs was stopped, and what it freed had time to be given back."""
    notebook.python("explorer.stop()")
    notebook.await_python("not explorer.state.running")
    notebook.page.wait_for_timeout(5000)
    return resident(process)


def run(notebook: Notebook, minutes: float, dice: random.Random) -> bool:
    page, kernel = notebook.page, notebook.python("os.getpid()")
    began = reloaded = told = time.monotonic()
    memory: list[tuple[float, float]] = []
    resting: list[float] = []
    answers: list[float] = []
    failures: list[str] = []
    counts = {"actions": 0, "refused": 0, "reloads": 0, "reloads repeated": 0}
    while (passed := time.monotonic() - began) < 60 * minutes:
        try:
            done = act(page, dice.randrange(2), dice)
            counts["actions"] += 1
        except PageError as error:  # it went away between being drawn and being used, or lies under another
            done, counts["refused"] = str(error).splitlines()[0], counts["refused"] + 1
        answers.append(page.evaluate(ANSWER))
        if answers[-1] > SLOW_MS:
            asked = notebook.python("[explorer.state.method, explorer.state.layer, explorer.state.status]")
            print(f"{passed:6.0f} s  {answers[-1]:.0f} ms for 1+1 after {done} in {asked}", flush=True)
        memory.append((passed, resident(kernel)))
        if passed > REST_SECONDS * (len(resting) + 1):
            resting.append(at_rest(notebook, kernel))
        said = notebook.python("[explorer.state.error, explorer.traceback]")
        if any(said) and said[0] not in failures:
            failures.append(said[0])
            print(f"{passed:6.0f} s  after {done}: {said[0]}\n{said[1]}", flush=True)
        if time.monotonic() - reloaded > RELOAD_SECONDS:
            try:
                if again := notebook.reload(views=2, tries=8) - 1:
                    counts["reloads repeated"] += again
                    failures.append(f"{passed:.0f} s: a reload had to be repeated, {again} times")
            except (PageError, AssertionError) as error:  # nothing is left to click, but what was measured counts
                failures.append(f"the page did not come back after a reload: {str(error).splitlines()[0]}")
                break
            reloaded, counts["reloads"] = time.monotonic(), counts["reloads"] + 1
        if time.monotonic() - told > 60:
            told = time.monotonic()
            print(
                f"{passed:6.0f} s  {memory[-1][1]:.0f} MB, slowest answer {max(answers):.0f} ms, {counts}", flush=True
            )
    else:
        resting.append(at_rest(notebook, kernel))
    errors = [text for text in notebook.errors if OURS.search(text)]
    return report(memory, resting, answers, failures, errors, counts)


def report(
    memory: list[tuple[float, float]],
    resting: list[float],
    answers: list[float],
    failures: list[str],
    errors: list[str],
    counts: dict[str, int],
) -> bool:
    """Print the figures; whether all is as it should be."""
    end = memory[-1][0]
    early = [size for when, size in memory if when >= min(300, end / 2)][:10]
    late = [size for when, size in memory if when >= end - 60]
    growth = median(late) / median(early) - 1
    slow = sum(answer > SLOW_MS for answer in answers)
    print(f"ran {end / 60:.1f} minutes: {counts}")
    print(f"failures:             {len(failures)} {failures}")
    print(f"errors in the page:   {len(errors)} {errors[:5]}")
    print(f"kernel memory:        {median(early):.0f} MB at first, {median(late):.0f} MB at the end: {growth:+.1%}")
    print(f"at rest:              {[round(size) for size in resting]} MB")
    print(
        f"1+1:                  median {median(answers):.0f} ms, slowest {max(answers):.0f} ms, "
        f"{slow} of {len(answers)} over a second"
    )
    return not failures and not errors and growth <= 0.1 and not slow


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    path = chromium()
    if path is None:
        sys.exit("Expected Chromium on the PATH. Received: none. 'apt-get install chromium' brings it.")
    with tempfile.TemporaryDirectory() as home, browser_of(path) as browser:
        folder = Path(home) / "served"
        folder.mkdir()
        write_notebook(folder / "clicks.ipynb", CELLS)
        with lab_server(folder, Path(home)) as base:
            notebook = Notebook(browser.new_page(viewport=VIEWPORT), base, "lab", "clicks.ipynb")
            notebook.await_cells()
            good = run(notebook, given.minutes, random.Random(given.seed))
            notebook.close()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

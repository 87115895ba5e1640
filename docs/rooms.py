"""Drawings of the rooms and of the arrows between them, made from the code: ``python docs/rooms.py`` writes them anew.

A room is a folder or a module right inside the package, inside its engine or inside its widgets. An arrow says that a
module of one room imports a module of another; one that follows from others is pale. The sentence in a box is the first
of the room's docstring.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
PACKAGES = ("cnnvis_widgets", "cnnvis_widgets.engine", "cnnvis_widgets.widgets")
WIDTH, MARGIN, GAP, FLOOR_GAP, LINE = 1080, 20, 20, 46, 16
BOX_WIDTH = 330
"""The most that a box is wide, in pixels."""
LETTER = 6.4
"""About how wide a letter of a sentence is, in pixels."""

Arrow = tuple[str, str]


@dataclass(frozen=True)
class Box:
    """A room on the drawing: its name, the lines of its sentence, and its place in pixels."""

    room: str
    lines: tuple[str, ...]
    left: float
    top: float
    width: float
    height: float


def import_graph() -> grimp.ImportGraph:
    """All imports between modules of the package, those for type checkers included."""
    return grimp.build_graph("cnnvis_widgets", cache_dir=None)


def rooms_in(graph: grimp.ImportGraph, package: str) -> list[str]:
    """The names of the folders and modules right inside a package."""
    return sorted(name.rpartition(".")[2] for name in graph.find_children(package))


def arrows_in(graph: grimp.ImportGraph, package: str) -> set[Arrow]:
    """Pairs (room, imported room) inside a package."""
    return {
        (room, other)
        for room in rooms_in(graph, package)
        for module in {f"{package}.{room}", *graph.find_descendants(f"{package}.{room}")}
        for imported in graph.find_modules_directly_imported_by(module)
        if imported.startswith(f"{package}.")
        and (other := imported.removeprefix(f"{package}.").partition(".")[0]) != room
    }


def floors_of(rooms: Collection[str], arrows: Collection[Arrow]) -> list[list[str]]:
    """Rooms by floor, the lowest first: a room lies above all that it imports.

    Raises:
        ValueError: the rooms import each other in a circle.
    """
    floors: list[list[str]] = []
    left = set(rooms)
    while left:
        floor = sorted(room for room in left if not any(other in left for start, other in arrows if start == room))
        if not floor:
            raise ValueError(f"Expected rooms without circles of imports. Received: {sorted(left)} import each other.")
        floors.append(floor)
        left -= set(floor)
    return floors


def implied(arrows: Collection[Arrow]) -> set[Arrow]:
    """The arrows that follow from others: there is a longer way between the same rooms."""
    onward: dict[str, set[str]] = {}
    for start, end in arrows:
        onward.setdefault(start, set()).add(end)

    def reaches(room: str, end: str) -> bool:
        return room == end or any(reaches(other, end) for other in onward.get(room, ()))

    return {(start, end) for start, end in arrows if any(reaches(other, end) for other in onward[start] - {end})}


def sentence_of(package: str, room: str) -> str:
    """The first sentence of a room's docstring."""
    path = ROOT.joinpath(*package.split("."), room)
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = " ".join((ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "").split("\n\n")[0].split())
    first, dot, _ = text.partition(". ")
    return (first + dot).replace("``", "").strip()


def boxes_of(package: str, floors: Sequence[Sequence[str]]) -> dict[str, Box]:
    """Where each room is drawn: the highest floor at the top."""
    boxes: dict[str, Box] = {}
    top = float(MARGIN)
    for floor in reversed(floors):
        width = min(BOX_WIDTH, (WIDTH - 2 * MARGIN - GAP * (len(floor) - 1)) / len(floor))
        letters = int((width - 16) / LETTER)
        lines = {room: tuple(textwrap.wrap(sentence_of(package, room), letters)) for room in floor}
        height = LINE * (max(map(len, lines.values())) + 1) + 16
        start = (WIDTH - len(floor) * width - GAP * (len(floor) - 1)) / 2
        for place, room in enumerate(floor):
            boxes[room] = Box(room, lines[room], start + place * (width + GAP), top, width, height)
        top += height + FLOOR_GAP
    return boxes


def drawn_arrow(start: Box, end: Box, pale: bool) -> str:
    """A curve from the lower edge of a box to the upper edge of another."""
    x, y, to_x, to_y = start.left + start.width / 2, start.top + start.height, end.left + end.width / 2, end.top - 2
    bend = (to_y - y) / 2
    style = 'class="pale"' if pale else 'class="arrow" marker-end="url(#head)"'
    curve = f"M{x:.0f} {y:.0f} C{x:.0f} {y + bend:.0f} {to_x:.0f} {to_y - bend:.0f} {to_x:.0f} {to_y:.0f}"
    return f'<path {style} d="{curve}"/>'


def drawn_box(box: Box) -> str:
    """A frame with the name of a room and its sentence."""
    middle = box.left + box.width / 2
    frame = f'<rect x="{box.left:.0f}" y="{box.top:.0f}" width="{box.width:.0f}" height="{box.height:.0f}" rx="6"/>'
    name = f'<text class="name" x="{middle:.0f}" y="{box.top + LINE + 2:.0f}">{escape(box.room)}</text>'
    lines = [
        f'<text x="{middle:.0f}" y="{box.top + LINE * (place + 2) + 4:.0f}">{escape(text)}</text>'
        for place, text in enumerate(box.lines)
    ]
    return "\n".join([frame, name, *lines])


HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
font-family="sans-serif" font-size="12">
<title>The rooms of {package}, and which imports which</title>
<style>
rect {{ fill: #f4f7fb; stroke: #3b5b85; }} text {{ text-anchor: middle; fill: #333; }}
.name {{ font-weight: bold; font-size: 14px; fill: #1d3557; }}
.arrow {{ fill: none; stroke: #3b5b85; stroke-width: 1.4; }} .pale {{ fill: none; stroke: #ccd6e4; }}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 L8 4 L0 8 z" fill="#3b5b85"/></marker></defs>
<rect width="100%" height="100%" style="fill: white; stroke: none"/>
"""


def drawing(graph: grimp.ImportGraph, package: str) -> str:
    """The rooms of a package and the arrows between them, as SVG."""
    arrows = arrows_in(graph, package)
    boxes = boxes_of(package, floors_of(rooms_in(graph, package), arrows))
    pale = implied(arrows)
    ordered = [*sorted(pale), *sorted(arrows - pale)]  # pale ones lie below
    height = max(box.top + box.height for box in boxes.values()) + MARGIN
    parts = [HEAD.format(width=WIDTH, height=f"{height:.0f}", package=package)]
    parts += [drawn_arrow(boxes[start], boxes[end], (start, end) in pale) for start, end in ordered]
    parts += [drawn_box(box) for box in boxes.values()]
    return "\n".join([*parts, "</svg>", ""])


def drawings() -> Mapping[Path, str]:
    """Every drawing by the file that it belongs into."""
    graph = import_graph()
    return {IMAGES / f"rooms_{package.rpartition('.')[2]}.svg": drawing(graph, package) for package in PACKAGES}


if __name__ == "__main__":
    for path, text in drawings().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))

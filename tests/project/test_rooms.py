"""The layout of the repository: rooms of a size to be seen at once, arrows one way, drawings, tests beside them."""

from __future__ import annotations

import ast

import figures
import pytest
import rooms

FORBIDDEN = {"utils", "util", "misc", "helpers", "common", "tools"}
TESTED_ELSEWHERE = {"browser", "mutations", "oracles", "project"}
ARROWS = {("house", "floor"), ("house", "cellar"), ("floor", "cellar"), ("shed", "cellar")}


def test_rooms_lie_above_all_that_they_import() -> None:
    rooms_there = ["cellar", "floor", "house", "shed", "well"]
    assert rooms.floors_of(rooms_there, ARROWS) == [["cellar", "well"], ["floor", "shed"], ["house"]]


def test_a_circle_of_rooms_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Received: \['cellar', 'floor'\] import each other"):
        rooms.floors_of(["cellar", "floor", "well"], {("cellar", "floor"), ("floor", "cellar")})


def test_an_arrow_that_follows_from_others_is_found() -> None:
    assert rooms.implied(ARROWS) == {("house", "cellar")}
    assert rooms.implied(ARROWS - {("floor", "cellar")}) == set()


def test_the_drawings_are_those_of_the_code() -> None:
    stale = [
        path.name for path, text in rooms.drawings().items() if not path.exists() or path.read_text("utf-8") != text
    ]
    assert not stale, f"{', '.join(stale)} show other rooms, sentences or arrows: run 'python docs/rooms.py'"


def test_every_room_says_what_it_is_for() -> None:
    graph = rooms.import_graph()
    silent = [
        f"{package}.{room}"
        for package in rooms.PACKAGES
        for room in rooms.rooms_in(graph, package)
        if not rooms.sentence_of(package, room).endswith(".")
    ]
    assert not silent


def test_a_folder_is_seen_at_once() -> None:
    counts = figures.modules_in_folders()
    assert len(counts) > 15
    assert max(counts.values()) <= 20, counts


def test_no_module_has_a_name_that_says_nothing() -> None:
    paths = set(rooms.ROOT.glob("cnnvis_widgets/**/*.py"))
    paths.remove(rooms.ROOT / "cnnvis_widgets/utils.py")  # scripts for tf_cnnvis import two helpers from this name
    named = {part for path in paths for part in (path.stem, path.parent.name)}
    assert len(named) > 100
    assert not named & FORBIDDEN


def test_functions_are_short_and_take_few_arguments() -> None:
    every = figures.functions()
    assert len(every) > 1000
    assert not [it for it in every if it.lines > 40]
    assert not [it for it in every if it.parameters > 6 and not it.public]


def test_every_public_name_is_documented() -> None:
    names = figures.documented()
    assert len(names) > 100
    assert not [entry.name for entry in names if not entry.docstring]


def test_the_tests_mirror_the_package() -> None:
    folders = {path.parent.relative_to(rooms.ROOT / "tests") for path in (rooms.ROOT / "tests").rglob("test_*.py")}
    package = rooms.ROOT / "cnnvis_widgets"
    astray = [str(it) for it in folders if it.parts[:1] not in {(name,) for name in TESTED_ELSEWHERE}]
    astray = [folder for folder in astray if not (package / folder / "__init__.py").exists()]
    assert len(folders) > 15
    assert not astray


def test_lines_and_parameters_are_counted() -> None:
    source = '''
class Room:
    def walk(self, far, *steps, slow=False, **words):
        """Say nothing.

        And mean it.
        """
        def stop(): pass
        return stop
'''
    (walk, stop) = (node for _, node in figures.defined(ast.parse(source), ()))
    assert [names for names, _ in figures.defined(ast.parse(source), ())] == [
        ("Room", "walk"),
        ("Room", "walk", "stop"),
    ]
    assert (figures.lines_of(walk), figures.lines_of(stop)) == (3, 1)
    assert (figures.parameters_of(walk), figures.parameters_of(stop)) == (4, 0)

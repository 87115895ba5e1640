"""The table of benchmarks says what its figures say."""

import dataclasses
import re
from pathlib import Path

import pytest

from benchmarks.engine.__main__ import FILE, PAGE, document
from benchmarks.engine.reconstruction import against, flat
from benchmarks.measurements import Measurement, keep, read, spread, write

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("target", "ratio", "met"),
    [(">= 1.4", 1.4, True), (">= 10", 9.99, False), ("< 2 s", 1.01, True), ("< 2 s", 0.9, False), ("", 3, None)],
)
def test_whether_a_target_is_met(target, ratio, met):
    assert against("work", target, ratio).met is met


@pytest.mark.parametrize(("early", "late", "met"), [(1000, 1040, True), (1000, 1200, False), (2100, 2100, False)])
def test_whether_memory_stays_flat(early, late, met):
    assert flat(early, late) is met


def test_measurements_outlive_a_file(tmp_path):
    rows = [
        Measurement(
            "one", ">= 2", 1.5, False, "ms", {"least": 1, "all": [1, 2]}, ("1 s a.py:b",), 0.5, 1.4, {"cores": 2}
        ),
        Measurement("two"),
    ]
    write(tmp_path / "rows.json", rows)
    assert read(tmp_path / "rows.json") == rows
    assert read(tmp_path / "none.json") == []


def test_rows_of_an_earlier_run_on_the_same_machine_stay(tmp_path):
    path = tmp_path / "rows.json"
    first, second = {"name": "a", "value": 1}, {"name": "b", "value": 2}
    assert keep(path, {"cores": 2}, [first], "name") == [first]
    assert keep(path, {"cores": 2}, [second], "name") == [first, second]
    assert keep(path, {"cores": 2}, [{"name": "a", "value": 3}], "name") == [{"name": "a", "value": 3}, second]
    assert keep(path, {"cores": 4}, [second], "name") == [second]


def test_every_file_of_figures_that_the_readme_names_is_there():
    named = re.findall(r"`([a-z_]+\.json)`", (ROOT / "benchmarks/README.md").read_text("utf-8"))
    assert len(named) > 10
    assert [name for name in named if not (ROOT / "benchmarks/results" / name).is_file()] == []


@pytest.mark.parametrize(
    ("times", "three"), [([3.0, 1.0, 2.0], [1, 2, 3]), ([4, 1, 2, 3], [1, 2.5, 4]), ([5], [5, 5, 5])]
)
def test_a_spread_is_minimum_median_and_maximum(times, three):
    assert spread(times) == three


def test_the_document_is_that_of_the_figures():
    assert PAGE.read_text("utf-8") == document(read(FILE))


def test_a_missed_target_comes_with_its_profile():
    missed = Measurement("work", ">= 2", 1.5, False, profile=("1.00 s a.py:b",), machine={"cores": 2})
    assert "- `1.00 s a.py:b`" in document([missed])
    assert "a.py" not in document([dataclasses.replace(missed, value=2.5, met=True)])


def test_every_benchmark_is_in_the_readme():
    readme = (ROOT / "benchmarks/README.md").read_text("utf-8")
    commands = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        for path in sorted((ROOT / "benchmarks").glob("*/*.py"))
        if 'if __name__ == "__main__":' in path.read_text("utf-8") and path.name != "stored_results.py"
    ]
    assert len(commands) > 6
    unnamed = [command for command in commands if f"`{command}" not in readme]
    of_others = [  # which other benchmarks start
        "benchmarks.engine.reconstruction",
        "benchmarks.load.kernels",
        "benchmarks.load.parts",
        "benchmarks.peers.work",
    ]
    assert unnamed == of_others


def waits():
    pytest.importorskip("playwright")
    from benchmarks.explorer import waits

    return waits


def test_a_wait_is_judged_by_its_median():
    timed = waits().timed
    assert [timed("a wait", 150, times).met for times in ([100, 149, 900], [100, 150, 151])] == [True, False]


def test_how_old_a_picture_is():
    age = waits()._age
    left = [[10.0, "first"], [11.0, "second"], [12.0, "first"], [float("inf"), "third"]]  # when it was left, and which
    said = "Feature maps of first: all 8"
    assert age({"says": said, "at": 9_900.0}, left) == 0  # before it was left
    assert age({"says": said, "at": 10_250.0}, left) == 250
    assert age({"says": said, "at": 11_500.0}, left) == 0  # it is chosen again
    assert age({"says": said, "at": 12_100.0}, left) == 100
    assert age({"says": "Feature maps of third: all 8", "at": 12_500.0}, left) == 0


def test_the_page_of_the_explorer_is_that_of_the_figures():
    waits()
    from benchmarks.explorer.__main__ import FILE, PAGE, document

    assert PAGE.read_text("utf-8") == document(read(FILE))


def test_the_page_of_surveys_is_that_of_the_figures():
    from benchmarks.survey.__main__ import FILE, PAGE, document

    assert PAGE.read_text("utf-8") == document(read(FILE))
    assert {row.work for row in read(FILE)} >= {"survey of all convolutions"}


def test_surveys_are_measured_on_pictures_of_one_size():
    from benchmarks.survey.__main__ import pictures, small_pictures

    images = pictures(11, 200)
    assert (images.shape, images.dtype) == ((11, 200, 200, 3), "uint8")
    assert len({image.tobytes() for image in images}) == 11
    assert [each.shape for each in small_pictures(2)] == [(64, 64, 3)] * 2

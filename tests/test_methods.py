"""The table of methods agrees with the functions, the results and the pages that it describes."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import cnnvis_widgets
from cnnvis_widgets import methods, results
from cnnvis_widgets.methods import METHODS, Method
from cnnvis_widgets.outputs import pictures
from cnnvis_widgets.outputs.file_names import picture_path
from cnnvis_widgets.outputs.tensorboard import tag_of
from cnnvis_widgets.results import Layer

ROWS = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
LAYER = Layer("conv1/Relu", "relu", "r", (None, 4, 5, 3), 3)


def function_of(method: Method, name: str):
    return getattr(import_module(f"cnnvis_widgets.{method.module}"), name)


@ROWS
def test_the_package_exports_the_function_of_every_row(method):
    assert getattr(cnnvis_widgets, method.function) is function_of(method, method.function)


@ROWS
def test_every_row_names_keywords_that_its_function_and_its_steps_take(method):
    for name in filter(None, (method.function, method.steps)):
        parameters = inspect.signature(function_of(method, name)).parameters
        for keyword in (*method.fixed, *(option.name for option in method.options)):
            assert parameters[keyword].kind is inspect.Parameter.KEYWORD_ONLY, keyword
        positional = [name for name, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
        assert tuple(option.name for option in method.asks) in (tuple(positional[2:]), ()), "what it asks for"
        for option in method.asks:
            assert parameters[option.name].default in (option.default, inspect.Parameter.empty), option.name
        for option in method.options:  # a dream chooses its own defaults where it is given None
            assert parameters[option.name].default in (option.default, None), option.name


@ROWS
def test_every_default_lies_in_its_range(method):
    for option in (*method.asks, *method.options):
        assert option.default is None or option.reading
        assert not option.reading or option.about
        assert option.low is None or option.default >= option.low
        assert option.high is None or option.default <= option.high
        assert not option.choices or option.default in option.choices


@ROWS
def test_every_result_is_drawn(method):
    if method.kind == "survey":
        assert getattr(cnnvis_widgets, method.gives).patches  # it is an index, whose answers are drawn
        return
    result = getattr(results, method.gives)
    assert result in pictures._DRAWN_BY or method.kind == "intervention"


@ROWS
def test_every_picture_has_a_file_and_a_tag_of_its_own(method):
    picture = pictures.Picture(LAYER, method.kind, method.name, None, 3, "3", b"", (1, 1, 1))
    others = [pictures.Picture(LAYER, row.kind, row.name, None, 3, "3", b"", (1, 1, 1)) for row in METHODS.values()]
    assert [picture_path(other, "conv1") for other in others].count(picture_path(picture, "conv1")) == 1
    assert [tag_of(other) for other in others].count(tag_of(picture)) == 1


def test_a_method_without_steps_gives_its_result_at_once(monkeypatch):
    calls = []
    module = import_module(f"cnnvis_widgets.{METHODS['guided_grad_cam'].module}")
    monkeypatch.setattr(module, "grad_cam", lambda *args, **options: calls.append((args, options)) or "result")
    assert list(METHODS["guided_grad_cam"].run("network", "feed", 3, layer="conv")) == ["result"]
    assert calls == [(("network", "feed", 3), {"layer": "conv", "guided": True})]


def test_the_table_loads_nothing_heavy():
    code = "import sys, cnnvis_widgets.methods; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "cnnvis_widgets.methods" in loaded
    assert not {"numpy", "tensorflow", "keras", "PIL"} & set(loaded)


def test_examples_of_the_table():
    modules = methods, import_module("cnnvis_widgets.methods.method")
    assert [doctest.testmod(module) for module in modules] == [(0, 1), (0, 5)]


@ROWS
def test_the_methods_page_lists_every_row(method):
    page = (Path(cnnvis_widgets.__file__).parents[1] / "docs/methods.md").read_text("utf-8")
    call = method.code("...").removeprefix("cnnvis_widgets.")
    options = ", ".join(f"`{option.name}`" for option in method.options)
    assert f"| {method.title} | `{call}` | `{method.gives}` | {options} |" in page.splitlines()

"""The pages are built without a warning."""

from __future__ import annotations

import base64
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import executed
import ipywidgets as w
import nbformat
import pytest
import stills

import cnnvis_widgets
from cnnvis_widgets import errors
from cnnvis_widgets.widgets.elements.canvas import PictureCanvas

ROOT = Path(__file__).parents[2]
REFERENCE = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "docs/reference").glob("*.md")))


@pytest.mark.parametrize("name", cnnvis_widgets.__all__)
def test_every_public_name_is_in_the_reference(name):
    places = f"cnnvis_widgets.{name}\n", f".{name}\n"
    assert any(place in REFERENCE for place in places)


def test_formulas_need_no_script_and_no_network():
    mathml = pytest.importorskip("mathml", reason="the extra 'docs' is not installed", exc_type=ImportError)
    formula = mathml.of(r"\max\Bigl(0, \sum_k \alpha_k A^k\Bigr)", display="block")
    assert formula.startswith("<math")
    assert 'display="block"' in formula
    assert "script" not in formula


def test_papers_become_links():
    links = pytest.importorskip("links", reason="the extra 'docs' is not installed", exc_type=ImportError)
    text = "ECCV 2014, DOI 10.1007/978-3-319-10590-1_53. See arXiv 1412.6806, and arXiv:1905.11946."
    assert [links.paper(match) for match in links.PAPERS.finditer(text)] == [
        "https://doi.org/10.1007/978-3-319-10590-1_53",
        "https://arxiv.org/abs/1412.6806",
        "https://arxiv.org/abs/1905.11946",
    ]


def test_every_trait_of_the_explorer_is_described():
    traits = pytest.importorskip("traits", reason="the extra 'docs' is not installed", exc_type=ImportError)
    assert [name for name, _, about in traits.rows() if not about] == []


def test_every_method_page_states_formula_limits_and_source():
    pages = sorted((ROOT / "docs/methods").glob("*.md"))
    assert len(pages) >= 11
    for page in pages:
        text = page.read_text("utf-8")
        for heading in ("Limits", "Source"):
            assert re.search(rf"^## {heading}|^\*{heading}\.\*", text, re.M), (page.name, heading)
        assert re.search(r"\$.+\$|^## Formula", text, re.M), page.name
        assert text.splitlines()[2].startswith("*"), page.name  # the question that it answers


def test_every_page_is_in_a_table_of_contents():
    pages = {path.stem: path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md")}
    tables = re.findall(r"^```\{toctree\}\n(.*?)^```", "\n".join(pages.values()), re.M | re.S)
    listed = {line for table in tables for line in table.splitlines()}
    assert set(pages) - listed == {"index"}


def test_files_that_pages_name_are_there():
    folders = "benchmarks|binder|cnnvis_widgets|docker|docs|notebooks|scripts|tests"
    built = {"_build", "notebooks", "pictures"}  # by make docs
    pages = [path for path in (ROOT / "docs").rglob("*.md") if path.relative_to(ROOT / "docs").parts[0] not in built]
    missing = [
        (path.name, name)
        for path in [*pages, *ROOT.glob("*.md")]
        for name in re.findall(rf"`((?:{folders})/[\w./-]+)`", path.read_text("utf-8"))
        if not (ROOT / name).exists() and not name.startswith("docs/_build")
    ]
    assert len(pages) > 30
    assert missing == []


def test_every_error_and_warning_is_in_the_reference():
    [line] = re.findall(r"automodule:: cnnvis_widgets\.errors\n +:members: (.*)", REFERENCE)
    raised = [name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)]
    assert sorted(line.split(", ")) == sorted(raised)


def test_a_still_shows_what_the_widget_showed():
    canvas = PictureCanvas(name="photo", width=200)
    canvas.show(b"\x89PNG of a cat", "a <cat>")
    menu = w.Dropdown(options=[("first & last", 1), ("other", 2)], value=1, description="Layer")
    hidden = w.VBox([w.HTML("<i>not this</i>")], layout=w.Layout(display="none"))
    box = w.VBox([w.HBox([menu]), w.HTML("<b>said</b>"), canvas, hidden, w.Image(value=b"\xff\xd8 a JPEG")])
    html = stills.of(box.model_id, w.Widget.get_manager_state()["state"])
    assert "Layer <b>first &amp; last</b>" in html
    assert "<b>said</b>" in html
    assert "not this" not in html
    data = base64.b64encode(canvas.data).decode()
    assert f'src="data:image/png;base64,{data}" alt="a &lt;cat&gt;" style="max-width: 200px"' in html
    assert "data:image/jpeg;base64," in html


# nbclient leaves closing its sockets to the garbage collector
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_notebooks_are_executed_once(tmp_path, capsys):
    source = tmp_path / "source/part/one.ipynb"
    source.parent.mkdir(parents=True)
    cells = ["print(6 * 7)", "import ipywidgets\nipywidgets.HTML('<b>seen</b>')"]
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), source)
    before = source.read_bytes()

    def make():
        executed.make(tmp_path / "source", tmp_path / "target", tmp_path / "kept")
        return capsys.readouterr().out

    assert make().startswith("executed part/one.ipynb: ")
    made = nbformat.read(tmp_path / "target/part/one.ipynb", as_version=4)
    assert source.read_bytes() == before
    assert [len(cell.outputs) for cell in made.cells] == [1, 1]
    assert made.cells[0].outputs[0].text == "42\n"
    assert "<b>seen</b>" in made.cells[1].outputs[0].data["text/html"]
    assert "widgets" not in made.metadata
    assert make() == ""
    source.write_bytes(before.replace(b"6 * 7", b"6 * 8"))
    assert make().startswith("executed part/one.ipynb: ")


# nbclient leaves closing its sockets to the garbage collector
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_exercises_find_their_sheets(tmp_path, capsys):
    source = tmp_path / "source/exercises/one.ipynb"
    sheet = source.parent / "sheets/sums.py"
    sheet.parent.mkdir(parents=True)
    cell = nbformat.v4.new_code_cell("print(open('sheets/sums.py').read())")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), source)
    for text in ("six", "seven"):  # another sheet is another page
        sheet.write_text(text, "utf-8")
        executed.make(tmp_path / "source", tmp_path / "target", tmp_path / "kept")
        assert capsys.readouterr().out.startswith("executed exercises/one.ipynb: ")
        made = nbformat.read(tmp_path / "target/exercises/one.ipynb", as_version=4)
        assert made.cells[0].outputs[0].text == f"{text}\n"


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("myst_nb") is None, reason="the extra 'docs' is not installed")
def test_the_pages_are_built_without_a_warning(tmp_path):
    """Those of the notebooks with outputs; what 'make docs' has executed already is taken from there."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("html", "notebooks", "pictures"))
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    paths = os.pathsep.join([str(tmp_path / "docs"), str(ROOT)])
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", "html"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    shown = (tmp_path / "html/reference.html").read_text("utf-8")
    assert "export_html" in shown
    quickstart = (tmp_path / "html/notebooks/01_quickstart.html").read_text("utf-8")
    assert quickstart.count("data:image/") >= 3
    assert "DreamStep: layer" in quickstart
    assert "https://unpkg.com" not in quickstart

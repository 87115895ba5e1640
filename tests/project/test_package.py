"""What is shipped: the public names, the weight of an import, the arrows between modules, the wheel."""

from __future__ import annotations

import ast
import email
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable
from importlib.metadata import requires
from pathlib import Path

import pytest

import cnnvis_widgets

ROOT = Path(__file__).parents[2]
PACKAGE = Path(cnnvis_widgets.__file__).parent


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_public_names_are_sorted_and_can_be_imported() -> None:
    assert cnnvis_widgets.__all__ == sorted(set(cnnvis_widgets.__all__))
    for name in cnnvis_widgets.__all__:
        assert getattr(cnnvis_widgets, name).__doc__, name
    assert set(cnnvis_widgets.__all__) < set(dir(cnnvis_widgets))
    with pytest.raises(AttributeError, match="no attribute 'explorer'"):
        _ = cnnvis_widgets.explorer


def test_type_checkers_find_names_where_the_package_finds_them() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for name in node.names:
            whole = ".".join(filter(None, (node.module, name.name)))
            assert cnnvis_widgets._HOME[name.name] in (node.module, whole), name.name


def test_utils_only_hands_two_helpers_on() -> None:
    tree = ast.parse((PACKAGE / "utils.py").read_text("utf-8"))
    assert {type(node) for node in tree.body} == {ast.Expr, ast.ImportFrom, ast.Assign}  # it defines nothing
    code = "import sys, cnnvis_widgets.utils as u; print(*u.__all__, 'tensorflow' in sys.modules)"
    assert run(sys.executable, "-c", code).split() == ["convert_into_grid", "image_normalization", "False"]


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, cnnvis_widgets; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    loaded = set(run(sys.executable, "-c", code).split())
    assert "cnnvis_widgets" in loaded
    assert not loaded & {"tensorflow", "keras", "tensorboard", "numpy", "PIL", "ipywidgets", "anywidget"}


def test_imports_point_one_way() -> None:
    assert "0 broken" in run(Path(sys.executable).with_name("lint-imports"))


REQUIREMENTS = requires("cnnvis_widgets") or []


def requirement_names(lines: Iterable[str]) -> set[str]:
    return {re.match(r"[\w.-]+", line)[0].lower() for line in lines if not line.startswith("#")}


def test_binder_installs_all_that_the_package_needs() -> None:
    tools = 'extra == "test"', 'extra == "docs"'  # for those who work on the package, not with it
    needed = requirement_names(line for line in REQUIREMENTS if not line.endswith(tools))
    needed = needed - {"tensorflow"} | {"tensorflow-cpu"}
    assert needed <= requirement_names((ROOT / "binder/requirements.txt").read_text().splitlines())


def test_every_dependency_is_accounted_for() -> None:
    note = (ROOT / "docs/design/0002-dependencies.md").read_text().lower()
    table = {name for row in re.findall(r"^\| ([^|]+) \|", note, re.M) for name in row.split(", ")}
    assert requirement_names(line for line in REQUIREMENTS if "extra ==" not in line) == table - {"package"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    assert len(list(folder.glob("cnnvis_widgets-*.tar.gz"))) == 1
    [wheel] = folder.glob("*.whl")
    return wheel


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = email.message_from_bytes(archive.read(next(n for n in names if n.endswith("/METADATA"))))
    info = f"cnnvis_widgets-{cnnvis_widgets.__version__}.dist-info/"
    shipped = {name for name in names if not name.startswith(info)}
    source = (path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert shipped == {path.relative_to(PACKAGE.parent).as_posix() for path in source}
    assert {"cnnvis_widgets/py.typed", "cnnvis_widgets/widgets/elements/canvas.js"} < shipped
    assert metadata["Version"] == cnnvis_widgets.__version__
    assert f"{info}licenses/LICENSE" in names


def test_versions_agree() -> None:
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.M)[1]
    assert cited == cnnvis_widgets.__version__
    assert f"({cited})" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.slow
def test_the_explorer_opens_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    code = "from cnnvis_widgets import ModelExplorer; print(type(ModelExplorer()).__name__)"
    assert "ModelExplorer" in run(python, "-c", code, cwd=tmp_path)

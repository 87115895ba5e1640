"""The sizes that the code keeps to, measured: ``python docs/figures.py``.

Read from the files alone, but for the arrows, which come from ``rooms.py``. Lines of a function are counted without its
docstring. Public is what the reference (``docs/reference/``) documents.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import rooms

import cnnvis_widgets

PACKAGE = rooms.ROOT / "cnnvis_widgets"
LONG = 350
"""Modules of more lines are listed."""
REFERENCE = re.compile(
    r"^\.\. auto(module|function|class):: cnnvis_widgets\.(\S+)\n(?: +(:members:.*)\n)?", re.MULTILINE
)
"""What the reference documents: what kind of name, the name, and which members."""

Callable = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Function:
    """A function or method: where it stands, how long it is, how many parameters it has.

    Attributes:
        place: module and qualified name.
        lines: its lines without decorators and docstring.
        parameters: their number, without ``self`` and ``cls``.
        public: whether users call it, or it belongs to a public class.
    """

    place: str
    lines: int
    parameters: int
    public: bool


@dataclass(frozen=True)
class Documented:
    """A public name, and whether its docstring is there and has an example."""

    name: str
    is_callable: bool
    docstring: str

    @property
    def has_example(self) -> bool:
        """Whether there is a line as typed at Python's prompt."""
        return ">>> " in self.docstring


def modules() -> list[Path]:
    """All modules of the package, without ``__init__`` and ``__main__``."""
    return sorted(path for path in PACKAGE.rglob("*.py") if not path.stem.startswith("__"))


def modules_in_folders() -> dict[str, int]:
    """How many modules lie in each folder, most first."""
    counts: dict[str, int] = {}
    for path in modules():
        folder = str(path.parent.relative_to(rooms.ROOT))
        counts[folder] = counts.get(folder, 0) + 1
    return dict(sorted(counts.items(), key=lambda entry: -entry[1]))


def file_of(home: str) -> Path:
    """The file of a module, given as in ``engine.backward.rules``."""
    path = PACKAGE.joinpath(*home.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def defined_in(file: Path) -> dict[str, ast.FunctionDef | ast.ClassDef]:
    """The functions and classes of a module, by name; of a package that hands them on, those of its modules."""
    body = ast.parse(file.read_text("utf-8")).body
    if file.parent.name == "results" and file.stem == "__init__":
        handed_on = [file.with_name(f"{node.module}.py") for node in body if isinstance(node, ast.ImportFrom)]
        return {name: node for path in handed_on for name, node in defined_in(path).items()}
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def reference() -> str:
    """The text of the pages that document public names, in the order of their names."""
    return "\n".join(path.read_text("utf-8") for path in sorted(rooms.ROOT.glob("docs/reference/*.md")))


def public_names() -> list[tuple[Path, ast.FunctionDef | ast.ClassDef]]:
    """The functions and classes that the reference documents, with their files."""
    found = []
    for kind, target, members in REFERENCE.findall(reference()):
        if kind == "module":
            file = file_of(target)
            known = defined_in(file)
            if members:
                listed = [name.strip() for name in members.partition(": ")[2].split(",") if name.strip()]
                found += [(file, known[name]) for name in listed or known if not name.startswith("_")]
        else:
            first, _, last = target.partition(".")
            file = file_of(cnnvis_widgets._HOME[first])
            found.append((file, defined_in(file)[last or first]))
    return found


def documented() -> list[Documented]:
    """Every public function, class and public method of a public class."""
    entries = []
    for file, node in public_names():
        values = "results" in file.parts or file.stem == "errors"  # they are handed out, not called
        entries.append(Documented(node.name, not values, ast.get_docstring(node) or ""))
        if isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                    entries.append(Documented(f"{node.name}.{method.name}", False, ast.get_docstring(method) or ""))
    return entries


def functions() -> list[Function]:
    """All functions and methods of the package."""
    documented = {(file, node.name) for file, node in public_names()}
    public = documented | {(file, f"{name}_steps") for file, name in documented}  # they take the same arguments
    found: list[Function] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for names, node in defined(ast.parse(path.read_text("utf-8")), ()):
            found.append(
                Function(f"{module}:{'.'.join(names)}", lines_of(node), parameters_of(node), (path, names[0]) in public)
            )
    return found


def defined(node: ast.AST, outer: Sequence[str]) -> Iterator[tuple[tuple[str, ...], Callable]]:
    """Functions within a node at any depth, with the names of what they lie in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Callable | ast.ClassDef):
            names = (*outer, child.name)
            if isinstance(child, Callable):
                yield names, child
            yield from defined(child, names)
        else:
            yield from defined(child, outer)


def lines_of(node: Callable) -> int:
    """Lines of a function from ``def`` to its end, without its docstring."""
    docstring = node.body[0] if ast.get_docstring(node) else None
    return (node.end_lineno or 0) - node.lineno + 1 - (docstring.end_lineno - docstring.lineno + 1 if docstring else 0)


def parameters_of(node: Callable) -> int:
    """How many parameters a function has, ``self`` and ``cls`` not counted."""
    given = node.args
    named = [entry.arg for entry in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in named if name not in ("self", "cls")]) + bool(given.vararg) + bool(given.kwarg)


def share(entries: Sequence[Documented], count: int) -> str:
    """A count as a share of entries."""
    return f"{count} of {len(entries)} ({100 * count / len(entries):.0f} %)"


def arrows_of_modules(package: str) -> int:
    """How many imports there are between modules inside a package."""
    graph = rooms.import_graph()
    inside = graph.find_descendants(package)
    return sum(len(graph.find_modules_directly_imported_by(module) & inside) for module in inside)


def main() -> None:
    """Print all figures."""
    folders = modules_in_folders()
    print(f"modules: {sum(folders.values())}; per folder, most first:")
    print("  " + ", ".join(f"{folder} {count}" for folder, count in folders.items()))
    long = {path: len(path.read_text("utf-8").splitlines()) for path in modules()}
    listed = [f"{path.relative_to(rooms.ROOT)} {count}" for path, count in long.items() if count > LONG]
    print(f"modules over {LONG} lines: {', '.join(listed) or 'none'}; the longest has {max(long.values())}")
    graph = rooms.import_graph()
    for package in rooms.PACKAGES:
        inside = len(rooms.rooms_in(graph, package))
        arrows = len(rooms.arrows_in(graph, package))
        print(f"{package}: {inside} rooms, {arrows} arrows; {arrows_of_modules(package)} between modules")
    everything = functions()
    longest = sorted(everything, key=lambda function: -function.lines)[:5]
    print(f"functions: {len(everything)}; longest: {', '.join(f'{it.place} {it.lines}' for it in longest)}")
    for title, some in (
        ("public", [it for it in everything if it.public]),
        ("others", [it for it in everything if not it.public]),
    ):
        most = sorted(some, key=lambda function: -function.parameters)
        above = [f"{it.place} {it.parameters}" for it in most if it.parameters > 6]
        print(f"parameters, {title}: most {most[0].parameters}; over six: {', '.join(above) or 'none'}")
    names = documented()
    callables = [entry for entry in names if entry.is_callable]
    print(f"public names documented: {share(names, sum(bool(entry.docstring) for entry in names))}")
    print("  without: " + (", ".join(entry.name for entry in names if not entry.docstring) or "none"))
    print(f"public callables with an example: {share(callables, sum(entry.has_example for entry in callables))}")
    print("  without: " + (", ".join(entry.name for entry in callables if not entry.has_example) or "none"))


if __name__ == "__main__":
    main()

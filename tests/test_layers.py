"""Keeps the source to the table of ``layers.py``.

The import graph is read from the source, so a lazy import, one for type checkers and one by name are all seen.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import rf_middleware
from tests.layers import IMPURE, LAYERS, PURE_ENOUGH, Layer

PACKAGE = Path(rf_middleware.__file__).parent


@dataclass(frozen=True)
class Import:
    """One name that one file imports: ``target`` is dotted and absolute."""

    file: str
    line: int
    target: str
    lazy: bool

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {'lazily ' if self.lazy else ''}imports {self.target}"


def file_names() -> dict[str, Path]:
    """Return each file of the package by its name below ``rf_middleware``; a folder's ``__init__`` has the folder's."""
    paths = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in paths.items()}


def imports(file: str, source: str, *, folder: bool = False) -> Iterator[Import]:
    """Yield every import of a source text; ``folder`` says that it is the ``__init__`` of a folder."""
    here = ["rf_middleware", *file.split(".")][: None if folder else -1]

    def walk(node: ast.AST, *, lazy: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(file, node.lineno, alias.name, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = here[: len(here) - node.level + 1] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            yield from (Import(file, node.lineno, f"{start}.{alias.name}", lazy) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"import_module", "importlib.import_module"}:
            name = node.args[0]
            yield Import(file, node.lineno, ast.literal_eval(name) if isinstance(name, ast.Constant) else "?", lazy)
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for child in ast.iter_child_nodes(node):
            yield from walk(child, lazy=lazy or inside or typing)

    yield from walk(ast.parse(source), lazy=False)


def layers_of(file: str) -> list[Layer]:
    """Return the rows a file stands in: one, if the table is right. Its full name wins over a pattern."""
    exact = [row for row in LAYERS if file in row.files.split()]
    return exact or [row for row in LAYERS if any(fnmatchcase(file, pattern) for pattern in row.files.split())]


def what(target: str, known: set[str]) -> tuple[str, str]:
    """Say what a dotted name is: ("file", name), ("package", name) or ("stdlib", dotted name)."""
    top, _, rest = target.partition(".")
    if top == "rf_middleware":
        while rest and rest not in known:
            rest = rest.rpartition(".")[0]
        return "file", rest or "__init__"
    # Type checkers bring _typeshed along.
    return ("stdlib", target) if top in {*sys.stdlib_module_names, "_typeshed"} else ("package", top)


def wrong(found: Import, known: set[str]) -> str | None:
    """Return why an import is against the table, or nothing."""
    row = layers_of(found.file)[0]
    kind, name = what(found.target, known)
    if kind == "stdlib":
        excused = PURE_ENOUGH.get(found.file, {})
        impure = any(name == module or name.startswith(f"{module}.") for module in IMPURE.split())
        if row.pure and impure and name not in excused and name.split(".")[0] not in excused:
            return f"{found}, but {row.name!r} does no I/O, starts nothing and reads no clock: {row.why}"
        return None
    goal = next((row.name for row in layers_of(name)), "a file without a layer") if kind == "file" else name
    now = row.may.split() if kind == "file" else row.packages.split()
    if goal in now or (found.lazy and goal in row.lazily.split()):
        return None
    allowed = f"{' '.join(now) or 'nothing'} (lazily also: {row.lazily or 'nothing'})"
    kinds = "layers" if kind == "file" else "packages"
    return f"{found}, which is {goal!r}; {row.name!r} may import the {kinds} {allowed}: {row.why}"


def test_every_file_is_in_exactly_one_layer() -> None:
    """A file that nobody gave a place has no rules, so it gets one before it is merged."""
    misplaced = {file: [row.name for row in layers_of(file)] for file in file_names() if len(layers_of(file)) != 1}
    assert not misplaced, f"put each of these into exactly one row of LAYERS in tests/layers.py: {misplaced}"


def test_every_import_stays_within_its_layers() -> None:
    """An import that the table does not allow is a mistake in the code or a decision to be written into the table."""
    known = file_names()
    found = [
        one
        for file, path in known.items()
        if len(layers_of(file)) == 1
        for one in imports(file, path.read_text(encoding="utf-8"), folder=path.name == "__init__.py")
    ]
    problems = [problem for one in found if (problem := wrong(one, set(known)))]
    assert found, "no import was read at all"
    assert not problems, "\n" + "\n".join(problems)


@pytest.mark.parametrize(
    ("file", "source", "allowed"),
    [
        ("_cache", "from rf_middleware._models import Grant", True),
        ("_cache", "import socket", False),
        ("_cache", "from threading import Lock", False),
        ("_turn", "from threading import RLock", True),
        ("_core", "from threading import Thread", False),
        ("_core", "from .validator import Validator", False),
        ("_core", "def f():\n    import httpx", False),
        ("_core", "from urllib.request import urlopen", False),
        ("_query", "from urllib.parse import unquote", True),
        ("starlette", "from rf_middleware.asgi import APIKeyMiddleware", True),
        ("asgi", "if TYPE_CHECKING:\n    from rf_middleware import starlette", False),
        ("asgi", "import starlette", False),
        ("flask", "import flask", True),
        ("validator", "from rf_middleware import Denied", False),
        ("cli", "def f():\n    from rf_middleware.issuer import app", True),
        ("cli", "from rf_middleware.issuer import app", False),
        ("validator", "def f():\n    import_module('rf_middleware.issuer')", False),
        ("validator", "def f(name):\n    importlib.import_module(name)", False),
        ("issuer.app", "from . import keys\nfrom .._wire import Event", True),
        ("issuer.app", "from .. import _core", False),
        ("issuer.leases", "import sqlalchemy", False),
        ("wsgi", "from rf_middleware.testing import FakeIssuer", False),
    ],
)
def test_the_table_is_kept_by_its_reader(file: str, source: str, *, allowed: bool) -> None:
    """Relative, lazy, type-only and dynamic imports are all seen for what they are."""
    known = {*file_names(), "_core", "_wire", "asgi", "starlette", "validator", "issuer", "issuer.app", "issuer.keys"}
    verdicts = [wrong(one, known | {"testing"}) for one in imports(file, source)]
    assert verdicts
    assert all(verdict is None for verdict in verdicts) is allowed


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("rf_middleware", "httpx flask werkzeug starlette fastapi click sqlalchemy uvicorn jinja2 argon2 pytest"),
        ("rf_middleware.wsgi", "flask werkzeug starlette fastapi click sqlalchemy pytest"),
        ("rf_middleware.asgi", "flask werkzeug starlette fastapi click sqlalchemy pytest"),
        ("rf_middleware.flask", "starlette fastapi sqlalchemy pytest"),
        ("rf_middleware.starlette", "flask werkzeug fastapi sqlalchemy pytest"),
        ("rf_middleware.fastapi", "flask werkzeug sqlalchemy pytest"),
    ],
)
def test_an_import_brings_only_what_it_needs(module: str, absent: str) -> None:
    """Importing the package, or one adapter, loads no framework, server or HTTP client it does not stand for."""
    code = f"import sys, {module}; print(*sorted(set({absent.split()!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_the_public_names_are_these() -> None:
    """What users import is fixed by the documentation: nothing more, nothing less, and every name is there."""
    names = {
        "CallableIssuer",
        "ConfigurationError",
        "Denied",
        "Grant",
        "IntrospectionIssuer",
        "Issuer",
        "IssuerUnavailable",
        "RoboflowIssuer",
        "Staleness",
        "Validator",
        "Workspace",
        "login",
    }
    assert set(rf_middleware.__all__) == names
    assert {name for name in names if getattr(rf_middleware, name, None) is None} == set()
    assert names <= set(dir(rf_middleware))

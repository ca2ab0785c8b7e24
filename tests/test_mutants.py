"""The table of ``make mutants`` speaks of what is there."""

import tomllib
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parent.parent
TABLE = tomllib.loads((ROOT / "tests" / "mutants.toml").read_text(encoding="utf-8"))
MODULES = cast("dict[str, list[str]]", TABLE["modules"])


def source(module: str) -> list[str]:
    """Return the lines of a module of the package, without their indent."""
    path = ROOT / "src" / "rf_middleware" / f"{module.replace('.', '/')}.py"
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_module_is_there_with_tests_that_are_there() -> None:
    """A module that is gone, or a file of tests, would be passed over in silence."""
    assert MODULES
    for module, rounds in MODULES.items():
        assert source(module)
        names = " ".join(rounds).split()
        assert [name for name in names if not (ROOT / name.partition("::")[0]).is_file()] == []
        assert len(names) == len(set(names))


def test_what_is_explained_still_stands_in_its_module() -> None:
    """Each mutant that may live changes lines which are still there, and says why it may."""
    for each in TABLE["explained"]:
        lines, was = source(each["module"]), each["was"].strip().splitlines()
        assert any(lines[place : place + len(was)] == was for place in range(len(lines))), each
        assert len(each["why"].split()) > 3, each

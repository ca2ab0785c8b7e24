"""Makes the mutants of a module, by the operators of mutmut: each is its source with one small thing changed.

mutmut itself changes functions without decorators only, and takes the ids of tests through a command line, which those
of our tables do not survive. So its operators are used here on the whole file, constants and properties too. Left as
they are, because no run can tell: annotations, names for types, ``cast``, ``__all__``, ``__slots__``, the case of
``utf-8`` and of an escape, the wording of a ``message`` (not whether there is one).
"""

import ast
import difflib
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

__all__ = ["Mutant", "mutants"]

# Not in the environment of the type checkers: it is installed for this alone.
cst = importlib.import_module("libcst")
OPERATORS: Final = importlib.import_module("mutmut.mutation.mutators").mutation_operators
Node: TypeAlias = Any
UNTOUCHED: Final = {"__all__", "__slots__"}
KINDS_OF_TYPE: Final = {"TypeVar", "isinstance"}


@dataclass(frozen=True)
class Mutant:
    """One changed source.

    Attributes:
        source: the whole file.
        was: the lines that it changes, without their indent.
        now: what stands there instead.
        line: the first of them.
    """

    source: str
    was: str
    now: str
    line: int


def mutants(source: str) -> list[Mutant]:
    """Return every mutant of a file, once, in order of lines."""
    module = cst.parse_module(source)
    program = ast.dump(ast.parse(source))
    made: dict[str, Mutant] = {}
    for old, new in _changes(module):
        text = _replaced(module, old, new)
        if text not in made and _differs(program, text):
            made[text] = _described(source, text)
    return sorted(made.values(), key=lambda each: each.line)


def _changes(node: Node, *, worded: bool = False) -> Iterator[tuple[Node, Node]]:
    """Yield nodes below this one, each with what may stand in its place."""
    if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom):
        return
    names = _names(node)
    if names & UNTOUCHED or _called(node) in KINDS_OF_TYPE:
        return
    if _called(node) == "cast":
        yield from _changes(node.args[1])
        return
    worded = worded or "message" in names
    for kind, operator in OPERATORS:
        if isinstance(node, kind) and not (worded and isinstance(node, cst.BaseString)):
            for new in operator(node):
                if not (isinstance(node, cst.SimpleString) and _reads(node) == _reads(new)):
                    yield node, new
    for child in node.children:
        if not (isinstance(node, cst.Module) and _names_type(child)):
            yield from _changes(child, worded=worded)


def _reads(text: Node) -> str:
    """Return a literal with what has no case in small letters: digits of an escape, the name of an encoding."""
    return re.sub(r"\\x[0-9A-F]{2}|\\u[0-9A-F]{4}|UTF-8", lambda found: found[0].lower(), text.value)


def _names_type(line: Node) -> bool:
    """Tell whether a line of a module is ``Name = type``; constants are ``Final``."""
    return isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Assign)


def _names(node: Node) -> set[str]:
    """Return the plain names that a statement assigns to."""
    if isinstance(node, cst.Assign):
        return {each.target.value for each in node.targets if isinstance(each.target, cst.Name)}
    return {node.target.value} if isinstance(node, cst.AnnAssign) and isinstance(node.target, cst.Name) else set()


def _called(node: Node) -> str:
    return str(node.func.value) if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) else ""


def _replaced(module: Node, old: Node, new: Node) -> str:
    return str(module.deep_replace(old, new).code)


def _differs(program: str, text: str) -> bool:
    """Tell whether a text is Python, and another program."""
    try:
        return ast.dump(ast.parse(text)) != program
    except SyntaxError:
        return False


def _described(source: str, text: str) -> Mutant:
    before, after = source.splitlines(), text.splitlines()
    changed = [
        each
        for each in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        if each[0] != "equal"
    ]
    first, last = changed[0], changed[-1]
    was = "\n".join(line.strip() for line in before[first[1] : last[2]])
    now = "\n".join(line.strip() for line in after[first[3] : last[4]])
    return Mutant(text, was, now, first[1] + 1)

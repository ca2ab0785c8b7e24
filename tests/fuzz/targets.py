"""The targets by name, and their corpus: JSON lines, in which a character is a byte.

``NAME.seeds.jsonl`` is written by hand; ``NAME.jsonl`` is what was found to reach more, and is replaced by ``--keep``.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.fuzz import body, exempt, keys, lease, messages

__all__ = ["TARGETS", "corpus", "keep"]

TARGETS: dict[str, Callable[[bytes], None]] = {
    "keys": keys.check,
    "exempt": exempt.check,
    "body": body.check,
    "messages": messages.check,
    "lease": lease.check,
}
FOLDER = Path(__file__).parent / "corpus"


def corpus(name: str) -> list[bytes]:
    """Return the inputs that are kept for a target, those written by hand first."""
    seeds = _read(f"{name}.seeds.jsonl")
    return [*seeds, *(each for each in _read(f"{name}.jsonl") if each not in seeds)]


def keep(name: str, inputs: Iterable[bytes]) -> None:
    """Replace the inputs that were found for a target; short ones first."""
    chosen = sorted(set(inputs) - set(_read(f"{name}.seeds.jsonl")), key=lambda each: (len(each), each))
    text = "".join(json.dumps(each.decode("latin-1")) + "\n" for each in chosen)
    (FOLDER / f"{name}.jsonl").write_text(text, encoding="ascii")


def _read(file: str) -> list[bytes]:
    lines = (FOLDER / file).read_text(encoding="ascii").splitlines()
    return [json.loads(line).encode("latin-1") for line in lines]

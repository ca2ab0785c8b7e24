"""The targets by name, and their corpus: JSON lines, in which a character is a byte.

``NAME.seeds.jsonl`` is written by hand; ``NAME.jsonl`` is what was found to reach more, and is replaced by ``--keep``.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.fuzz import body, exempt, keys, lease, messages

__all__ = ["TARGETS", "WORDS", "corpus", "keep"]

TARGETS: dict[str, Callable[[bytes], None]] = {
    "keys": keys.check,
    "exempt": exempt.check,
    "body": body.check,
    "messages": messages.check,
    "lease": lease.check,
}
WORDS: dict[str, list[bytes]] = {
    "keys": [
        *(
            b"authorization:",
            b"x-api-key:",
            b"x-token:",
            b"cookie:",
            b"Bearer ",
            b"bearer ",
            b"Basic ",
            b"api_key=",
            b"k=",
        ),
        *(b"%61pi%5fkey=", b"%6b", b"l=", b"&", b"=", b",", b";", b'"', b"\t", b" ", b"%", b"+", b"a", b"\n", b"\n\n"),
        *(
            b'{"api_key":"a"}',
            b'"api_key"',
            b'"other"',
            b":",
            b"{",
            b"}",
            b"[",
            b"]",
            b"\\u0061",
            b"null",
            b"%c3%a4%20%26%3d",
        ),
    ],
    "exempt": [
        *(
            b"/healthz",
            b"/public/",
            b"/*",
            b"/a/b",
            b"\n",
            b"\n\n",
            b"//",
            b"/../",
            b"/./",
            b"%2e",
            b"%2F",
            b"%5c",
            b"%3b",
        ),
        *(
            b"%00",
            b"%25",
            b"%c0%ae",
            b"%ff",
            b"%ef%bf%bd",
            b"%3f",
            b"%23",
            b"http://h",
            b"x:",
            b"\\",
            b";",
            b"#",
            b"?",
            b"\t",
        ),
    ],
    "body": [
        *(
            b'{"api_key":"a"}',
            b'"api_key"',
            b'"k"',
            b'"\\u0061pi_key"',
            b":",
            b",",
            b"{",
            b"}",
            b"[",
            b"]",
            b'"',
            b"null",
        ),
        *(b"1e999", b"NaN", b"true", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\\ud800", b" ", b"\t", b"\\"),
    ],
    "messages": [
        *(b'"epoch":', b'"reset":', b'"head":', b'"events":[', b'"lease":', b'"seq":', b'"change":', b'"fingerprint":'),
        *(
            b'"workspace":',
            b'"session":',
            b'"ack":',
            b'"wait":',
            b'"name":',
            b'"version":',
            b"true",
            b"null",
            b"NaN",
            b"1e999",
        ),
        *(b"-0.0", b"-1", b"86400", b"1.5", b'"\\ud800"', b'""', b'"0"', b"ab" * 32, b",", b"{", b"}", b"[]"),
    ],
    "lease": [
        b"\xa0\xc1\xe0",
        b"\xa0\xc0\xe0",
        b"\x20\x40\x60",
        b"\x21\x41\x61",
        b"\x80",
        b"\x83",
        b"\x9f",
        b"\x1f",
        b"\x10",
    ],
}
"""What inputs are likely to be made of: without them a search by coverage is slow to spell."""
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

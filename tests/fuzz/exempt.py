"""The rules of ``exempt``, behind the readers of real servers.

An input is: rules, apart by blanks, on the first line; the root path on the second; then the target of the request.
"""

import re
from collections.abc import Iterable
from importlib import import_module
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import httptools
from starlette._utils import get_route_path

from rf_middleware._rules import Exempt, inner_path
from rf_middleware.exceptions import ConfigurationError

__all__ = ["check"]

split_request_uri: Any = import_module("gunicorn.util").split_request_uri  # without types
ROOT = re.compile(r"(/[a-z]+)*/?")
"""A root path as one sets it who runs a server; strangers do not."""


def check(data: bytes, exempt_of: Any = Exempt, inner: Any = inner_path) -> None:
    """Assert that nothing is exempt but what is plainly written in a rule, whoever serves and whoever routes."""
    rules, _, rest = data.partition(b"\n")
    root, _, target = rest.partition(b"\n")
    texts = rules.decode("utf-8", "replace").split()
    mounted = root.decode("latin-1")
    if not ROOT.fullmatch(mounted):
        return
    try:
        exempt = exempt_of(texts)
    except ConfigurationError:
        return
    for path, below, raw in served(mounted, target):
        routed = inner(path, below)
        assert routed == get_route_path({"path": path, "root_path": below}), "what is compared is not what is routed"
        if exempt.allows(routed, raw):
            plain = plainly(raw, mounted)
            assert plain is not None, f"{raw!r} can be read in two ways, and is exempt"
            assert routed in plain, f"{raw!r} is routed as {routed!r}"
            assert ruled(texts, routed), f"{routed!r} is none of the rules"
        elif target.isalnum() or (target[:1] == b"/" and target[1:].isalnum()):
            assert mounted or not ruled(texts, target.decode()), "a plain path of a rule is not exempt"


def served(root: str, target: bytes) -> Iterable[tuple[str, str, bytes]]:
    """Yield path, root path and raw target as servers hand them over: with the root in front, and without."""
    visible = all(0x20 < each < 0x7F for each in target)
    path = target.partition(b"?")[0]
    if visible:  # uvicorn with h11
        yield root + unquote(path.decode()), root, root.encode("latin-1") + path
        yield unquote(path.decode()), root, path
    try:
        parsed = httptools.parse_url(target).path if visible else None
    except httptools.HttpParserInvalidURLError:
        parsed = None
    if parsed is not None:  # uvicorn with httptools
        yield root + unquote(parsed.decode()), root, root.encode("latin-1") + parsed
    if not set(target) & set(b" \r\n"):  # gunicorn
        try:
            parts = split_request_uri(target.decode("latin-1"))
        except ValueError:
            return
        if parts.path.startswith(root):  # else it refuses the request by itself
            info = unquote_to_bytes(parts.path.removeprefix(root).encode("latin-1"))
            yield info.decode("utf-8", "replace"), "", target


def plainly(raw: bytes, root: str) -> set[str] | None:
    """Return how a raw target reads, with and without the root; ``None`` when it can be read in two ways."""
    path = raw.partition(b"?")[0]
    segments = path.split(b"/")
    if segments[0] or b"" in segments[1:-1] or b"#" in path:  # an encoded one only shortens what is below a prefix
        return None
    texts: list[str] = []
    for segment in segments[1:]:
        try:
            text = unquote_to_bytes(segment).decode()
        except UnicodeDecodeError:
            return None
        if text in {".", ".."} or any(each in "/\\;%" or each < " " or each == "\x7f" for each in text):
            return None
        texts.append(text)
    whole = "/" + "/".join(texts)
    return {whole, whole.removeprefix(root.rstrip("/"))}


def ruled(rules: Iterable[str], path: str) -> bool:
    """Tell whether a path that is plain is one of the rules, or below one."""
    return any(path == rule or (rule.endswith("/*") and path.startswith(rule[:-1])) for rule in rules)

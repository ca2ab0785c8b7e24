"""Writes what was measured, as Markdown that also reads well on a terminal."""

import os
import platform
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from benchmarks import count, growth, hits, issuer_load, misses, parts, sockets
from benchmarks.measure import BLOCK, ROUNDS
from benchmarks.results import Results, targets
from benchmarks.scale import QUICK
from benchmarks.subjects import BARE, STACKS
from benchmarks.tables import table

__all__ = ["machine", "report"]

_PACKAGES: Final = (
    "starlette", "fastapi", "flask", "uvicorn", "gunicorn", "cachetools", "flask-httpauth", "keyshield", "httpx"
)  # fmt: skip
_MANY: Final = 100_000


def machine() -> str:
    """Describe processor, cores, system and Python; nothing that names the machine."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, {python}"


def _versions() -> Iterator[str]:
    for package in _PACKAGES:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            yield f"{package} (not installed)"


def report(results: Results, drawn: Mapping[str, str]) -> str:
    """Return the whole page; ``drawn`` has the alternative text of each picture."""
    return "\n".join(_filled(_lines(results, drawn))).rstrip("\n") + "\n"


def _filled(lines: Iterable[str]) -> Iterator[str]:
    """Yield the same with the lines of each paragraph filled; headings, tables, pictures and lists stay."""
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if line and not line.startswith(("#", "|", "![", "* ")):
            paragraph.append(line)
            continue
        if paragraph:
            yield textwrap.fill(" ".join(paragraph), 118, break_on_hyphens=False, break_long_words=False)
            paragraph = []
        yield line


def _picture(name: str, drawn: Mapping[str, str]) -> Iterator[str]:
    if name in drawn:
        yield f"![{drawn[name]}](benchmarks/{name}.svg)"
        yield ""


def _lines(results: Results, drawn: Mapping[str, str]) -> Iterator[str]:
    yield "# What a cached key costs"
    yield ""
    if QUICK:
        yield "**A quick run: every part was tried with little, and the figures mean nothing.**"
        yield ""
    yield f"Written by `make bench`. Machine: {machine()}. With {', '.join(_versions())}."
    yield ""
    yield f"Ways are timed in turn, in process {ROUNDS} rounds of at most {BLOCK} requests"
    yield "each; a difference or a ratio is"
    yield "of one round. Each figure is the median, and in brackets stands between which"
    yield "values eight of ten rounds lie."
    yield "Trust the ratios: they were measured side by side. The times are of this machine."
    yield ""
    yield from _picture("hits", drawn)
    yield "## Targets"
    yield ""
    yield "What is measured in process is judged, and `make bench` fails when it is missed; the rest is reported."
    yield ""
    rows = (
        (
            each.name,
            f"{'>=' if each.least else '<='} {each.bound:,g}",
            _figure(each.measured),
            "yes" if each.met else "no",
        )
        for each in targets(results)
    )
    yield from table(("what", "bound", "measured", "met"), rows)
    for name, why in results.failed.items():
        yield f"Not measured: {name}, since it failed ({why})."
        yield ""
    yield from _raw(results.raw or ())
    if results.frameworks:
        yield from _frameworks(results.frameworks)
    if results.sockets:
        yield from _sockets(results.sockets, drawn)
    if results.count:
        yield from _count(results.count)
    if results.parts:
        yield from parts.lines(results.parts)
    if results.misses:
        yield from _misses(results.misses)
    if results.growth:
        yield from _growth(results.growth, drawn)
    if results.issuer:
        yield from _issuer(results.issuer, drawn)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:.2f}"


def _raw(rows: tuple[hits.RawRow, ...]) -> Iterator[str]:
    if not rows:
        return
    yield "## In front of a bare app"
    yield ""
    yield "Microseconds. A request with ten common headers and a cached key, default"
    yield "options. *Floor* is the least that a"
    yield "correct hit can do, written by hand in `benchmarks/floor.py`: one pass over the headers, one SHA-256, one"
    yield "look-up, one comparison with the expiry and one with the lease, one write to"
    yield "the scope. *By hand* is one function as well (`benchmarks/by_hand.py`), which keeps the promises of"
    yield "a hit too: who is asking is told to decorators and to the app, the key is taken out of the query, `Vary` and"
    yield "`Cache-Control` are completed, a stream is noticed. None of them asks the issuer."
    yield ""
    cells = (
        (
            *(row.protocol, row.place, row.mode),
            *map(str, (row.bare, row.floor, row.by_hand, row.ours, row.ratio, row.of_by_hand)),
        )
        for row in rows
    )
    heads = ("bare app", "floor adds", "by hand adds", "a hit adds", "times the floor", "times by hand")
    yield from table(("protocol", "key in", "mode", *heads), cells)


def _frameworks(found: hits.Rows) -> Iterator[str]:
    yield "## In front of frameworks, beside others"
    yield ""
    yield "Microseconds, in process, the smallest app of each framework, the key in every"
    yield "cache. None of the others hears of a"
    yield "revocation, and each keeps the keys themselves in memory but keyshield."
    yield ""
    cells = (
        (
            row.stack,
            row.subject,
            str(row.added),
            "-" if row.subject == BARE else str(row.of_bare),
            "-" if row.subject == BARE else f"{row.of_floor:.1f}",
        )
        for row in found.rows
    )
    yield from table(("framework", "way", "adds (bare app: takes)", "times the bare app", "times the floor"), cells)
    remarks = {each.name: each.remark for subjects in STACKS.values() for each in subjects if each.remark}
    for name, remark in remarks.items():
        yield f"* {name}: {remark}."
    yield ""
    yield from _missing(found.missing)


def _missing(missing: tuple[str, ...]) -> Iterator[str]:
    for what in missing:
        yield f"Not measured: {what}."
        yield ""


def _sockets(found: sockets.Rows, drawn: Mapping[str, str]) -> Iterator[str]:
    yield "## Over real sockets"
    yield ""
    yield "One process of uvicorn (httptools, uvloop) or of gunicorn (gthread, four threads) on one core, wrk with 16"
    yield "connections on the other, in turn. Where there are two cores this scatters by a third: reported, not judged."
    yield ""
    yield from _picture("sockets", drawn)
    cells = ((row.server, row.stack, row.subject, f"{row.rate.median:,.0f}", str(row.share)) for row in found.rows)
    if found.rows:
        yield from table(("server", "app", "way", "requests/s", "share of the bare app"), cells)
    yield from _missing(found.missing)


def _count(found: count.Counts) -> Iterator[str]:
    yield "## Counted"
    yield ""
    yield "Instructions of one request with a Bearer key, by callgrind (`python -m"
    yield "benchmarks.count`): the same in every run,"
    yield "but for a hundredth. They say nothing of memory or branches, and so are no times."
    yield ""
    yield from count.lines(found)


def _misses(found: misses.Misses) -> Iterator[str]:
    yield "## Keys that are not in the cache"
    yield ""
    yield f"{misses.CROWD:,} requests at once for one new key, the issuer answers in {misses.SLOW_MS / 1000:g} s:"
    yield ""
    cells = ((each.subject, f"{each.calls:,}", f"{each.seconds:.2f}") for each in found.stampedes)
    yield from table(("way", "calls to the issuer", "seconds until all are answered"), cells)
    rows = (
        (f"{misses.CROWD:,} requests at once for as many new keys: calls to the issuer", f"{found.new_keys:,}"),
        ("the same: seconds until all are answered", f"{found.alone:.2f}"),
        ("the same, while the issuer thinks about one key more", f"{found.beside:.2f}"),
        ("one exchange with an issuer on this machine, httpx", f"{found.trip} us"),
        ("a miss on an event loop takes more than that by", f"{found.miss} us"),
        ("a miss in a thread takes more than httpx's own client for threads by", f"{found.thread_miss} us"),
    )
    yield from table(("what", "measured"), rows)


def _growth(found: growth.Growth, drawn: Mapping[str, str]) -> Iterator[str]:
    yield "## As it grows"
    yield ""
    yield "`validator.check()` of a random key among so many that are cached, and memory"
    yield "of the process per key; each grant has"
    yield "its own texts, as they are read from an answer (workspace, id, one scope). A thousand workspaces share the"
    yield "keys: those of the smallest size have one each, and where all have, a key takes about 170 bytes more."
    yield ""
    yield from _picture("growth", drawn)
    cells = ((f"{each.keys:,}", str(each.hit), str(each.digest), f"{each.memory:,.0f}") for each in found.sizes)
    yield from table(("cached keys", "a hit, us", "SHA-256 alone, us", "bytes a key"), cells)
    imported = found.imported
    rows = (
        (f"{found.events:,} revocations in one answer of the feed", f"{found.event:.1f} us each, read and applied"),
        ("`import rf_middleware`", f"{imported.median:.0f} ms (worst {imported.worst:.0f})"),
        ("of the heavy packages it loads", ", ".join(imported.unwanted) or "no framework, no HTTP client"),
    )
    yield from table(("what", "measured"), rows)


def _issuer(found: issuer_load.Load, drawn: Mapping[str, str]) -> Iterator[str]:
    yield "## The issuer"
    yield ""
    yield "`rf-middleware serve`: one process, SQLite. Leaseholders are sockets on the"
    yield "same machine that ack at once and share"
    yield "its cores. The issuer's work is its processor time for one key made and revoked."
    yield ""
    yield from _picture("issuer", drawn)
    cells = (
        (
            f"{each.leaseholders:,}",
            "-" if each.checks is None else f"{each.checks:,.0f}",
            f"{each.revocations:,.1f}",
            f"{each.acknowledged:,.1f} ({each.worst:,.1f})",
            f"{each.processor:,.1f}",
        )
        for each in found.sizes
    )
    heads = ("leaseholders", "checks/s", "revocations/s", "acknowledged in ms, median (worst)", "issuer's work, ms")
    yield from table(heads, cells)
    last = found.sizes[-1]
    busy = min(100, 100 * last.processor / last.acknowledged)
    yield f"Until all of {last.leaseholders:,} had acknowledged, the issuer's Python worked for {busy:.0f} % of"
    yield "the time; the rest is this benchmark's own sockets and whatever else the machine did."
    yield "**What limits the issuer is that work, on one core**:"
    yield f"each leaseholder adds {found.each:,.0f} us of it to a revocation, for one answer written and one poll read."
    yield f"On paper, {_MANY:,} validators: a revocation takes"
    yield f"{found.acknowledged(_MANY):,.1f} s of that core, and renewing"
    yield f"their leases, one poll per {issuer_load.POLL:g} s each, keeps"
    yield f"{found.renewing(_MANY):,.1f} cores busy where one process"
    yield f"has one: it is full at about {_full(found):,} validators. Beyond that: longer polls, or several issuers."


def _full(found: issuer_load.Load) -> int:
    return round(_MANY / found.renewing(_MANY) / 1000) * 1000

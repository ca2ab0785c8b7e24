"""Measures, prints the page, and writes it with its pictures to ``docs/``; ``BENCH_QUICK=1``: to ``build/bench``.

    python -m benchmarks [SECTION ...]

Names of sections measure these alone and write nothing. Ends non-zero when a section failed, or a target of what is
measured in process was missed (not in a quick run, whose figures mean nothing): each is named.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import pictures
from benchmarks.report import report
from benchmarks.results import Results, targets
from benchmarks.scale import QUICK
from benchmarks.sections import SECTIONS, run

_ROOT: Final = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str]) -> int:
    """Run everything; return the exit code."""
    unknown = set(arguments) - set(SECTIONS)
    if unknown:
        print(f"bench: {', '.join(sorted(unknown))} is no section; allowed are {', '.join(SECTIONS)}", file=sys.stderr)
        return 2
    begun = time.monotonic()
    results = run([name for name in SECTIONS if name in arguments or not arguments])
    folder = _ROOT / "build" / "bench" if QUICK else _ROOT / "docs"
    if not arguments:
        folder.mkdir(parents=True, exist_ok=True)
        drawn = pictures.draw(results, folder / "benchmarks")
    else:
        drawn = {}
    page = report(results, drawn)
    print(page)
    if not arguments:
        (folder / "benchmarks.md").write_text(page, encoding="utf-8")
        print(f"bench: wrote {folder.relative_to(_ROOT)}/benchmarks.md", file=sys.stderr)
    print(f"bench: took {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return _complaints(results)


def _complaints(results: Results) -> int:
    complaints = [f"{name} failed: {why}" for name, why in results.failed.items()]
    missed = [str(target) for target in targets(results) if target.gated and not target.met]
    if not QUICK:
        complaints += [f"missed: {target}" for target in missed]
    for complaint in complaints:
        print(f"bench: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

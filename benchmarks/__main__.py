"""Measures, prints the tables, and writes them to ``docs/benchmarks.md``.

Ends non-zero when the number of measured things is wrong, or a request was refused, did not tell who is asking, or
asked the issuer; never because of a time: machines differ, and a bound that is missed is printed.
"""

import sys
import time
from pathlib import Path
from typing import Final

from benchmarks import frameworks, raw
from benchmarks.issuers import bounded, leased
from benchmarks.parts import check_and_hash, measure_import
from benchmarks.report import Results, report
from benchmarks.traffic import PLACES

_MODES: Final = {"lease": leased, "bounded": bounded}
_PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def main() -> int:
    """Run everything; return the exit code."""
    begun = time.monotonic()
    assert "starlette" not in sys.modules, "Starlette would change what is measured in front of a raw ASGI app"
    rows: list[raw.Row] = []
    for mode, make in _MODES.items():
        with make() as asked:
            for row in raw.measure(mode, asked):
                print(f"{row.protocol} {row.place} {mode}: {row.ratio} times the floor", file=sys.stderr)
                rows.append(row)
    with leased() as asked:
        check, sha = check_and_hash(asked)
        results = Results(rows, list(frameworks.measure(asked)), check, sha, measure_import())
    page = report(results)
    print(page)
    _PAGE.write_text(page, encoding="utf-8")
    print(f"took {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return _complaints(results)


def _complaints(results: Results) -> int:
    complaints: list[str] = []
    expected = len(_MODES) * len(raw.PROTOCOLS) * len(PLACES)
    if len(results.raw) != expected:
        complaints.append(f"{len(results.raw)} rows in front of bare apps, not {expected}")
    if len(results.frameworks) != len(frameworks.FRAMEWORKS):
        complaints.append(f"{len(results.frameworks)} frameworks, not {len(frameworks.FRAMEWORKS)}")
    if results.imported.unwanted:
        complaints.append(f"import rf_middleware loads {', '.join(results.imported.unwanted)}")
    for complaint in complaints:
        print(f"bench: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())

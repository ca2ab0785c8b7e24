"""``python -m tests.nemesis --seconds 60 --seed 7``: a run, and its figures."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.nemesis.run import problems, run


def main() -> int:
    """Run; 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.nemesis", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rf-middleware-nemesis-") as folder:
        figures = asyncio.run(run(Path(folder), given.seconds, given.seed))
    sys.stdout.write(figures.table())
    found = problems(figures)
    sys.stdout.write("".join(f"nemesis: {problem}\n" for problem in found[:20]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

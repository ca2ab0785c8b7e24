"""``python -m tests.fuzz TARGET [SECONDS] [--keep]``: lets a target look for inputs that break it."""

import argparse
import sys

from tests.fuzz.running import fuzz
from tests.fuzz.targets import TARGETS, keep

parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
parser.add_argument("target", choices=sorted(TARGETS))
parser.add_argument("seconds", type=int, nargs="?", default=60)
parser.add_argument("--keep", action="store_true", help="keep the smallest inputs that reach everything")
chosen = parser.parse_args()
found = fuzz(chosen.target, chosen.seconds)
sys.stdout.write(f"{found}\n")
if chosen.keep:
    keep(chosen.target, found.inputs)
sys.exit(found.crash is not None)

"""``scripts/mutants [--again] [module ...]``: tries the mutants of the modules in tests/mutants.toml, says what lived.

Ends with 1 when a mutant lived that the table does not explain, or the table explains one that does not live.
"""

import json
import os
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from scripts.mutating.making import Mutant, mutants
from scripts.mutating.trying import ROOT, module_name, prepared, tried

TABLE: Final = ROOT / "tests" / "mutants.toml"
KEPT: Final = ROOT / "build" / "mutants"


def main(words: Sequence[str]) -> int:
    """Try the modules that are named, or all; return the exit code."""
    os.environ["HYPOTHESIS_PROFILE"] = "mutants"
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    modules = cast("Mapping[str, list[str]]", table["modules"])
    explained = cast("list[dict[str, str]]", table.get("explained", []))
    chosen = [word for word in words if word != "--again"] or list(modules)
    total: Counter[str] = Counter()
    for short in chosen:
        why = {(each["was"].strip(), each["now"].strip()) for each in explained if each["module"] == short}
        total += tried_module(short, modules[short], why, again="--again" in words)
    print(f"mutants: {said(total)}")
    return 1 if total["unexplained"] or total["explained for nothing"] else 0


def said(count: Mapping[str, int]) -> str:
    """Write the figures of a module, or of all."""
    return f"{count['mutants']} made, {count['killed']} killed, {count['time']} killed by time, " + ", ".join(
        f"{count[name]} {name}" for name in ("explained", "unexplained", "explained for nothing")
    )


def tried_module(short: str, stages: Sequence[str], why: set[tuple[str, str]], *, again: bool) -> Counter[str]:
    """Try every mutant of a module, or only what did not die the last time; print what lives unexplained."""
    path = ROOT / "src" / (module_name(short).replace(".", "/") + ".py")
    every = mutants(path.read_text(encoding="utf-8"))
    kept = KEPT / f"{short}.json"
    known = cast("list[tuple[str, str, str]]", json.loads(kept.read_text()) if again and kept.exists() else [])
    killed_before = {(was, now) for was, now, fate in known if fate != "lived"}
    began = time.monotonic()
    fates = ["killed" if (each.was, each.now) in killed_before else None for each in every]
    for stage in stages:
        tests = stage.split()
        limit = 15.0 + 8 * prepared(tests)
        for rank, mutant in enumerate(every):
            if fates[rank] in {None, "lived"}:
                fates[rank] = tried(module_name(short), mutant.source, tests, limit)
    living = [mutant for mutant, fate in zip(every, fates, strict=True) if fate == "lived"]
    told = {(each.was, each.now) for each in living}
    unexplained = [each for each in living if (each.was, each.now) not in why]
    for mutant in unexplained:
        print(shown(path, mutant))
    for was, now in sorted(why - told):
        print(f"{short}: explained, but it does not live: {was!r} -> {now!r}")
    KEPT.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps([(each.was, each.now, fate) for each, fate in zip(every, fates, strict=True)]))
    count = Counter(
        mutants=len(every),
        killed=fates.count("killed"),
        time=fates.count("time"),
        explained=len(living) - len(unexplained),
        unexplained=len(unexplained),
    )
    count["explained for nothing"] = len(why - told)
    print(f"{short}: {said(count)} ({time.monotonic() - began:.0f} s)", flush=True)
    return count


def shown(path: Path, mutant: Mutant) -> str:
    """Write a mutant as an editor opens it, with both versions of its lines."""
    lines = [f"{path.relative_to(ROOT)}:{mutant.line}"]
    lines += [f"    - {line}" for line in mutant.was.splitlines()]
    return "\n".join(lines + [f"    + {line}" for line in mutant.now.splitlines()])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

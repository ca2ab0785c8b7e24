"""Checks README.md, the other papers of the root and docs/*.md: each relative link and each `make X` leads somewhere.

Links are checked down to the heading. No network: an address with a scheme is left alone.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)[^)]*\)|^\[[^\]]+\]:\s*(\S+)|(?:src|href)=\"([^\"]+)\"", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
MAKE = re.compile(r"(?:`|^\$ |^)make ([a-z][a-z-]*)", re.MULTILINE)


def pages() -> list[Path]:
    """Return the papers of the root and everything below docs/."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def anchors(text: str) -> set[str]:
    """Return the fragments by which the headings of a page can be named, as GitHub makes them."""
    names: dict[str, int] = {}
    found: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        seen = names.get(slug, 0)
        names[slug] = seen + 1
        found.add(f"{slug}-{seen}" if seen else slug)
    return found | set(re.findall(r"(?:id|name)=\"([^\"]+)\"", text))


def broken_links(page: Path, text: str) -> Iterator[str]:
    """Yield what is wrong with each link of a page that does not lead anywhere."""
    for match in LINK.finditer(FENCE.sub("", text)):
        target = next(group for group in match.groups() if group)
        if re.match(r"[a-z][a-z0-9+.-]*:|//", target, re.IGNORECASE):
            continue
        name, _, fragment = target.partition("#")
        goal = (page.parent / name).resolve() if name else page
        if not goal.is_relative_to(ROOT) or not goal.exists():
            yield f"{target} does not exist"
        elif fragment and goal.suffix == ".md" and fragment not in anchors(goal.read_text(encoding="utf-8")):
            yield f"{target}: no such heading"


def unknown_targets(text: str) -> Iterator[str]:
    """Yield each `make X` of a page, in code or at the start of a line of a block, that the Makefile does not have."""
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    blocks = "\n".join(match.group() for match in FENCE.finditer(text))
    spans = "\n".join(re.findall(r"`[^`\n]+`", FENCE.sub("", text)))
    for target in sorted(set(MAKE.findall(f"{blocks}\n{spans}")) - known):
        yield f"make {target} is not in the Makefile"


def main() -> int:
    """Print each problem as `page: problem`; return the exit code."""
    problems: list[str] = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        found = [*broken_links(page, text), *unknown_targets(text)]
        problems += [f"{page.relative_to(ROOT)}: {what}" for what in found]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"docs: {len(pages())} pages, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

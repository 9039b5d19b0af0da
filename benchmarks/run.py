"""Run the measurements and write their table: `python -m benchmarks.run [NAME ...]`.

Every ``bench_*.py`` here has a function ``measure`` that returns rows; a new one needs nothing else.
"""

from __future__ import annotations

import importlib
import os
import platform
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks.rows import Row, SkipError

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "reference" / "benchmarks.md"
INTRODUCTION = """# Benchmarks

Written by `make bench`. Where there is a peer, it ran on the same machine in the same run, and the
ratio is ours over the peer's. Budgets are what the design asks for.
"""
HEAD = ("what", "value", "unit", "peer", "ratio", "budget", "kept")


def machine() -> str:
    """The machine in a few words."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"^model name\s*:\s*(.*)$", info.read_text(), re.MULTILINE)
        model = found[1] if found else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"


def number(value: float) -> str:
    """Three digits that matter."""
    if abs(value) >= 1000:
        digits = len(str(int(abs(value))))
        return f"{round(value, 3 - digits):,.0f}"
    return f"{value:.3g}"


def cells(row: Row) -> tuple[str, str, str, str, str, str, str]:
    """A row as texts."""
    return (
        row.name,
        number(row.value),
        row.unit,
        row.peer,
        "" if row.ratio is None else number(row.ratio),
        str(row.budget or ""),
        {True: "yes", False: "NO", None: ""}[row.met],
    )


def aligned(table: Sequence[tuple[str, ...]]) -> str:
    """A table for a terminal."""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return "\n".join("  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)) for row in table)


def section(name: str, rows: Sequence[Row]) -> str:
    """A table for the page."""
    lines = [HEAD, ("---",) * len(HEAD), *map(cells, rows)]
    return f"## {name}\n\n{machine()}.\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def write_page(sections: dict[str, str]) -> None:
    """Put new sections into the page; those of measurements that did not run stay."""
    old = PAGE.read_text() if PAGE.exists() else ""
    found = re.finditer(r"^## (\w+)\n.*?(?=^## |\Z)", old, re.MULTILINE | re.DOTALL)
    kept = {match[1]: match[0].rstrip() + "\n" for match in found}
    merged = kept | sections
    PAGE.write_text(INTRODUCTION + "\n" + "\n".join(merged[name] for name in sorted(merged)))


def main(names: Sequence[str]) -> int:
    """Measure; 1 where a measurement failed. A budget that was not kept is shown, for machines differ."""
    found = {path.stem.removeprefix("bench_"): path.stem for path in sorted(HERE.glob("bench_*.py"))}
    unknown = [name for name in names if name not in found]
    if unknown:
        print(f"There is no measurement {', '.join(unknown)}; there are {', '.join(found)}.", file=sys.stderr)
        return 2
    table, sections, bad = [HEAD], {}, 0
    print(machine())
    for name in names or found:
        print(f"measuring {name} ...", flush=True)
        try:
            rows = importlib.import_module(f"benchmarks.{found[name]}").measure()
        except SkipError as skip:
            print(f"  not measured: {skip}")
            continue
        except Exception:  # noqa: BLE001 - one that fails must not cost the others
            traceback.print_exc()
            bad += 1
            continue
        table += map(cells, rows)
        sections[name] = section(name, rows)
    print("\n" + aligned(table))
    write_page(sections)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

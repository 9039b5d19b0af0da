"""Atoms of all fields from raw arrays: the core, Polars and DuckDB on the same answer, the memory's bound."""

from __future__ import annotations

import importlib.util
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np

from analytics import query
from analytics.fields import ATOM_FIELDS
from benchmarks.peers.common import FIELDS
from benchmarks.plants import Plant
from benchmarks.rows import Budget, Row, SkipError

MACHINES = 100
SAMPLES = 20_000_000
NEAR = 1e-6
Columns = Mapping[str, np.ndarray]


def measure() -> list[Row]:
    """Time and memory of each in a process of its own, so that none warms or fills another's."""
    missing = [name for name in ("polars", "duckdb") if importlib.util.find_spec(name) is None]
    if missing:
        raise SkipError(f"{' and '.join(missing)} not installed (pip install {' '.join(missing)})")
    ours, double = _alone("core", SAMPLES), _alone("core", 2 * SAMPLES)
    peers = {name: _alone(name, SAMPLES) for name in ("polars", "duckdb")}
    fastest = min(peers, key=lambda name: peers[name]["seconds"])
    rate = SAMPLES / ours["seconds"]
    return [
        Row(
            "atoms of 100 machines, 20 M samples",
            rate / 1e6,
            "M samples/s",
            f"{fastest}: {SAMPLES / peers[fastest]['seconds'] / 1e6:.3g}, the best plan we could write",
            peers[fastest]["seconds"] / ours["seconds"],
            Budget("ratio", "least", 10),
        ),
        *(
            Row(f"the same by {name}", SAMPLES / found["seconds"] / 1e6, "M samples/s")
            for name, found in peers.items()
        ),
        Row(
            "atoms, of what copying memory allows",
            ours["bound_s"] / ours["seconds"],
            "of the bound",
            budget=Budget("value", "least", 0.05),
        ),
        Row(
            "atoms, twice the data",
            double["seconds"] / ours["seconds"],
            "times as long",
            budget=Budget("value", "most", 2.2),
        ),
        Row(
            "atoms, peak memory",
            ours["peak"] / ours["input"],
            "times the input",
            "; ".join(f"{name} {p['peak'] / p['input']:.2g}" for name, p in peers.items()),
            budget=Budget("value", "most", 3),
        ),
    ]


def _alone(which: str, samples: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_atoms", which, str(samples)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


# -- in a process of its own


def core(plant: Plant) -> Callable[[], Columns]:
    """Ours: every field of MODEL section 3, by the general rules."""

    def work() -> Columns:
        made = query.compute(plant.site, plant, start_ns=plant.start_ns, end_ns=plant.end_ns, whole=True)
        values = np.concatenate([r.fragments.values for r in made.results.values()])
        return {name: values[:, i] for i, name in enumerate(ATOM_FIELDS)}

    return work


def polars(plant: Plant) -> Callable[[], Columns]:
    """Polars, given the calendar and told that nothing was ever silent."""
    from benchmarks.peers import polars_atoms  # noqa: PLC0415 - only this process needs it

    frames = polars_atoms.frames(plant)
    return lambda: {
        name: column.to_numpy() for name, column in polars_atoms.atoms(frames, plant.end_ns).to_dict().items()
    }


def duckdb(plant: Plant) -> Callable[[], Columns]:
    """DuckDB, given the same."""
    from benchmarks.peers import duckdb_atoms  # noqa: PLC0415 - only this process needs it

    db = duckdb_atoms.database(plant)
    return lambda: duckdb_atoms.atoms(db, plant.end_ns)


def _bound_s(plant: Plant, atoms: int) -> float:
    """How long it takes to read every column once and write the atoms once, at the speed of a copy."""
    moved = plant.samples * 16 + atoms * len(ATOM_FIELDS) * 8
    source = np.ones(moved // 16)
    target = np.empty_like(source)
    # Half of `moved` is read and half written: as much traffic.
    return min(_timed(lambda: np.copyto(target, source)) for _ in range(5))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _run(which: str, samples: int) -> None:
    plant = Plant(MACHINES, samples)
    work = {"core": core, "polars": polars, "duckdb": duckdb}[which](plant)
    found: dict[str, np.ndarray] = {}
    seconds = min(_timed(lambda: found.update(work())) for _ in range(3))
    told = {
        "seconds": seconds,
        "peak": _peak_bytes(),
        "input": plant.samples * 16,
        "bound_s": _bound_s(plant, len(found["energy_kwh"])),
    }
    if which != "core":
        _compare(core(plant)(), found)
    print(json.dumps(told))


def _peak_bytes() -> int:
    """Of the whole process, the interpreter and its libraries included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _compare(ours: Columns, theirs: Columns) -> None:
    """The same answer, or none."""
    for name in FIELDS:
        mine, other = np.asarray(ours[name]), np.asarray(theirs[name])
        if mine.shape != other.shape or not np.allclose(mine, other, rtol=NEAR, atol=NEAR):
            raise RuntimeError(f"{name}: the answers differ")


if __name__ == "__main__":
    _run(sys.argv[1], int(sys.argv[2]))

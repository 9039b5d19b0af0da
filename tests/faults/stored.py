"""What the store holds, read by other means than the product's, and held against the machines' own ledger."""

from __future__ import annotations

import csv
import json
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ingest.embedded import EmbeddedStore
from tests.faults.generator import MACHINES
from tests.servers import InfluxServer

Key = tuple[str, str, int]
"""Machine, signal, time."""
Value = float | str

_FIELDS: Final = ("total_count", "spindle_c", "torque", "product_text")
_LAB: Final = "lab"


class Reader(Protocol):
    """Looks into a store."""

    def samples(self) -> Iterator[tuple[Key, Value]]:
        """Everything of MACHINES, of every series, the same sample in two series twice."""
        ...

    def newest_ns(self) -> int:
        """Time of the newest sample; 0 for none."""
        ...


class InfluxReader:
    """Asks influxd for CSV."""

    def __init__(self, server: InfluxServer) -> None:
        self.url = f"{server.url}/query"
        self._headers = {"Accept": "application/csv"}
        if server.token:
            self._headers["Authorization"] = f"Token {server.token}"

    def samples(self) -> Iterator[tuple[Key, Value]]:
        """See :class:`Reader`."""
        for field in _FIELDS:
            # GROUP BY *: every series by itself, so that a sample in a wrong series is seen.
            query = f'SELECT "{field}" FROM "machine" GROUP BY *'  # noqa: S608 - our own names
            for row in self._ask(query):
                tags = dict(pair.split("=", 1) for pair in row["tags"].split(","))
                if tags["machine"] in MACHINES:
                    value = row[field] if field.endswith("_text") else float(row[field])
                    yield (tags["machine"], field.removesuffix("_text"), int(row["time"])), value

    def newest_ns(self) -> int:
        """See :class:`Reader`."""
        return max(
            (int(row["time"]) for row in self._ask('SELECT last("total_count") FROM "machine"')), default=0
        )

    def _ask(self, query: str) -> Iterator[dict[str, str]]:
        what = urllib.parse.urlencode({"db": f"{_LAB}_raw", "epoch": "ns", "q": query})
        request = urllib.request.Request(f"{self.url}?{what}", headers=self._headers)  # noqa: S310 - ours
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own server
            yield from csv.DictReader(line.decode() for line in answer)


class EmbeddedReader:
    """Opens the file anew each time, as another process would."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def samples(self) -> Iterator[tuple[Key, Value]]:
        """See :class:`Reader`."""
        with closing(EmbeddedStore(self.path, _LAB)) as store:
            for column in store.columns("raw", "machine", fields=_FIELDS):
                key = dict(column.tags)["machine"], column.field.removesuffix("_text")
                if key[0] not in MACHINES:
                    continue
                for time_ns, value in zip(column.time_ns.tolist(), column.values.tolist(), strict=True):
                    yield (*key, time_ns), value

    def newest_ns(self) -> int:
        """See :class:`Reader`."""
        with closing(EmbeddedStore(self.path, _LAB)) as store:
            return max((row.time_ns for row in store.last_before("raw", "machine", 2**62)), default=0)


def make_reader(folder: Path, server: InfluxServer | None) -> Reader:
    """The reader for an InfluxDB, or where there is none for the embedded store in a folder."""
    return InfluxReader(server) if server is not None else EmbeddedReader(folder / "lab.db")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the machines' samples.

    Attributes
    ----------
    given : int
        Samples in the machines' ledger.
    stored : int
        Of these, in the store.
    poison : frozenset of (machine, signal, time)
        Of these, poison; a message that cannot be read with its number in place of a time.
    missing : frozenset of (machine, signal, time)
        Good ones that the store does not have.
    twice : int
        Samples that more than one series has.
    changed : int
        Samples whose value is not what the machine said.
    strange : int
        Samples in the store that no machine said, or that are poison.
    """

    given: int
    stored: int
    poison: frozenset[Key]
    missing: frozenset[Key]
    twice: int
    changed: int
    strange: int

    @property
    def clean(self) -> bool:
        """Whether the store has exactly what it should have."""
        return not (self.missing or self.twice or self.changed or self.strange)


def compare(ledger: Path, samples: Iterable[tuple[Key, Value]]) -> Outcome:
    """Hold the store against the ledger."""
    wanted: dict[Key, Value] = {}
    poison = set()
    with ledger.open(encoding="utf-8") as lines:
        for line in lines:
            machine, signal, time_ns, value, good = json.loads(line)
            if good:
                wanted[machine, signal, time_ns] = value
            else:
                poison.add((machine, signal, time_ns))
    found: Counter[Key] = Counter()
    changed = strange = 0
    for key, value in samples:
        found[key] += 1
        strange += key not in wanted
        changed += key in wanted and wanted[key] != value
    return Outcome(
        given=len(wanted) + len(poison),
        stored=len(found),
        poison=frozenset(poison),
        missing=frozenset(wanted.keys() - found.keys()),
        twice=sum(count > 1 for count in found.values()),
        changed=changed,
        strange=strange,
    )

"""InfluxDB 3 Core 3.10 as a client sees it; `file:lines` are of influxdata/influxdb at the branch 3.10."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tests.fronts.front import LINE, Front, Handler, Refused, listening, unreadable
from tests.servers import InfluxServer, given_influx

TOKEN = "apiv3_only-for-tests"
MOST_FILES = 432  # influxdb3_write/src/write_buffer/mod.rs:437
_FILE_NS = 600 * 10**9


class Influx3(Front):
    """Databases without rights of their own; every ten minutes of a table a file.

    Parameters
    ----------
    behind : str
    most_files : int
        How many one query may read.
    """

    def __init__(self, behind: str, most_files: int = MOST_FILES) -> None:
        super().__init__(behind, Influx3Handler)
        self.most_files = most_files
        self.prefix = f"v3{id(self)}_"
        self.databases: dict[str, int] = {}
        self.files: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        self.queries: list[str] = []

    def make(self, name: str, keep_s: int) -> None:
        """A database, and how long it keeps its data; 0: for ever."""
        durations = f"DURATION {f'{keep_s}s' if keep_s else 'INF'} REPLICATION 1 SHARD DURATION 1h"
        if name in self.databases:
            self.manage(f'ALTER RETENTION POLICY "autogen" ON "{self.prefix}{name}" {durations}')
        else:
            self.manage(f'CREATE DATABASE "{self.prefix}{name}" WITH {durations} NAME "autogen"')
        self.databases[name] = keep_s


class Influx3Handler(Handler):
    """The ways that Fieldlab uses."""

    server: Influx3
    ROUTES: ClassVar = {
        "(?:GET|POST) /ping": "ping",
        "POST /write": "write",
        "POST /query": "query",
        "(POST|PUT) /api/v3/configure/database": "configure",
    }

    def must(self) -> None:
        """Any token opens all; none, and even /ping says 401: influxdb3_server/src/http.rs:413-418, 2715."""
        if self.headers.get("Authorization") not in {f"Token {TOKEN}", f"Bearer {TOKEN}"}:
            raise Refused(401, {"error": "the request was not authenticated"})

    def ping(self) -> None:
        """influxdb3_server/src/http.rs:1213-1234."""
        self.must()
        self.reply(200, {"version": "3.10.0"}, X_Influxdb_Build="Core", X_Influxdb_Version="3.10.0")

    def configure(self, method: str) -> None:
        """Made, or 409; changed, or 404: influxdb3_server/src/http.rs:657-663, 1783-1797 and 1894-1924."""
        self.must()
        wish = json.loads(self.body)
        with self.server.lock:
            there = wish["db"] in self.server.databases
            if there == (method == "POST"):
                raise Refused(409 if there else 404, {"error": "already exists" if there else "not found"})
            keep_s = int((wish.get("retention_period") or "0s").removesuffix("s"))
            self.server.make(wish["db"], keep_s)
        self.reply(200)

    def write(self) -> None:
        """Good lines are kept, the others named: influxdb3_server/src/http.rs:843-865 and 1076-1111."""
        self.must()
        name = self.asked["db"]
        with self.server.lock:
            if name not in self.server.databases:
                self.server.make(name, 0)
        text = self.body.decode()
        bad = [{"original_line": line, "line_number": 1, "error_message": "invalid line protocol"}
               for line in unreadable(text)]  # fmt: skip
        query = {"db": self.server.prefix + name, "precision": self.asked.get("precision", "ns")}
        status, said = self.server.forward("/write", query, self.body)
        if status != 204 and not bad:
            bad = [{"original_line": "", "line_number": 1, "error_message": json.loads(said)["error"]}]
        for line in LINE.finditer(text):
            table = re.match(r"(?:\\.|[^\\, ])+", line[0])
            if table is not None:
                self.server.files[name, table[0]].add(int(line["time"] or 0) // _FILE_NS)
        if bad:
            raise Refused(400, {"error": "partial write of line protocol occurred", "data": bad})
        self.reply(204)

    def query(self) -> None:
        """Errors of a statement come with 200: core/iox_v1_query_api/src/handler.rs:277-423."""
        self.must()
        statement, name = self.asked["q"], self.asked.get("db", "")
        self.server.queries.append(statement)
        told = self._own(statement, name)
        if told is not None:
            self.reply(200, {"results": [{"statement_id": 0, **told}]})
            return
        passed = {key: self.asked[key] for key in ("epoch", "chunked", "chunk_size") if key in self.asked}
        self.reply(*self.server.forward("/query", {"db": self.server.prefix + name}, q=statement, **passed))

    def _own(self, statement: str, name: str) -> dict[str, Any] | None:
        """What the server says by itself; None: what the data say."""
        if statement == "SHOW DATABASES":  # influxdb3_internal_api/src/query_executor.rs:104-140
            names = [[known] for known in self.server.databases]
            return {"series": [{"name": "databases", "columns": ["name"], "values": names}]}
        if name not in self.server.databases:  # core/iox_v1_query_api/src/error.rs:83-84
            return {"error": f"Database {name} not found"}
        if statement == "SHOW RETENTION POLICIES":  # influxdb3_internal_api/src/query_executor.rs:166-212
            keep_s = self.server.databases[name]
            row = [name, f"{keep_s // 3600}h0m0s" if keep_s else "0s", True]
            return {"series": [{"name": "retention_policies", "columns": ["name", "duration", "default"],
                                "values": [row]}]}  # fmt: skip
        if not re.match(r"\s*(select|show)\b", statement, re.IGNORECASE) or "SLIMIT" in statement:
            return {"error": f"error in InfluxQL statement: {statement[:20]}"}
        for one in statement.split(";"):
            if self._files(one, name) > self.server.most_files:
                # influxdb3_write/src/write_buffer/mod.rs:549-564
                files = (
                    f"{self.server.most_files} Parquet files, exceeding the file limit. InfluxDB 3 Core caps"
                )
                return {"error": f"datafusion error: External error: Query would scan {files}"}
        return None

    def _files(self, statement: str, name: str) -> int:
        """How many files a query's range touches: influxdb3_write/src/write_buffer/mod.rs:540-543."""
        table = re.search(r'FROM "([^"]+)"', statement)
        if table is None or statement.startswith("SHOW"):
            return 0
        since = re.search(r"time >= (-?\d+)", statement)
        until = re.search(r"time < (-?\d+)", statement)
        first = int(since[1]) // _FILE_NS if since else -(2**63)
        last = (int(until[1]) - 1) // _FILE_NS if until else 2**63
        return sum(first <= file <= last for file in self.server.files[name, table[1]])


@contextmanager
def influx3(behind: str, folder: Path, most_files: int = MOST_FILES) -> Iterator[InfluxServer]:
    """The front, with an administrator's token, as all are."""
    front = Influx3(behind, most_files)
    with listening(front, given_influx(front.url, TOKEN, None, folder)) as server:
        yield server

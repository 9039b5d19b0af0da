"""InfluxDB 2.9.1 as a client sees it; `file:lines` are of influxdata/influxdb at the tag v2.9.1."""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tests.fronts.front import Front, Handler, Refused, listening, unreadable
from tests.servers import InfluxServer, given_influx

ORG, ORG_ID = "fieldlab-tests", "0000000000000abc"
_DAY_S = 86_400
Permission = dict[str, Any]


def refusal(status: int, code: str, message: str) -> Refused:
    """An error of the API: kit/transport/http/error_handler.go:49-62 and 96-110."""
    return Refused(status, {"code": code, "message": message})


class Influx2(Front):
    """Buckets and tokens; the data of a bucket lie in a database of the server behind, named by its id."""

    def __init__(self, behind: str) -> None:
        super().__init__(behind, Influx2Handler)
        self.operator = secrets.token_hex(16)
        self.buckets: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}

    def permissions(self, header: str) -> list[Permission]:
        """What a token may: http/tokens.go:22-37, http/authentication_middleware.go:82-110."""
        token = re.sub(r"^(token|bearer) ", "", header, flags=re.IGNORECASE)
        if token == self.operator:  # authz.go:372-386: everything, of no organisation
            types = ("buckets", "authorizations", "orgs", "users")
            return [{"action": a, "resource": {"type": t}} for a in ("read", "write") for t in types]
        for known in self.tokens.values():
            if token == known["token"]:  # while inactive it may nothing: auth.go:107-116
                return list(known["permissions"]) if known["status"] == "active" else []
        raise refusal(401, "unauthorized", "unauthorized access")  # http/errors.go:108-112


def allowed(permissions: list[Permission], action: str, kind: str, place: str | None = None) -> bool:
    """Whether permissions let one at a resource of our organisation: authz.go:232-277."""
    for permission in permissions:
        told = permission["resource"]
        if permission["action"] == action and told["type"] == kind:
            org, one = told.get("orgID"), told.get("id")
            if (org is None and one is None) or (one is None and org == ORG_ID) or (one and one == place):
                return True
    return False


class Influx2Handler(Handler):
    """The ways that Fieldlab uses."""

    server: Influx2
    ROUTES: ClassVar = {
        "(?:GET|HEAD) /ping": "ping",
        "GET /api/v2/orgs": "orgs",
        "GET /api/v2/buckets": "list_buckets",
        "POST /api/v2/buckets": "make_bucket",
        "PATCH /api/v2/buckets/(.+)": "change_bucket",
        "DELETE /api/v2/buckets/(.+)": "drop_bucket",
        "GET /api/v2/authorizations": "list_tokens",
        "POST /api/v2/authorizations": "make_token",
        "PATCH /api/v2/authorizations/(.+)": "change_token",
        "DELETE /api/v2/authorizations/(.+)": "drop_token",
        "POST /api/v2/write": "write",
        "POST /api/v2/delete": "delete",
        "POST /query": "query",
    }

    def ping(self) -> None:
        """Without a token: http/handler.go:129-134, http/legacy/ping_handler.go:24-27."""
        self.reply(204, X_Influxdb_Build="OSS", X_Influxdb_Version="v2.9.1")

    def may(self) -> list[Permission]:
        """What whoever asks may."""
        return self.server.permissions(self.headers.get("Authorization", ""))

    def must(self, action: str, kind: str, place: str | None = None) -> None:
        """Refuse what a token may not: authorizer/authorize.go:13-28."""
        if not allowed(self.may(), action, kind, place):
            raise refusal(401, "unauthorized", f"{action}:orgs/{ORG_ID}/{kind} is unauthorized")

    # -- organisations and buckets

    def orgs(self) -> None:
        """One by name, or 404: tenant/service_org.go:77-85, tenant/error_org.go:27-32."""
        self.may()
        if self.asked.get("org", ORG) != ORG:
            raise refusal(404, "not found", f'organization name "{self.asked["org"]}" not found')
        self.reply(200, {"links": {"self": "/api/v2/orgs"}, "orgs": [{"id": ORG_ID, "name": ORG}]})

    def in_org(self) -> None:
        """The organisation asked about, by id or name: http/requests.go:30-47."""
        told = self.asked.get("orgID") or self.asked.get("org")
        if told not in {None, ORG, ORG_ID}:
            raise refusal(404, "not found", f'organization name "{told}" not found')

    def bucket(self, name: str) -> dict[str, Any]:
        """A bucket by name: tenant/storage_bucket.go:108-126, tenant/error_bucket.go:38-43."""
        for known in self.server.buckets.values():
            if known["name"] == name:
                return known
        raise refusal(404, "not found", f'bucket "{name}" not found')

    def list_buckets(self) -> None:
        """By name one or 404; else a page, after an id: tenant/service_bucket.go:91-134, paging.go:83-101.

        Of what may not be read nothing is said: authorizer/authorize_find.go:55-70.
        """
        may = self.may()
        self.in_org()
        if "name" in self.asked and ("orgID" in self.asked or "org" in self.asked):
            found = [self.bucket(self.asked["name"])]
        else:
            with self.server.lock:
                named = self.asked.get("name")
                found = [known for known in self.server.buckets.values() if named in {None, known["name"]}]
            found.sort(key=lambda known: known["name"])
            ids = [known["id"] for known in found]
            begin = ids.index(self.asked["after"]) + 1 if "after" in self.asked else 0
            found = found[begin : begin + int(self.asked.get("limit", 20))]
        seen = [known for known in found if allowed(may, "read", "buckets", known["id"])]
        links = {"self": "/api/v2/buckets"}
        if len(seen) >= int(self.asked.get("limit", 20)):  # paging.go:185-190
            links["next"] = "/api/v2/buckets?offset=20"
        self.reply(200, {"links": links, "buckets": seen})

    def make_bucket(self) -> None:
        """One name, one bucket: tenant/http_server_bucket.go:295-315, tenant/error_bucket.go:58-63."""
        self.must("write", "buckets")
        wish = json.loads(self.body)
        rule = (wish["retentionRules"] or [{}])[0]
        with self.server.lock:
            if any(known["name"] == wish["name"] for known in self.server.buckets.values()):
                raise refusal(422, "conflict", f"bucket with name {wish['name']} already exists")
            made = {"id": secrets.token_hex(8), "orgID": wish["orgID"], "type": "user", "name": wish["name"],
                    "labels": [],
                    "retentionRules": [_rule(rule.get("everySeconds", 0),
                                             rule.get("shardGroupDurationSeconds") or 0)]}  # fmt: skip
            self.server.manage(f'CREATE DATABASE "{made["id"]}" WITH {_durations(made)} NAME "autogen"')
            self.server.buckets[made["id"]] = made
        self.reply(201, made)

    def change_bucket(self, place: str) -> None:
        """None shorter than its shards: v1/services/meta/data.go:243-250, storage/engine.go:313-319."""
        self.must("write", "buckets", place)
        known = self.server.buckets[place]
        (old,), (new,) = known["retentionRules"], json.loads(self.body).get("retentionRules") or [{}]
        every_s = new.get("everySeconds", old["everySeconds"])
        shard_s = new.get("shardGroupDurationSeconds") or old["shardGroupDurationSeconds"]
        if 0 < every_s < shard_s:
            message = "shard-group duration must also be updated to be smaller than new retention duration"
            raise refusal(422, "unprocessable entity", message)
        known["retentionRules"] = [_rule(every_s, shard_s)]
        self.server.manage(f'ALTER RETENTION POLICY "autogen" ON "{place}" {_durations(known)}')
        self.reply(200, known)

    def drop_bucket(self, place: str) -> None:
        """With its data, but not with the tokens that open it: storage/bucket_service.go:82-98."""
        self.must("write", "buckets", place)
        self.server.manage(f'DROP DATABASE "{place}"')
        del self.server.buckets[place]
        self.reply(204)

    # -- tokens

    def list_tokens(self) -> None:
        """Those one may read, redacted: authorizer/authorize_find.go:30-52, authorization/storage.go:110."""
        seen = []
        if allowed(self.may(), "read", "authorizations") and allowed(self.may(), "read", "users"):
            seen = [{**known, "token": "REDACTED"} for known in self.server.tokens.values()]
        self.reply(200, {"links": {"self": "/api/v2/authorizations"}, "authorizations": seen})

    def make_token(self) -> None:
        """Told once: authorization/http_server.go:75-116; no right it has not: middleware_auth.go:27-44."""
        self.must("write", "authorizations")
        wish = json.loads(self.body)
        for wanted in wish["permissions"]:
            place = wanted["resource"].get("id")
            if not allowed(self.may(), wanted["action"], wanted["resource"]["type"], place):
                raise refusal(403, "forbidden", f"permission {wanted} is not allowed")
        made = {"id": secrets.token_hex(8), "token": secrets.token_urlsafe(48), "status": "active",
                "description": wish.get("description", ""), "orgID": wish["orgID"], "org": ORG,
                "userID": "0000000000000def", "permissions": wish["permissions"]}  # fmt: skip
        self.server.tokens[str(made["id"])] = made
        self.reply(201, made)

    def change_token(self, place: str) -> None:
        """Description and status, nothing else: auth.go:34-37, authorization/service.go:178-214."""
        self.must("write", "authorizations", place)
        wish = json.loads(self.body)
        known = self.server.tokens[place]
        known |= {name: wish[name] for name in ("description", "status") if wish.get(name) is not None}
        self.reply(200, {**known, "token": "REDACTED"})

    def drop_token(self, place: str) -> None:
        """authorization/http_server.go:586-603, authorization/error.go:18-21."""
        self.must("write", "authorizations", place)
        if self.server.tokens.pop(place, None) is None:
            raise refusal(404, "not found", "authorization not found")
        self.reply(204)

    # -- data

    def write(self) -> None:
        """In this order: who, organisation, bucket, right, lines: http/write_handler.go:138-213.

        With one that cannot be read nothing is stored: http/points/points_parser.go:70-90. With some of
        another type or too old the rest is; 422 says how many: http/write_handler.go:192-201.
        """
        may = self.may()
        self.in_org()
        bucket = self.bucket(self.asked["bucket"])
        if not allowed(may, "write", "buckets", bucket["id"]):
            raise refusal(403, "forbidden", "insufficient permissions for write")
        bad = next(unreadable(self.body.decode()), None)
        if bad is not None:
            raise refusal(400, "invalid", f"unable to parse '{bad}': invalid field format")
        query = {"db": bucket["id"], "precision": self.asked.get("precision", "ns")}
        status, said = self.server.forward("/write", query, self.body)
        if status != 204:
            message = json.loads(said)["error"]
            if not message.startswith("partial write"):
                raise refusal(
                    500, "internal error", f"unexpected error writing points to database: {message}"
                )
            reason = f"failure writing points to database: {message}"
            raise refusal(422, "unprocessable entity", reason)
        self.reply(204)

    def delete(self) -> None:
        """By measurement and tags, both ends too: http/delete_handler.go:84-143, predicate/parser.go:157."""
        may = self.may()
        self.in_org()
        bucket = self.bucket(self.asked["bucket"])
        if not allowed(may, "write", "buckets", bucket["id"]):
            raise refusal(403, "forbidden", "insufficient permissions to delete")
        wish = json.loads(self.body)
        conditions = {}
        for condition in re.finditer(r'(\w+)="((?:\\.|[^"\\])*)"(?: AND |$)', wish["predicate"]):
            conditions[condition[1]] = re.sub(r"\\(.)", r"\1", condition[2])
        measurement = conditions.pop("_measurement", None)
        among = f'"{measurement}"' if measurement is not None else "/.*/"
        within = [f"time >= {_ns(wish['start'])}", f"time <= {_ns(wish['stop'])}"]
        within += [f"\"{tag}\" = '{_quoted(value)}'" for tag, value in conditions.items()]
        self.server.manage(f"DELETE FROM {among} WHERE {' AND '.join(within)}", bucket["id"])  # noqa: S608
        self.reply(204)

    def query(self) -> None:
        """InfluxQL that only reads: influxql/query/proxy_executor.go:52-59; a bucket is a database by itself.

        One that is not there, or that the token may not read, is "not found":
        v1/coordinator/statement_executor.go:849-856, authorizer/authorize_find.go:12-27.
        SHOW MEASUREMENTS says nothing at all then: v1/coordinator/statement_executor.go:484-531.
        """
        may = self.may()
        if not may:  # http/legacy/influxqld_handler.go:50-56
            raise refusal(403, "forbidden", "insufficient permissions")
        statement, name = self.asked["q"], self.asked.get("db", "")
        known = [b for b in self.server.buckets.values() if b["name"] == name]
        if not known or not allowed(may, "read", "buckets", known[0]["id"]):
            told = {} if statement == "SHOW MEASUREMENTS" else {"error": f"database not found: {name}"}
            self.reply(200, {"results": [{"statement_id": 0, **told}]})
            return
        if not re.match(r"\s*(select|show)\b", statement, re.IGNORECASE):
            self.reply(200, {"results": [{"statement_id": 0, "error": "not implemented: " + statement[:6]}]})
            return
        passed = {key: self.asked[key] for key in ("epoch", "chunked", "chunk_size") if key in self.asked}
        self.reply(*self.server.forward("/query", {"db": known[0]["id"]}, q=statement, **passed))


def _rule(every_s: int, shard_s: int) -> dict[str, Any]:
    """v1/services/meta/data.go:1357-1378."""
    own = 7 * _DAY_S if every_s == 0 or every_s >= 180 * _DAY_S else _DAY_S if every_s >= 2 * _DAY_S else 3600
    return {"type": "expire", "everySeconds": every_s, "shardGroupDurationSeconds": shard_s or own}


def _durations(bucket: dict[str, Any]) -> str:
    (rule,) = bucket["retentionRules"]
    keep = f"{rule['everySeconds']}s" if rule["everySeconds"] else "INF"
    return f"DURATION {keep} REPLICATION 1 SHARD DURATION {rule['shardGroupDurationSeconds']}s"


def _ns(text: str) -> int:
    """Nanoseconds of a time in RFC 3339."""
    whole, _, parts = text.removesuffix("Z").partition(".")
    return int(dt.datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 10**9 + int(parts.ljust(9, "0"))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


@contextmanager
def influx2(behind: str, folder: Path) -> Iterator[InfluxServer]:
    """The front, with an operator's token."""
    front = Influx2(behind)
    with listening(front, given_influx(front.url, front.operator, ORG, folder)) as server:
        yield server

"""A stand-in for Grafana's HTTP API: what `fieldlab dashboards push` asks of it, answered as documented.

Each answer cites the page of Grafana's HTTP API reference (v12) that it stands for, by its title. The same
tests run against a real one with FIELDLAB_TEST_GRAFANA_URL.
"""

from __future__ import annotations

import base64
import copy
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ADMIN = ("admin", "only-for-tests")


@dataclass
class Org:
    """One organisation and all that is in it."""

    id: int
    name: str
    users: list[str] = field(default_factory=list)
    accounts: dict[int, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[int, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    permissions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    teams: list[dict[str, Any]] = field(default_factory=list)
    invites: list[dict[str, Any]] = field(default_factory=list)
    boards: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818
    """An answer that is no success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Double:
    """Its state, what it was asked, and how it can be made to fail."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Know nothing yet."""
        self.orgs: dict[int, Org] = {1: Org(1, "Main Org.", ["admin"])}
        self.asked: list[tuple[str, str, str]] = []
        self.ids = itertools.count(2)
        self.fail_after: int | None = None
        self.failure: Callable[[], None] = lambda: None
        self.own_way = False

    def writes(self) -> list[tuple[str, str, str]]:
        """Who asked for which change."""
        return [asked for asked in self.asked if asked[1] != "GET"]

    def org(self, ident: str) -> Org:
        """The organisation whose name ends with an id."""
        (found,) = [o for o in self.orgs.values() if o.name.endswith(f"({ident})")]
        return found

    # -- who asks

    def entered(self, authorization: str, org_header: str | None) -> tuple[str, Org]:
        """Authentication API: basic for a server administrator, bearer for the token of a service account."""
        kind, _, told = authorization.partition(" ")
        if kind == "Basic":
            user, _, password = base64.b64decode(told).decode().partition(":")
            if (user, password) != ADMIN:
                raise Refused(401, "Invalid username or password")
            org = self.orgs.get(int(org_header or 1))
            if org is None or user not in org.users:
                raise Refused(401, "User is not member of the organization")
            return user, org
        for org in self.orgs.values():
            if any(token["key"] == told for token in org.tokens.values()):
                return "account", org
        raise Refused(401, "Invalid API key")

    version = "12.2.0"

    def health(self) -> dict[str, str]:
        """Other API: health; of whoever asks."""
        return {"database": "ok", "version": self.version, "commit": "none"}

    def answer(self, who: str, org: Org, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        """The route that fits."""
        for pattern, route in ROUTES.items():
            verb, _, shape = pattern.partition(" ")
            found = re.fullmatch(re.sub(r":\w+", "([^/]+)", shape), path)
            if verb == method and found:
                arguments = [unquote(part) for part in found.groups()]
                if shape.startswith("/orgs") and who != "admin":
                    raise Refused(403, "Permission denied")
                return route(self, org, arguments, query, body)
        raise Refused(404, f"Not found: {method} {path}")

    # -- Organization API

    def list_orgs(self, _org: Org, _args: list[str], _query: Any, _body: Any) -> Any:
        """Organization API, Admin: search all organizations."""
        return [{"id": o.id, "name": o.name} for o in self.orgs.values()]

    def make_org(self, _org: Org, _args: list[str], _query: Any, body: Any) -> Any:
        """Organization API, Admin: create; whoever makes one is its administrator."""
        if any(o.name == body["name"] for o in self.orgs.values()):
            raise Refused(409, "Organization name taken")
        made = Org(next(self.ids), body["name"], ["admin"])
        self.orgs[made.id] = made
        return {"orgId": str(made.id), "message": "Organization created"}

    def rename_org(self, _org: Org, args: list[str], _query: Any, body: Any) -> Any:
        """Organization API, Admin: update."""
        self.orgs[int(args[0])].name = body["name"]
        return {"message": "Organization updated"}

    def add_user(self, _org: Org, args: list[str], _query: Any, body: Any) -> Any:
        """Organization API, Admin: add user."""
        self.orgs[int(args[0])].users.append(body["loginOrEmail"])
        return {"message": "User added to organization"}

    def own_org(self, org: Org, _args: list[str], _query: Any, _body: Any) -> Any:
        """Organization API, Current: get."""
        return {"id": org.id, "name": org.name}

    def org_users(self, org: Org, _args: list[str], _query: Any, _body: Any) -> Any:
        """Organization API, Current: users."""
        return [
            {"userId": n, "login": user, "email": f"{user}@localhost"} for n, user in enumerate(org.users)
        ]

    def invites(self, org: Org, _args: list[str], _query: Any, _body: Any) -> Any:
        """Organization API, Current: pending invitations, as the page of users asks for them."""
        return org.invites

    def invite(self, org: Org, _args: list[str], _query: Any, body: Any) -> Any:
        """The same: create; an address that was invited already is refused."""
        if any(i["email"] == body["loginOrEmail"] for i in org.invites):
            raise Refused(409, "User is already invited")
        org.invites.append({"email": body["loginOrEmail"], "role": body["role"], "login": ""})
        return {"message": f"Created invite for {body['loginOrEmail']}"}

    # -- Service account API

    def find_accounts(self, org: Org, _args: list[str], query: Any, _body: Any) -> Any:
        """Service account API: search with paging."""
        found = [a for a in org.accounts.values() if query["query"] in a["name"]]
        return {"totalCount": len(found), "serviceAccounts": found}

    def make_account(self, org: Org, _args: list[str], _query: Any, body: Any) -> Any:
        """Service account API: create."""
        made = {"id": next(self.ids), **body}
        org.accounts[made["id"]] = made
        return made

    def tokens(self, org: Org, _args: list[str], _query: Any, _body: Any) -> Any:
        """Service account API: get tokens; their keys are not among what is told."""
        return [{"id": n, "name": t["name"]} for n, t in org.tokens.items()]

    def make_token(self, org: Org, args: list[str], _query: Any, body: Any) -> Any:
        """Service account API: create token; the key is told once, and names are taken once."""
        if any(t["name"] == body["name"] for t in org.tokens.values()):
            raise Refused(409, "service account token with given name already exists")
        assert int(args[0]) in org.accounts
        number = next(self.ids)
        org.tokens[number] = {"name": body["name"], "key": f"glsa_{org.id}_{number}"}
        return {"id": number, "name": body["name"], "key": org.tokens[number]["key"]}

    def drop_token(self, org: Org, args: list[str], _query: Any, _body: Any) -> Any:
        """Service account API: delete token."""
        del org.tokens[int(args[1])]
        return {"message": "Service account token deleted"}

    # -- Data source API

    def source(self, org: Org, args: list[str], _query: Any, _body: Any) -> Any:
        """Data source API: get by uid; secrets are told as there, never as what they are."""
        if args[0] not in org.sources:
            raise Refused(404, "Data source not found")
        return {**org.sources[args[0]], "secureJsonFields": dict.fromkeys(org.secrets[args[0]], True)}

    def make_source(self, org: Org, _args: list[str], _query: Any, body: Any) -> Any:
        """Data source API: create."""
        if body["uid"] in org.sources or any(s["name"] == body["name"] for s in org.sources.values()):
            raise Refused(409, "data source with the same name already exists")
        return self.put_source(org, [body["uid"]], None, body)

    def put_source(self, org: Org, args: list[str], _query: Any, body: Any) -> Any:
        """Data source API: update by uid."""
        told = dict(body)
        org.secrets[args[0]] = told.pop("secureJsonData", {})
        org.sources[args[0]] = {"id": next(self.ids), "readOnly": False, **told}
        return {"message": "Datasource updated", "datasource": org.sources[args[0]]}

    # -- Folder API, Folder permissions API

    def folder(self, org: Org, args: list[str], _query: Any, _body: Any) -> Any:
        """Folder API: get by uid."""
        if args[0] not in org.folders:
            raise Refused(404, "folder not found")
        return org.folders[args[0]]

    def make_folder(self, org: Org, _args: list[str], _query: Any, body: Any) -> Any:
        """Folder API: create; editors may edit and viewers view."""
        org.folders[body["uid"]] = {**body, "version": 1}
        org.permissions[body["uid"]] = [
            {"role": "Viewer", "permission": 1}, {"role": "Editor", "permission": 2},
        ]  # fmt: skip
        return org.folders[body["uid"]]

    def put_folder(self, org: Org, args: list[str], _query: Any, body: Any) -> Any:
        """Folder API: update; 412 where it has changed since."""
        if body["version"] != org.folders[args[0]]["version"]:
            raise Refused(412, "the folder has been changed by someone else")
        org.folders[args[0]] |= {"title": body["title"], "version": body["version"] + 1}
        return org.folders[args[0]]

    def rights(self, org: Org, args: list[str], _query: Any, _body: Any) -> Any:
        """Folder permissions API: get."""
        return org.permissions[args[0]]

    def set_rights(self, org: Org, args: list[str], _query: Any, body: Any) -> Any:
        """Folder permissions API: update; what is not among the items goes."""
        org.permissions[args[0]] = [{"teamId": 0, "role": "", **item} for item in body["items"]]
        return {"message": "Folder permissions updated"}

    # -- Team API

    def find_teams(self, org: Org, _args: list[str], query: Any, _body: Any) -> Any:
        """Team API: search with paging, by exact name."""
        found = [team for team in org.teams if team["name"] == query["name"]]
        return {"totalCount": len(found), "teams": found}

    def make_team(self, org: Org, _args: list[str], _query: Any, body: Any) -> Any:
        """Team API: add team."""
        org.teams.append({"id": next(self.ids), "name": body["name"]})
        return {"message": "Team created", "teamId": org.teams[-1]["id"]}

    # -- Dashboard API

    def board(self, org: Org, args: list[str], _query: Any, _body: Any) -> Any:
        """Dashboard API: get by uid."""
        if args[0] not in org.boards:
            raise Refused(404, "Dashboard not found")
        return copy.deepcopy(org.boards[args[0]])

    def save_board(self, org: Org, _args: list[str], _query: Any, body: Any) -> Any:
        """Dashboard API: create or update; 412 where it is there in another version."""
        board = dict(body["dashboard"])
        there = org.boards.get(board["uid"])
        newer = there is not None and board.get("version") != there["dashboard"]["version"]
        if newer and not body["overwrite"]:
            raise Refused(412, "The dashboard has been changed by someone else")
        if body["folderUid"] not in org.folders:
            raise Refused(400, "folder not found")
        version = there["dashboard"]["version"] + 1 if there else 1
        board |= {"id": there["dashboard"]["id"] if there else next(self.ids), "version": version}
        if self.own_way:
            board["schemaVersion"] = 99
        org.boards[board["uid"]] = {"dashboard": board, "meta": {"folderUid": body["folderUid"]}}
        return {"uid": board["uid"], "status": "success", "version": version}


ROUTES: dict[str, Callable[..., Any]] = {
    "GET /orgs": Double.list_orgs,
    "POST /orgs": Double.make_org,
    "PUT /orgs/:id": Double.rename_org,
    "POST /orgs/:id/users": Double.add_user,
    "GET /org": Double.own_org,
    "GET /org/users": Double.org_users,
    "GET /org/invites": Double.invites,
    "POST /org/invites": Double.invite,
    "GET /serviceaccounts/search": Double.find_accounts,
    "POST /serviceaccounts": Double.make_account,
    "GET /serviceaccounts/:id/tokens": Double.tokens,
    "POST /serviceaccounts/:id/tokens": Double.make_token,
    "DELETE /serviceaccounts/:id/tokens/:token": Double.drop_token,
    "GET /datasources/uid/:uid": Double.source,
    "POST /datasources": Double.make_source,
    "PUT /datasources/uid/:uid": Double.put_source,
    "GET /folders/:uid": Double.folder,
    "POST /folders": Double.make_folder,
    "PUT /folders/:uid": Double.put_folder,
    "GET /folders/:uid/permissions": Double.rights,
    "POST /folders/:uid/permissions": Double.set_rights,
    "GET /teams/search": Double.find_teams,
    "POST /teams": Double.make_team,
    "GET /dashboards/uid/:uid": Double.board,
    "POST /dashboards/db": Double.save_board,
}


@contextmanager
def serving(double: Double) -> Iterator[str]:
    """The double on a port of its own; its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # so that a connection serves more than one request
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"null")
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            try:
                with double.lock:
                    if double.fail_after is not None:
                        double.fail_after -= 1
                        if double.fail_after < 0:
                            double.failure()
                    if parts.path == "/api/health":
                        self._tell(200, double.health())
                        return
                    entered = self.headers.get("Authorization", ""), self.headers.get("X-Grafana-Org-Id")
                    who, org = double.entered(*entered)
                    path = parts.path.removeprefix("/api")
                    double.asked.append((who, self.command, path))
                    answer = double.answer(who, org, self.command, path, query, body)
                status = 200
            except Refused as refused:
                status, answer = refused.status, {"message": str(refused)}
            except ConnectionResetError:
                self.close_connection = True
                return
            self._tell(status, answer)

        def _tell(self, status: int, answer: Any) -> None:
            told = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names of the library

        def log_message(self, *_: object) -> None:
            """Nothing: tests look at `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)

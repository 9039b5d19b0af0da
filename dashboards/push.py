"""What belongs in a Grafana, made so: an organisation for the fieldlab, and one for each of its companies.

In open-source Grafana every user of an organisation can ask all of its data sources anything, so folders do
not keep companies apart: organisations do, each with a token that opens its own bucket alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from dashboards.errors import GrafanaRefused, GrafanaTrouble
from dashboards.grafana import boards, render
from dashboards.grafana_api import Grafana, exists_already
from dashboards.grafana_scope import uid
from dashboards.grafana_source import access, parted
from dashboards.push_boards import bring
from dashboards.wording import Language
from fieldlab_configs import Site

ACCOUNT: Final = "fieldlab"
_MOST: Final = 5000
_NAME_MOST: Final = 150
_VIEW: Final = 1


class Keys(Protocol):
    """Keeps the tokens of service accounts, one for each organisation."""

    def get(self, owner: str) -> str | None:
        """The token; None where there is none."""
        ...

    def put(self, owner: str, key: str) -> None:
        """Keep a token, which is told only once."""
        ...


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose organisation it is.

    Attributes
    ----------
    id : str
        The fieldlab's or the company's.
    name : str
        Of the organisation; it ends with the id, by which it is found again when the name changes.
    buckets : mapping of str to str
        Last part of a data source's uid to the bucket that it opens.
    token : str
        Of InfluxDB; reads these buckets and no other.
    company : bool
    viewers : sequence of str
        E-mail addresses.
    """

    id: str
    name: str
    buckets: Mapping[str, str]
    token: str
    company: bool
    viewers: Sequence[str] = ()


@dataclass(slots=True)
class Pushed:
    """What came of it.

    Attributes
    ----------
    done : list of str
        Everything that was made or changed, in words.
    edited : dict of str to list of str
        Dashboards that were edited by hand and left alone, and how they differ.
    """

    done: list[str] = field(default_factory=list)
    edited: dict[str, list[str]] = field(default_factory=dict)


def owner_of(site: Site, company: str, token: str, viewers: Sequence[str]) -> Owner:
    """The fieldlab (no company) or a company of it, as the owner of an organisation."""
    if not company:
        buckets = {kind: f"{site.fieldlab}_{kind}" for kind in ("kpi", "raw")}
        return Owner(
            site.fieldlab, _titled(site.name, site.fieldlab), buckets, token, company=False, viewers=viewers
        )
    named = next(c.name for c in site.companies if c.id == company)
    buckets = {"shared": f"{company}_shared"}
    return Owner(company, _titled(named, company), buckets, token, company=True, viewers=viewers)


def _titled(name: str, ident: str) -> str:
    return f"{name[:_NAME_MOST]} ({ident})" if name else f"({ident})"


class Push:
    """One push to one Grafana.

    Parameters
    ----------
    site : Site
    url : str
        Of Grafana.
    admin : callable
        User and password of a server administrator, asked for only where an organisation or its service
        account is missing; None where nobody gave them.
    keys : Keys
    force : bool
        Overwrite dashboards that were edited by hand.
    """

    def __init__(
        self,
        site: Site,
        url: str,
        admin: Callable[[], tuple[str, str] | None],
        keys: Keys,
        *,
        language: Language,
        force: bool = False,
    ) -> None:
        self.site, self.url, self.keys, self.force = site, url, keys, force
        self.language = language
        self._admin = admin
        self.result = Pushed()
        self._checked = False

    def push(self, owner: Owner) -> None:
        """Make one organisation what it should be; what is so already stays."""
        if not self._checked:
            Grafana(self.url, ("", ""), "a stranger").check()
            self._checked = True
        grafana = self._entered(owner)
        for kind, bucket in owner.buckets.items():
            self._data_source(grafana, owner, kind, bucket)
        folder = self._folder(grafana, owner)
        self._permissions(grafana, owner, folder, self._team(grafana, owner))
        self._invitations(grafana, owner)
        company = owner.id if owner.company else ""
        for board in boards(self.site, self.language, company):
            state, difference = bring(grafana, render(board), folder, force=self.force)
            if state == "edited":
                self.result.edited[f"{owner.name}: {board.uid}"] = difference
            elif state != "unchanged":
                self._did(owner, f"dashboard {board.uid} {state}")

    def _did(self, owner: Owner, what: str) -> None:
        self.result.done.append(f"{owner.name}: {what}")

    # -- organisation and service account: the only use of the server administrator

    def _entered(self, owner: Owner) -> Grafana:
        key = self.keys.get(owner.id)
        if key is not None:
            grafana = Grafana(self.url, key, f"the service account of {owner.name}")
            try:
                there = grafana.get("org")
            except GrafanaRefused:
                if self._admin() is None:
                    raise
            else:
                if not there["name"].endswith(f"({owner.id})"):
                    raise GrafanaTrouble(
                        f"the token kept for {owner.name} opens the organisation {there['name']!r} of"
                        f" {self.url}: delete its file, and give GRAFANA_ADMIN once"
                    )
                return grafana
        told = self._admin()
        if told is None:
            raise GrafanaTrouble(
                f"{owner.name} has no service account yet: give user:password of a server administrator in"
                " GRAFANA_ADMIN, once"
            )
        admin = Grafana(self.url, told, f"the server administrator {told[0]}")
        org = self._organisation(admin, owner)
        key = self._account(admin, told[0], org, owner)
        self.keys.put(owner.id, key)
        return Grafana(self.url, key, f"the service account of {owner.name}")

    def _organisation(self, admin: Grafana, owner: Owner) -> int:
        ends = f"({owner.id})"
        for org in admin.get("orgs", perpage=_MOST, page=1) or []:
            if org["name"].endswith(ends):
                if org["name"] != owner.name:
                    admin.put("orgs", str(org["id"]), body={"name": owner.name})
                    self._did(owner, "organisation renamed")
                return int(org["id"])
        made = admin.post("orgs", body={"name": owner.name})
        self._did(owner, "organisation made")
        return int(made["orgId"])

    def _account(self, admin: Grafana, user: str, org: int, owner: Owner) -> str:
        """A new token of the organisation's service account; those of before go, for nobody has them."""
        try:
            found = admin.get("serviceaccounts", "search", org=org, query=ACCOUNT, perpage=_MOST, page=1)
        except GrafanaRefused:  # an organisation that another administrator made
            admin.post("orgs", str(org), "users", body={"loginOrEmail": user, "role": "Admin"})
            found = admin.get("serviceaccounts", "search", org=org, query=ACCOUNT, perpage=_MOST, page=1)
        own = [a for a in found["serviceAccounts"] if a["name"] == ACCOUNT]
        if own:
            account = str(own[0]["id"])
        else:
            body = {"name": ACCOUNT, "role": "Admin", "isDisabled": False}
            account = str(admin.post("serviceaccounts", body=body, org=org)["id"])
            self._did(owner, "service account made")
        for token in admin.get("serviceaccounts", account, "tokens", org=org) or []:
            admin.delete("serviceaccounts", account, "tokens", str(token["id"]), org=org)
        made = admin.post("serviceaccounts", account, "tokens", body={"name": ACCOUNT}, org=org)
        self._did(owner, "token of the service account made")
        return str(made["key"])

    # -- within the organisation, by its service account

    def _data_source(self, grafana: Grafana, owner: Owner, kind: str, bucket: str) -> None:
        ident = uid(owner.id, kind)
        mark = hashlib.sha256(f"{bucket} {owner.token}".encode()).hexdigest()[:16]
        wanted: dict[str, Any] = {
            "uid": ident,
            "name": bucket,
            "type": "influxdb",
            "access": "proxy",
            "url": self.site.store.url if self.site.store else None,
            "isDefault": kind != "raw",
            # The mark is of the token, which Grafana does not tell again.
            "jsonData": {"dbName": bucket, "httpMode": "GET", "fieldlabMark": mark},
        }
        own, data, secret = access(*parted(owner.token))
        wanted |= own
        wanted["jsonData"] |= data
        there = grafana.get("datasources", "uid", ident)
        if there is not None and all(there.get(key) == value for key, value in wanted.items()):
            return
        body = {**wanted, "secureJsonData": secret}
        if there is None:
            grafana.post("datasources", body=body)
        else:
            grafana.put("datasources", "uid", ident, body=body)
        self._did(owner, f"data source {bucket} {'made' if there is None else 'changed'}")

    def _folder(self, grafana: Grafana, owner: Owner) -> str:
        ident = uid(owner.id, "folder")
        title = self.site.name or self.site.fieldlab
        there = grafana.get("folders", ident)
        if there is None:
            grafana.post("folders", body={"uid": ident, "title": title})
            self._did(owner, "folder made")
        elif there["title"] != title:
            grafana.put("folders", ident, body={"title": title, "version": there["version"]})
            self._did(owner, "folder renamed")
        return ident

    def _team(self, grafana: Grafana, owner: Owner) -> int:
        found = grafana.get("teams", "search", name=owner.name)
        for team in found["teams"]:
            if team["name"] == owner.name:
                return int(team["id"])
        try:
            made = grafana.post("teams", body={"name": owner.name})
        except GrafanaTrouble as trouble:
            if exists_already(trouble):
                return self._team(grafana, owner)
            raise
        self._did(owner, "team made")
        return int(made["teamId"])

    def _permissions(self, grafana: Grafana, owner: Owner, folder: str, team: int) -> None:
        """The team and viewers may look; nobody but administrators may edit what files are the source of."""
        wanted = [{"teamId": team, "permission": _VIEW}, {"role": "Viewer", "permission": _VIEW}]
        there = grafana.get("folders", folder, "permissions") or []
        told = {(p.get("role") or "", p.get("teamId") or 0, p["permission"]) for p in there}
        if {("", team, _VIEW), ("Viewer", 0, _VIEW)} <= told and not any(p[0] == "Editor" for p in told):
            return
        grafana.post("folders", folder, "permissions", body={"items": wanted})
        self._did(owner, "permissions of the folder set")

    def _invitations(self, grafana: Grafana, owner: Owner) -> None:
        if not owner.viewers:
            return
        known = set(_people(grafana))
        for address in owner.viewers:
            if address.lower() in known:
                continue
            body = {"loginOrEmail": address, "name": address, "role": "Viewer", "sendEmail": True}
            grafana.post("org", "invites", body=body)
            self._did(owner, f"{address} invited as a viewer")


def _people(grafana: Grafana) -> Iterator[str]:
    """Addresses of those who are in the organisation, or invited to it."""
    for person in [*(grafana.get("org", "users") or []), *(grafana.get("org", "invites") or [])]:
        yield from (str(person[key]).lower() for key in ("email", "login") if person.get(key))

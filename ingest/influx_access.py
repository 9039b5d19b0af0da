"""Who may do what in an InfluxDB: tokens in 2.x, users in 1.x with accounts; each is told once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from influxdb_client.domain.authorization_post_request import AuthorizationPostRequest
from influxdb_client.domain.authorization_update_request import AuthorizationUpdateRequest
from influxdb_client.domain.permission import Permission
from influxdb_client.domain.permission_resource import PermissionResource
from influxdb_client.service.authorizations_service import AuthorizationsService

from ingest.influx_http import V2, V3, InfluxHttp
from ingest.influx_org import find_bucket, managing, organisation_id
from ingest.influx_ql import identifier, literal, values
from ingest.store import Bucket, StoreUnavailable

_ASKS_WHO: Final = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Access:
    """What somebody may do.

    Attributes
    ----------
    name : str
        ``gateway <id>``, ``analytics``, ``dashboards``, ``reports`` or ``company <id>``.
    reads, writes : tuple of str
        Databases or buckets.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """What came of an access.

    Attributes
    ----------
    access : Access
    state : str
        ``new``: made and told now. ``there``: it was there, and its secret is not told again. ``widened``:
        as ``there``, and it opens more than before. ``anew``: tokens cannot be widened, so there is another.
    known_as : str
        Its id or user name in the server.
    former : tuple of str
        Ids of tokens that a new one takes the place of; they still open what they did.
    """

    access: Access
    state: Literal["new", "there", "widened", "anew"]
    known_as: str
    former: tuple[str, ...] = ()


class Keeper(Protocol):
    """Takes secrets that are told only once."""

    def prepare(self, access: Access, *, anew: bool) -> None:
        """Make sure that a secret can be taken, before there is one."""
        ...

    def keep(self, access: Access, secret: str) -> None:
        """Take it."""
        ...


def accesses(
    name_of: Callable[[Bucket], str], gateways: Sequence[str], companies: Sequence[str]
) -> list[Access]:
    """What a fieldlab needs: gateways only write, dashboards, reports and companies only read."""
    raw, kpi = name_of("raw"), name_of("kpi")
    shared = {company: name_of(f"shared:{company}") for company in companies}
    everything = (raw, kpi, *shared.values())
    return [
        *(Access(f"gateway {gateway}", (), (raw,)) for gateway in gateways),
        Access("analytics", everything, everything),
        Access("dashboards", (raw, kpi), ()),
        Access("reports", everything, ()),
        *(Access(f"company {company}", (bucket,), ()) for company, bucket in shared.items()),
    ]


def give(http: InfluxHttp, fieldlab: str, wanted: Sequence[Access], keeper: Keeper) -> Iterator[Given] | None:
    """Make the tokens or users that are missing, as they are asked for; the second time changes nothing.

    Parameters
    ----------
    http : InfluxHttp
        Its token may manage the server; databases and buckets are there.
    fieldlab : str
    wanted : sequence of Access
    keeper : Keeper

    Returns
    -------
    iterator of Given, or None
        None: this server has none to give (1.x without accounts, 3 Core).

    Raises
    ------
    StoreUnavailable
    """
    if http.version >= V3 or (http.version < V2 and not _has_accounts(http)):
        return None
    return (_tokens if http.version >= V2 else _users)(http, fieldlab, wanted, keeper)


def _tokens(http: InfluxHttp, fieldlab: str, wanted: Sequence[Access], keeper: Keeper) -> Iterator[Given]:
    org_id = organisation_id(http)
    service = AuthorizationsService(http.client.api_client)  # type: ignore[no-untyped-call]  # the library has no types
    with managing(http, "tell its tokens"):
        there = service.get_authorizations(org_id=org_id).authorizations  # type: ignore[no-untyped-call]  # the library has no types
    for access in wanted:
        rights = _rights(http, access)
        title = f"fieldlab {fieldlab}: {access.name}"
        own = [token for token in there if token.description == title]
        fitting = [token for token in own if rights <= _rights_of(token)]
        if fitting:
            yield Given(access, "there", fitting[0].id)
            continue
        keeper.prepare(access, anew=bool(own))
        permissions = [_permission(action, bucket_id, org_id) for action, bucket_id in sorted(rights)]
        wish = AuthorizationPostRequest(org_id=org_id, description=title, permissions=permissions)  # type: ignore[no-untyped-call]  # the library has no types
        with managing(http, f"make a token for {access.name}"):
            made = service.post_authorizations(wish)  # type: ignore[no-untyped-call]  # the library has no types
        try:
            keeper.keep(access, made.token)
        except BaseException:
            # What nobody was told, nobody can use; the next run makes another.
            with managing(http, f"take back the token for {access.name}"):
                service.delete_authorizations_id(made.id)  # type: ignore[no-untyped-call]  # the library has no types
            raise
        for token in own:
            former = AuthorizationUpdateRequest(status=token.status, description=f"{title} (former)")  # type: ignore[no-untyped-call]  # the library has no types
            with managing(http, f"rename the former token of {access.name}"):
                service.patch_authorizations_id(token.id, former)  # type: ignore[no-untyped-call]  # the library has no types
        yield Given(access, "anew" if own else "new", made.id, tuple(token.id for token in own))


def _rights(http: InfluxHttp, access: Access) -> set[tuple[str, str]]:
    """Action and id of a bucket."""
    ids = {}
    for name in {*access.reads, *access.writes}:
        bucket = find_bucket(http, name)
        if bucket is None:
            raise StoreUnavailable(f"{http.url}: bucket {name} is not there any more: try again")
        ids[name] = str(bucket.id)
    return {("read", ids[name]) for name in access.reads} | {("write", ids[name]) for name in access.writes}


def _rights_of(token: Any) -> set[tuple[str, str]]:
    return {(p.action, p.resource.id) for p in token.permissions or () if p.resource.type == "buckets"}


def _permission(action: str, bucket_id: str, org_id: str) -> Permission:
    resource = PermissionResource(type="buckets", id=bucket_id, org_id=org_id)  # type: ignore[no-untyped-call]  # the library has no types
    return Permission(action=action, resource=resource)  # type: ignore[no-untyped-call]  # the library has no types


def _has_accounts(http: InfluxHttp) -> bool:
    """Whether an InfluxDB 1.x asks who one is."""
    fields = {"q": "SHOW DATABASES"}
    answer = http.request("POST", "/query", as_nobody=True, fields=fields, encode_multipart=False)
    return answer.status in _ASKS_WHO


def _users(http: InfluxHttp, fieldlab: str, wanted: Sequence[Access], keeper: Keeper) -> Iterator[Given]:
    there = {str(row[0]) for row in values(http, "SHOW USERS")}
    for access in wanted:
        user = f"{fieldlab}_{access.name.replace(' ', '_')}"
        secret = None
        if user not in there:
            keeper.prepare(access, anew=False)
            secret = secrets.token_urlsafe(32)
            values(http, f"CREATE USER {identifier(user)} WITH PASSWORD {literal(secret)}")
        try:
            widened = _granted(http, user, access)
            if secret is not None:
                keeper.keep(access, f"{user}:{secret}")
        except BaseException:
            if secret is not None:
                values(http, f"DROP USER {identifier(user)}")
            raise
        yield Given(access, "new" if secret is not None else "widened" if widened else "there", user)


def _granted(http: InfluxHttp, user: str, access: Access) -> bool:
    """Grant what a user does not have yet; whether there was anything."""
    has = {row[0]: str(row[1]) for row in values(http, f"SHOW GRANTS FOR {identifier(user)}")}
    widened = False
    for name in sorted({*access.reads, *access.writes}):
        both = name in access.reads and name in access.writes
        right = "ALL" if both else "READ" if name in access.reads else "WRITE"
        if not has.get(name, "").startswith((right, "ALL")):
            values(http, f"GRANT {right} ON {identifier(name)} TO {identifier(user)}")
            widened = True
    return widened

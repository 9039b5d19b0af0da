"""The one way to a Grafana: grafana-api, by its raw paths where it lacks a call; every refusal in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote, urlsplit

import requests
from grafana_api.grafana_api import GrafanaAPI, GrafanaClientError, GrafanaException

from dashboards.errors import GrafanaRefused, GrafanaTrouble

TIMEOUT_S: Final = 15.0
OLDEST: Final = 11
_MISSING, _EXISTS, _CHANGED = 404, 409, 412
_NO_ENTRY: Final = frozenset({401, 403})


class Grafana:
    """A Grafana, as one user or service account sees it.

    Parameters
    ----------
    url : str
    auth : str or (str, str)
        The token of a service account, or user and password.
    who : str
        Whose rights these are, for messages.
    """

    def __init__(self, url: str, auth: str | tuple[str, str], who: str) -> None:
        self.url, self.who = url.rstrip("/"), who
        parts = urlsplit(self.url)
        path = parts.path.strip("/")
        self._api: Any = GrafanaAPI(
            auth,
            host=parts.hostname or "",
            port=parts.port,
            url_path_prefix=f"{path}/" if path else "",
            protocol=parts.scheme,
            timeout=TIMEOUT_S,
        )

    def get(self, *path: str, org: int | None = None, **query: object) -> Any:
        """What is there; None where nothing is."""
        return self._call("get", path, query, None, org)

    def check(self) -> None:
        """Ask whether it is a Grafana, of a version that knows all of this; GrafanaTrouble where not."""
        told = self.get("health")
        if not isinstance(told, dict) or "database" not in told:
            raise GrafanaTrouble(f"{self.url} does not answer like a Grafana: check the address")
        version = str(told.get("version", ""))  # some do not tell strangers
        if version and int(version.partition(".")[0]) < OLDEST:
            raise GrafanaTrouble(f"{self.url} is a Grafana {version}; {OLDEST} or later is needed")

    def post(self, *path: str, body: object, org: int | None = None) -> Any:
        """Make something."""
        return self._call("post", path, {}, body, org)

    def put(self, *path: str, body: object, org: int | None = None) -> Any:
        """Put something in the place of what is there."""
        return self._call("put", path, {}, body, org)

    def delete(self, *path: str, org: int | None = None) -> Any:
        """Take something away."""
        return self._call("delete", path, {}, None, org)

    def _call(
        self, method: str, path: tuple[str, ...], query: dict[str, object], body: object, org: int | None
    ) -> Any:
        where = "/" + "/".join(quote(part, safe="") for part in path)
        asked = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
        headers = {"X-Grafana-Org-Id": str(org)} if org is not None else None
        with self._said(method, where):
            try:
                send = getattr(self._api, method)
                return send(f"{where}?{asked}" if asked else where, json=body, headers=headers)
            except requests.exceptions.JSONDecodeError as error:
                if error.doc.strip():
                    raise GrafanaTrouble(
                        f"{self.url} does not answer like a Grafana: check the address"
                    ) from None
                return {}  # done, and nothing to say of it (204)
            except GrafanaClientError as error:
                if error.status_code == _MISSING and method == "get":
                    return None
                raise

    @contextmanager
    def _said(self, method: str, where: str) -> Iterator[None]:
        """Every failure in words, with what to do."""
        try:
            yield
        except GrafanaException as error:
            status, said = error.status_code, _message(error)
            if status in _NO_ENTRY:
                raise GrafanaRefused(f"{self.url} does not let {self.who} in: {said}", status) from None
            raise GrafanaTrouble(f"{self.url} answers {status} to {method} {where}: {said}", status) from None
        except (requests.exceptions.RequestException, ValueError) as error:
            raise GrafanaTrouble(
                f"{self.url} cannot be reached: {str(error)[:300]}; what was done stays, run it again when"
                " Grafana is back"
            ) from None


def exists_already(trouble: GrafanaTrouble) -> bool:
    """Whether somebody else made it meanwhile."""
    return trouble.status == _EXISTS


def changed_meanwhile(trouble: GrafanaTrouble) -> bool:
    """Whether somebody else changed it meanwhile."""
    return trouble.status == _CHANGED


def _message(error: GrafanaException) -> str:
    answer = error.response
    told = answer.get("message") if isinstance(answer, dict) else None
    # A proxy's page in its place has lines and marks.
    return " ".join(re.sub(r"<[^>]*>", " ", str(told or answer)).split())[:300]

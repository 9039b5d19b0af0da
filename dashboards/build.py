"""Dashboards and provisioning as files: the same configuration always gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from dashboards.grafana import boards, render, uid
from dashboards.grafana_alerts import provisioned
from dashboards.grafana_source import PASSWORD_VARIABLE, TOKEN_VARIABLE, access
from dashboards.wording import Language
from fieldlab_configs import Site

_EMPTY: Final = ("alerting", "plugins")  # Grafana complains in its log where one of these is not there


def build(site: Site, out_dir: str | Path, language: Language | None = None, user: str = "") -> list[Path]:
    """Write every dashboard and what makes Grafana load them.

    Parameters
    ----------
    site : Site
    out_dir : path
        Gets ``dashboards/*.json`` and ``provisioning/``: point Grafana's ``paths.provisioning`` there.
        The provisioning names the folder by its absolute path, so Grafana must see it under the same one.
    language : str, optional
        Default: the configuration's.
    user : str, optional
        Of Grafana in an InfluxDB 1.x with accounts; without, it has a token.

    Returns
    -------
    list of Path
        What was written, sorted.

    Notes
    -----
    Data sources ask InfluxDB in InfluxQL, with the token in Grafana's environment, ``INFLUX_READ_TOKEN``, or
    the password of `user`, ``INFLUX_READ_PASSWORD``.
    With an embedded store there is no server to ask: then there are dashboards only.
    """
    out = Path(out_dir).resolve()
    files = {
        out / "dashboards" / f"{board.screen.id}.json": as_json(render(board))
        for board in boards(site, language or site.language)
    }
    provisioning = out / "provisioning"
    files[provisioning / "dashboards" / "fieldlab.yaml"] = as_yaml(
        escaped(providers(site, out / "dashboards"))
    )
    if site.store is not None and site.store.kind == "influxdb":
        files[provisioning / "datasources" / "fieldlab.yaml"] = as_yaml(datasources(site, user))
        files[provisioning / "alerting" / "fieldlab.yaml"] = as_yaml(
            escaped(provisioned(site, language or site.language))
        )
    for name in _EMPTY:
        (provisioning / name).mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="\n")
    return sorted(files)


def providers(site: Site, folder: Path) -> dict[str, Any]:
    """Where Grafana finds the dashboards; edits in its screens are not kept, for files are the source."""
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": f"fl-{site.fieldlab}",
                "folder": site.name or site.fieldlab,
                "folderUid": uid(site.fieldlab, "folder"),
                "type": "file",
                "allowUiUpdates": False,
                "updateIntervalSeconds": 30,
                "options": {"path": str(folder)},
            }
        ],
    }


def datasources(site: Site, user: str = "") -> dict[str, Any]:
    """The buckets of figures and of what gateways tell, in InfluxQL: what InfluxDB 1, 2 and 3 all know."""
    url = site.store.url if site.store else None
    return {"apiVersion": 1, "datasources": [_datasource(site, kind, url, user) for kind in ("kpi", "raw")]}


def _datasource(site: Site, kind: str, url: str | None, user: str) -> dict[str, Any]:
    bucket = f"{site.fieldlab}_{kind}"
    own, data, secret = access(user, f"${{{PASSWORD_VARIABLE if user else TOKEN_VARIABLE}}}")
    return {
        "name": bucket,
        "uid": uid(site.fieldlab, kind),
        "type": "influxdb",
        "access": "proxy",
        "url": url,
        "isDefault": kind == "kpi",
        "editable": False,
        **escaped(own),
        "jsonData": {"dbName": bucket, "httpMode": "GET", **data},
        "secureJsonData": secret,
    }


def escaped(value: Any) -> Any:
    """What Grafana's provisioning reads as it stands: a dollar sign would be a variable of its own."""
    if isinstance(value, dict):
        return {key: escaped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [escaped(each) for each in value]
    return value.replace("$", "$$") if isinstance(value, str) else value


def as_json(value: object) -> str:
    """JSON for people and for diffs: sorted, indented, a newline at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def as_yaml(value: object) -> str:
    """YAML in the order given."""
    text = StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 4096
    yaml.dump(value, text)
    return text.getvalue()


__all__: Sequence[str] = ["as_json", "as_yaml", "build", "datasources", "providers"]

"""Dashboards and provisioning as files: the same configuration always gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from dashboards.grafana import BOARDS, uid
from dashboards.wording import Language
from fieldlab_configs import Site

TOKEN_VARIABLE: Final = "INFLUX_READ_TOKEN"  # noqa: S105 - the name of a variable, not what is in it
"""Grafana's environment holds its read-only token here; the files never do."""

_EMPTY: Final = ("alerting", "plugins")  # Grafana complains in its log where one of these is not there


def build(site: Site, out_dir: str | Path, language: Language | None = None) -> list[Path]:
    """Write every dashboard and what makes Grafana load them.

    Parameters
    ----------
    site : Site
    out_dir : path
        Gets ``dashboards/*.json`` and ``provisioning/``: point Grafana's ``paths.provisioning`` there.
        The provisioning names the folder by its absolute path, so Grafana must see it under the same one.
    language : str, optional
        Default: the configuration's.

    Returns
    -------
    list of Path
        What was written, sorted.

    Notes
    -----
    The data source asks InfluxDB for InfluxQL, in the environment's ``INFLUX_READ_TOKEN``. With an embedded
    store there is no server to ask: then there are dashboards only.
    """
    out = Path(out_dir).resolve()
    files = {
        out / "dashboards" / f"{name}.json": as_json(board(site, language or site.language))
        for name, board in BOARDS.items()
    }
    provisioning = out / "provisioning"
    files[provisioning / "dashboards" / "fieldlab.yaml"] = as_yaml(providers(site, out / "dashboards"))
    if site.store is not None and site.store.kind == "influxdb":
        files[provisioning / "datasources" / "fieldlab.yaml"] = as_yaml(datasources(site))
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
                "folderUid": uid(site, "folder"),
                "type": "file",
                "allowUiUpdates": False,
                "updateIntervalSeconds": 30,
                "options": {"path": str(folder)},
            }
        ],
    }


def datasources(site: Site) -> dict[str, Any]:
    """The bucket of atoms, asked in InfluxQL: the one language of InfluxDB 1, 2 and 3."""
    bucket = f"{site.fieldlab}_kpi"
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": bucket,
                "uid": uid(site, "kpi"),
                "type": "influxdb",
                "access": "proxy",
                "url": site.store.url if site.store else None,
                "isDefault": True,
                "editable": False,
                "jsonData": {"dbName": bucket, "httpMode": "GET", "httpHeaderName1": "Authorization"},
                "secureJsonData": {"httpHeaderValue1": f"Token ${{{TOKEN_VARIABLE}}}"},
            }
        ],
    }


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


__all__: Sequence[str] = ["TOKEN_VARIABLE", "as_json", "as_yaml", "build", "datasources", "providers"]

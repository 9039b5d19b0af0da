"""``fieldlab up``: every service of a config as processes of this computer, and the servers they need."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from fieldlab.errors import WrongUse
from fieldlab.processes import Part, PartFailed, Processes, free_port, listens
from fieldlab.servers import brokers, grafana, influx
from fieldlab.services import until_stopped
from fieldlab.stores import require_store
from fieldlab_configs import OpcUaSource, Site, load


def run(args: argparse.Namespace) -> int:
    """Run until stopped; 2 where a part was used wrongly."""
    site = load(args.config)
    require_store(site)
    if not site.gateways:
        raise WrongUse(f"{site.path}: gateways: the config has none, so there is nothing to bring up")
    folder = (
        Path(args.data).absolute() if args.data else site.path.absolute().parent / f"{site.fieldlab}-data"
    )
    port = args.port or free_port()
    parts = parts_of(site, folder, port=port, grafana_port=args.grafana_port, simulated=args.simulate)
    print(f"bringing up {', '.join(part.name for part in parts)}; Ctrl-C stops them", flush=True)

    def say(line: str) -> None:
        print(line, flush=True)

    try:
        asyncio.run(until_stopped(Processes(parts, say).run))
    except PartFailed as error:
        raise WrongUse(str(error)) from None
    return 0


def parts_of(site: Site, folder: Path, *, port: int, grafana_port: int, simulated: bool) -> list[Part]:
    """What has to run, in the order in which it is started.

    Parameters
    ----------
    site : Site
    folder : Path
        Where servers that are started here keep their data.
    port, grafana_port : int
        Of the page, and of Grafana.
    simulated : bool
        Serve the config's machines too.
    """
    config = str(site.path)

    def command(*words: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "fieldlab", *words)

    parts = brokers(site, folder)
    store = influx(site, folder / "influxdb")
    if store is not None:
        parts.append(store)
    # Tokens go to files: what is printed here ends in a log.
    tokens = folder / "tokens"
    kept = ("--tokens", str(tokens)) if site.store and site.store.kind == "influxdb" else ()
    parts.append(Part("setup", command("store", "setup", config, *kept), once=True))
    if simulated:
        parts.append(Part("simulate", command("simulate", config), _served(site)))
    for name in site.gateways:
        marked = "gateway" if len(site.gateways) == 1 else f"gateway {name}"
        parts.append(Part(marked, command("gateway", config, "--gateway", name)))
    parts.append(Part("analytics", command("analytics", config)))
    page = command("app", config, "--port", str(port))
    parts.append(Part("app", page, lambda: listens("127.0.0.1", port)))
    return parts + grafana(site, folder / "grafana", grafana_port, token=tokens / "dashboards.token")


def _served(site: Site) -> Callable[[], bool]:
    """Whether the simulated OPC UA servers listen."""
    places = [urlsplit(s.endpoint) for s in site.sources.values() if isinstance(s, OpcUaSource)]
    return lambda: all(listens(p.hostname or "", p.port or 4840) for p in places)

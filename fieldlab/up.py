"""``fieldlab up``: every service of a config as processes of this computer, and the servers they need."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from fieldlab.errors import WrongUse
from fieldlab.passwords import for_app
from fieldlab.processes import Part, PartFailed, Processes, free_port, listens
from fieldlab.servers import BrokerSource, brokers, grafana, influx
from fieldlab.services import until_stopped
from fieldlab.simulated import equip
from fieldlab.stores import require_store
from fieldlab.surroundings import OWN, secrets_of
from fieldlab_configs import OpcUaSource, Site, load
from ingest.filelock import FileLock
from ingest.spool_core import in_use


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

    def say(line: str) -> None:
        print(line, flush=True)

    with alone(site, folder):
        for made in equip(site) if args.simulate else ():
            say(made)
        parts = parts_of(site, folder, port=port, grafana_port=args.grafana_port, simulated=args.simulate)
        asked = (("app", "--port", port), ("grafana", "--grafana-port", args.grafana_port))
        for name, option, wanted in asked:
            if any(part.name == name for part in parts) and listens("127.0.0.1", wanted):
                raise WrongUse(f"{option} {wanted}: another program listens there; give another port")
        say(f"bringing up {', '.join(part.name for part in parts)}; Ctrl-C stops them")
        for line in where(
            site,
            folder,
            parts,
            port=port,
            grafana_port=args.grafana_port,
            logins=for_app(site, folder / "app"),
        ):
            say(line)
        try:
            asyncio.run(until_stopped(Processes(parts, say).run))
        except PartFailed as error:
            raise WrongUse(str(error)) from None
    return 0


@contextlib.contextmanager
def alone(site: Site, folder: Path) -> Iterator[None]:
    """Be the only one that brings this up; WrongUse where another does, or a gateway of it runs already."""
    lock = FileLock(folder / "up")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except BlockingIOError:
        raise WrongUse(
            f"{site.path} is up already: another fieldlab up works in {folder}; stop that one first"
        ) from None
    except OSError as error:
        raise WrongUse(f"--data: {folder} cannot be used: {error.strerror}") from None
    try:
        for name, gateway in site.gateways.items():
            if in_use(gateway.spool.path, name):
                raise WrongUse(
                    f"{site.path}: gateways.{name} runs already: its spool in {gateway.spool.path} is in use;"
                    " stop that one first"
                )
        yield
    finally:
        lock.release()


def where(
    site: Site, folder: Path, parts: Sequence[Part], *, port: int, grafana_port: int, logins: Sequence[Path]
) -> list[str]:
    """Where the pages are, and which files hold the passwords; none of the passwords themselves."""
    who = ", ".join(f"{path.stem} with the password in {path}" for path in logins)
    users = f"; users: {who or ', '.join(site.app.users)}" if site.app else ""
    lines = [f"the page will be at http://127.0.0.1:{port}/{users}"]
    if any(part.name == "grafana" for part in parts):
        password = folder / "grafana" / "admin.password"
        lines.append(
            f"Grafana will be at http://127.0.0.1:{grafana_port}/; user admin, password in {password}"
        )
    held = [
        f"{secret.file} (sources.{name})"
        for name, source in site.sources.items()
        if isinstance(source, BrokerSource) and (secret := source.password) is not None and secret.file
    ]
    if site.store is not None and site.store.token is not None and site.store.token.file is not None:
        held.append(f"{site.store.token.file} (store)")
    if site.store is not None and site.store.kind == "influxdb":
        held.append(f"{folder / 'tokens'} (a token for each service)")
    return [*lines, *([f"passwords and tokens: {'; '.join(held)}"] if held else [])]


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

    def own(*of: object) -> tuple[str, ...]:
        """It reads these secrets of the config."""
        return (*OWN, *secrets_of(site.store, *of))

    parts = brokers(site, folder)
    store = influx(site, folder / "influxdb")
    if store is not None:
        parts.append(store)
    # Tokens go to files: what is printed here ends in a log.
    tokens = folder / "tokens"
    kept = ("--tokens", str(tokens)) if site.store and site.store.kind == "influxdb" else ()
    parts.append(Part("setup", command("store", "setup", config, *kept), once=True, takes=own(site.also)))
    if simulated:
        parts.append(
            Part(
                "simulate",
                command("simulate", config),
                _served(site),
                takes=(*OWN, *secrets_of(site.sources)),
            )
        )
    for name, gateway in site.gateways.items():
        read = [site.sources[source] for source in gateway.sources]
        marked = "gateway" if len(site.gateways) == 1 else f"gateway {name}"
        parts.append(Part(marked, command("gateway", config, "--gateway", name), takes=own(read, site.also)))
    parts.append(Part("analytics", command("analytics", config), takes=own()))
    page = command("app", config, "--port", str(port))
    parts.append(Part("app", page, lambda: listens("127.0.0.1", port), takes=own(site.app)))
    if site.reports is not None:
        parts.append(Part("report", command("report", config, "--every-week"), takes=own(site.reports)))
    return parts + grafana(site, folder / "grafana", grafana_port, token=tokens / "dashboards.token")


def _served(site: Site) -> Callable[[], bool]:
    """Whether the simulated OPC UA servers listen."""
    places = [urlsplit(s.endpoint) for s in site.sources.values() if isinstance(s, OpcUaSource)]
    return lambda: all(listens(p.hostname or "", p.port or 4840) for p in places)

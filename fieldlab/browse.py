"""``fieldlab browse``: what a server or a broker has, with YAML to paste."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import asdict
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fieldlab import logs
from fieldlab.errors import Found, WrongUse
from fieldlab.gateway import gateway_name
from fieldlab.plain import json_line
from fieldlab_configs import MqttSource, OpcUaSource, Secret, load
from fieldlab_configs.broker_sources import BrokerSource
from gateways.browse import Bounds, Result, Seen, aged, printable, shown
from gateways.browse_broker import browse_broker
from gateways.browse_opcua import browse_opcua
from gateways.browse_yaml import snippet
from gateways.errors import LinkLost, SourceRefused
from gateways.remedies import BY_HAND

_LISTEN_S, _WALK_S = 10.0, 60.0


def run(args: argparse.Namespace) -> int:
    """Look, and print what is there as a tree, YAML or JSON; 1 where there is nothing."""
    source, topic, gateway = _target(args)
    name = args.source or BY_HAND
    secret = source.password
    if secret is not None:
        logs.hide([secret.read()])
    slow = _WALK_S if isinstance(source, OpcUaSource) else _LISTEN_S
    bounds = Bounds(args.limit or 2_000, args.depth or 10, args.seconds or slow)
    progress = _Progress()
    try:
        if isinstance(source, OpcUaSource):
            result = asyncio.run(browse_opcua(source, gateway, bounds, progress.told, args.node, name))
        else:
            result = asyncio.run(browse_broker(source, name, topic, bounds, progress.told))
    except (LinkLost, SourceRefused) as error:
        raise Found(str(error)) from None
    finally:
        progress.done()
    result.seen = [seen for seen in result.seen if _wanted(seen, args.filter)]
    _show(result, args)
    if result.cut:
        print(f"there may be more: {result.cut}", file=sys.stderr)
    if not result.seen:
        raise Found(f"{result.address}: nothing was seen; look longer (--seconds), or with another login")
    return 0


def _show(result: Result, args: argparse.Namespace) -> None:
    if args.json:
        document = {"address": result.address, "source": result.source, "cut": result.cut}
        seen = [asdict(each) for each in result.seen]
        print(json_line(document | {"seen": seen}))
    elif args.yaml:
        print(snippet(result))
    else:
        for line in _tree(result.seen):
            print(line)


def _tree(seen: list[Seen]) -> list[str]:
    """Branches once, values with where they are found, type, value and age."""
    lines: list[str] = []
    above: tuple[str, ...] = ()
    for each in sorted(seen, key=lambda one: one.path):
        *branch, name = each.path
        common = next((i for i, (a, b) in enumerate(zip(above, branch, strict=False)) if a != b), None)
        depth = min(len(above), len(branch)) if common is None else common
        lines += [f"{'  ' * i}{printable(branch[i])}/" for i in range(depth, len(branch))]
        above = tuple(branch)
        value = shown(each.value) if each.quality == "good" else f"({printable(each.quality)})"
        where = "  ".join(printable(text, 200) for text in each.place.values())
        value = f"{value} {printable(each.unit)}" if each.unit else value
        facts = "  ".join(part for part in (each.kind, value, aged(each.age_s)) if part)
        lines.append(f"{'  ' * len(branch)}{printable(name)}  {facts}   {where}")
    return lines


def _wanted(seen: Seen, text: str | None) -> bool:
    return text is None or text.lower() in "/".join(seen.path).lower()


class _Progress:
    """How far it is, on one line of the terminal; nothing where nobody looks at one."""

    def __init__(self) -> None:
        self._shows = sys.stderr.isatty()
        self._last_s = 0.0

    def told(self, text: str) -> None:
        """Say it, at most a few times per second."""
        if self._shows and time.monotonic() - self._last_s > 0.2:  # noqa: PLR2004 - as often as one can read
            self._last_s = time.monotonic()
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        """Leave a clean line."""
        if self._shows:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


# -- where to look


def _target(args: argparse.Namespace) -> tuple[OpcUaSource | BrokerSource, str, str]:
    """Source, topic, and whose certificate to show."""
    if "://" not in args.target:
        return _configured(args)
    if args.source or args.gateway:
        raise WrongUse("--source and --gateway are of a config: name its file in place of the address")
    password = _password(args)
    if password is not None and args.user is None:
        raise WrongUse("a password needs --user")
    address = urlsplit(args.target)
    if address.username or address.password:
        raise WrongUse("a login does not belong in an address, where others see it: --user, --password-env")
    if address.scheme == "opc.tcp":
        return _server(args, password), "", args.certificate or "browse"
    if address.scheme in ("mqtt", "mqtts"):
        try:
            host, port = address.hostname, address.port
        except ValueError:
            host = port = None
        if not host:
            raise WrongUse(f"{args.target}: an address looks like mqtt://10.0.0.6:1883/line1/#")
        tls = address.scheme == "mqtts"
        ca = Path(args.ca).absolute() if args.ca else None
        if ca is not None and not tls:
            raise WrongUse("--ca is for mqtts://")
        broker = MqttSource(
            kind="mqtt", host=host, port=port, tls=tls, ca=ca, user=args.user, password=password
        )
        topic = unquote(f"{address.path}{f'#{address.fragment}' if '#' in args.target else ''}").strip("/")
        return broker, topic or "#", ""
    raise WrongUse(f"{args.target}: browse opc.tcp://HOST:PORT, mqtt://HOST[:PORT][/TOPIC] or mqtts://...")


def _server(args: argparse.Namespace, password: Secret | None) -> OpcUaSource:
    # Without a login nothing secret is sent, so that a first look needs no certificates.
    security = args.security or ("none" if password is None else "sign_and_encrypt")
    source = OpcUaSource(
        kind="opcua",
        endpoint=args.target,
        user=args.user,
        password=password,
        security=security,
        server_name=args.server_name,
        pki=Path(args.pki or "pki").absolute(),
    )
    for _, fault in source.faults():
        raise WrongUse(f"{args.target}: the password {fault}")
    return source


def _configured(args: argparse.Namespace) -> tuple[OpcUaSource | BrokerSource, str, str]:
    """A source as a config has it, with its login and certificates."""
    told = (
        args.user,
        args.password_env,
        args.password_file,
        args.security,
        args.pki,
        args.ca,
        args.server_name,
    )
    if any(told):
        raise WrongUse(
            "the config says how to connect: leave out user, password, security, pki, server-name and ca"
        )
    site = load(args.target)
    names = list(site.sources)
    if args.source not in names:
        raise WrongUse(f"{args.target}: say which with --source: {', '.join(names) or 'it has none'}")
    source = site.sources[args.source]
    if isinstance(source, OpcUaSource):
        users = [name for name, gateway in site.gateways.items() if args.source in gateway.sources]
        gateway = args.gateway or (users[0] if users else "browse")
        return source, "", gateway_name(site, gateway) if users else gateway
    if isinstance(source, BrokerSource):
        return source, "spBv1.0/#" if source.__class__.__name__ == "SparkplugSource" else "#", ""
    raise WrongUse(f"{args.target}: sources.{args.source}: of kind {source.kind}, which cannot be browsed")


def _password(args: argparse.Namespace) -> Secret | None:
    if args.password_env and args.password_file:
        raise WrongUse("--password-env or --password-file, not both")
    if args.password_env:
        return Secret(env=args.password_env)
    return Secret(file=Path(args.password_file).absolute()) if args.password_file else None

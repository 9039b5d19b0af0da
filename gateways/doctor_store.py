"""What can be found out about a gateway's own side: its store, its spool, its secrets, its clock."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fieldlab_configs import ConfigError, Secret, Site
from fieldlab_configs.base import Model
from gateways.computer_clock import examine_clock
from gateways.findings import Findings
from ingest.embedded import EmbeddedStore
from ingest.embedded_check import check_file
from ingest.errors import SpoolUnavailable
from ingest.ledger import read_books
from ingest.moving import ABOUT_STORE
from ingest.rows import wants
from ingest.store import Row, Store, StoreUnavailable
from ingest.stores import open_store

if TYPE_CHECKING:
    from ingest.influx import InfluxStore

LARGE_BYTES: Final = 500_000_000
LEAST_AUTONOMY_H: Final = 24.0
_HERE: Final = ("127.0.0.1", "::1", "localhost")
_FEW_BYTES: Final = 1_000_000_000


def examine_store(site: Site, found: Findings) -> None:
    """Look at the store: there, set up, rights, types."""
    config = site.store
    if config is None:
        found.failure("store", "the config names none", "add store: to it")
        return
    place = urlsplit(config.url or "")
    if config.token is not None and place.scheme == "http" and place.hostname not in _HERE:
        remedy = "store.url: https://..., of a server with a certificate"
        found.warning("security", "no TLS: everything is sent in clear, the token too", remedy)
    try:
        store = open_store(site)
    except ConfigError as error:
        found.failure("store", str(error))
        return
    try:
        if isinstance(store, EmbeddedStore):
            _embedded(site, store, found)
        else:
            _influx(site, store, found)
    finally:
        store.close()


def _embedded(site: Site, store: EmbeddedStore, found: Findings) -> None:
    if store.path.is_file() and store.path.stat().st_size > LARGE_BYTES:
        found.unknown("store", f"{store.path} is large", "look at all of it: fieldlab store check")
    else:
        health = check_file(store.path, site.fieldlab)
        for wrong in health.wrong:
            found.failure("store", wrong)
        if not health.wrong:
            found.ok("store", health.about)
    _disk(found, store.path.parent, "the embedded store")


def _influx(site: Site, store: Store, found: Findings) -> None:
    from ingest.influx import InfluxStore  # noqa: PLC0415 - its client takes a second to import

    if not isinstance(store, InfluxStore):
        raise TypeError(store)
    began = time.monotonic()
    try:
        major, minor = store.server_version
    except StoreUnavailable as error:
        found.failure("store", str(error), "check store: url, and that it runs")
        return
    took_ms = (time.monotonic() - began) * 1000
    found.ok("store", f"{store.url}: InfluxDB {major}.{minor}, answers in {took_ms:.0f} ms")
    if _kept(site, store, found):
        _rights(site, store, found)


def _rights(site: Site, store: InfluxStore, found: Findings) -> None:
    from ingest.influx_check import SCHEMA_VERSION, schema_of  # noqa: PLC0415 - see above

    try:
        tags = (("fieldlab", site.fieldlab),)
        store.write("raw", [Row(ABOUT_STORE, tags, "looked", time.time_ns(), 1.0)])
    except StoreUnavailable as error:
        found.failure("write", str(error), "give the token of the gateway the right to write")
    else:
        found.ok("write", f"{store.database('raw')} takes what is written")
    try:
        if schema_of(store) == SCHEMA_VERSION:
            found.ok("read", f"{store.database('raw')} can be read")
    except ConfigError as error:
        found.failure("schema", str(error))
    except StoreUnavailable as error:
        said = "the token cannot read; a gateway need not"
        found.unknown("read", f"{said} ({error})")
        found.unknown("types", "the token cannot read, so nobody knows of which type the fields are")
        return
    _types(site, store, found)


def _kept(site: Site, store: InfluxStore, found: Findings) -> bool:
    """Whether the buckets are there, as far as anybody can tell."""
    if site.store is None:
        return False
    there = True
    try:
        kept = store.kept_s()
    except StoreUnavailable as error:
        found.unknown("retention", f"the token cannot see the buckets ({error})")
        return True
    for bucket in ("raw", "kpi"):
        name, want = store.database(bucket), site.store.retention_s(bucket)
        if name not in kept:
            found.failure(
                "bucket", f"{name} is not there, or the token may not see it", "fieldlab store setup"
            )
        elif kept[name] != want:
            said = f"{name} keeps data {_said(kept[name])}, the config says {_said(want)}"
            found.warning("retention", said, "fieldlab store setup")
        else:
            found.ok("bucket", f"{name} keeps data {_said(want)}")
    return there


def _said(keep_s: int | None) -> str:
    return "for ever" if keep_s is None else f"for {keep_s / 86_400:g} days"


def _types(site: Site, store: InfluxStore, found: Findings) -> None:
    """A field of another type than ours would take none of our values."""
    try:
        types = store.types("raw", "machine")
    except StoreUnavailable as error:
        found.unknown("types", str(error))
        return
    wrong = []
    for machine in site.machines():
        for name in machine.signals:
            fields = {name: "float"} if wants(name) != "text" else {}
            if wants(name) != "number":
                fields[f"{name}_text"] = "string"
            for field, want in fields.items():
                has = types.get(field, {want})
                if has != {want}:
                    wrong.append(
                        f"{machine.id}.{name}: the field {field} holds {', '.join(sorted(has))}, not {want}"
                    )
    found.each(
        "types", "failure", wrong, "its values become dead letters: rename the signal, or the old field"
    )
    if not wrong:
        found.ok("types", "no field has another type than what is written to it")


def examine_gateway(site: Site, gateway: str, found: Findings) -> None:
    """Look at a gateway's own side: spool, disk, autonomy, dead letters, clock."""
    config = site.gateways[gateway]
    if config.clock == "source":
        found.warning(
            "clock",
            "clock: source: heartbeats follow the machines' time",
            f"for simulated and recorded runs only: leave out gateways.{gateway}.clock",
        )
    folder = config.spool.path
    examine_clock(folder, gateway, found)
    try:
        books = read_books(folder, gateway, config.spool.max_bytes, latest=0)
    except SpoolUnavailable as error:
        found.unknown("spool", str(error))
    else:
        ledger, hours = books.ledger, books.room.autonomy_h
        if not ledger.balances:
            found.failure("account", "the account does not balance", "fieldlab ledger, and report it")
        if ledger.dead:
            found.warning("dead letters", f"{ledger.dead} dead letters", "fieldlab ledger --dead")
        said = f"{books.room.waiting_bytes / 1e6:,.1f} of {books.room.max_bytes / 1e6:,.0f} MB wait"
        if hours is None:
            found.ok("spool", f"{said}; how long it lasts is not known before samples come")
        elif hours < LEAST_AUTONOMY_H:
            remedy = f"raise gateways.{gateway}.spool.max_bytes, or give it a larger disk"
            found.warning("spool", f"{said}, enough for {hours:,.1f} h without the store", remedy)
        else:
            found.ok("spool", f"{said}, enough for {hours:,.0f} h without the store")
    _disk(found, folder, f"the spool ({config.spool.max_bytes / 1e9:g} GB at most)", config.spool.max_bytes)


def examine_secrets(site: Site, found: Findings) -> None:
    """Look at every secret that the config refers to, and say none."""
    well = 0
    for where, secret in _secrets(site, ""):
        try:
            secret.read()
        except ConfigError as error:
            found.failure("secret", f"{where}: {error}")
            continue
        if secret.file is not None and secret.file.stat().st_mode & 0o044:
            found.warning("secret", f"{where}: others can read {secret.file}", f"chmod 600 {secret.file}")
        well += 1
    if well:
        found.ok("secrets", f"{well} can be read")


def _secrets(value: object, where: str) -> Iterator[tuple[str, Secret]]:
    if isinstance(value, Secret):
        yield where, value
    elif isinstance(value, Model):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name), f"{where}.{name}".lstrip("."))
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _secrets(each, f"{where}.{name}")


def _disk(found: Findings, folder: Path, what: str, wanted: int = _FEW_BYTES) -> None:
    there = folder
    while not there.is_dir() and there != there.parent:
        there = there.parent
    free = shutil.disk_usage(there).free
    said = f"{free / 1e9:,.1f} GB free for {what} in {folder}"
    if free < min(wanted, _FEW_BYTES):
        found.failure("disk", said, "free some, or move it to another disk")
    elif free < wanted:
        found.warning("disk", said, "the disk is full before the spool is")
    else:
        found.ok("disk", said)

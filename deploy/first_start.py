"""What a start in containers needs first: passwords, certificates, who may do what. Twice changes nothing.

``first_start.py secrets CONFIG ROOM | tokens CONFIG ROOM``: made at each start, where it is not there yet.
``first_start.py login ROOM | machines ROOM | ca ROOM``: shown to whoever runs the containers.
``first_start.py mail ROOM``: the mail server's password, which is somebody else's, from standard input.
``first_start.py kiosk NAME [CONFIG ROOM]``: a new link that opens a wall, shown once.

ROOM has a folder for each service, a volume of its own: whoever mounts one sees no other. There is no default
password; every secret is made here, in a file that only the user of its service reads.
"""  # noqa: INP001 - a script that the image runs by its path

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from dashboards.kiosks import made
from dashboards.sessions import hashed
from fieldlab.cli import main as fieldlab
from fieldlab.kiosk import kiosks
from fieldlab_configs import ConfigError, MqttSource, Secret, Site, SparkplugSource, load
from gateways.errors import CertificateUnusable
from gateways.pki import Pki
from gateways.pki_names import sorted_names
from ingest.whole_file import write_secret

BROKER = "mosquitto"
"""The host name of our own broker; other brokers have users of their own."""
MOUNTED = Path("/run/fieldlab")
"""Where each service sees its own folder; configs name their secrets there."""
OWNERS = {"broker": 1883, "influxdb": 1000, "grafana": 472}
"""Users of the images of others; ours are OUR_USER."""
OUR_USER = 10001
FOR_TOKENS = ("setup", "gateway", "analytics", "app", "report", "grafana")
FOR_SECRETS = (*FOR_TOKENS, "pki", "login", "machines", "broker", "influxdb")
ROOT_ONLY = ("pki", "login", "setup")
ITERATIONS = 20_000
HEALTH = "health"
LINK_S = 90 * 86_400
DEFAULTS = ("/etc/fieldlab/fieldlab.yaml", "/secrets")


class CannotStart(Exception):  # noqa: N818 - named as what follows
    """The config does not fit the containers: one message."""


class Room:
    """The folders of all services.

    Parameters
    ----------
    folder : Path
    services : sequence of str
        Whose folders are there.
    """

    def __init__(self, folder: Path, services: Sequence[str]) -> None:
        self._folder = folder
        for name in services:
            (folder / name).mkdir(mode=0o700, exist_ok=True)
            self._give(folder / name, 0o700)

    def path(self, service: str, name: str) -> Path:
        """A file of a service."""
        return self._folder / service / name

    def secret(self, service: str, name: str) -> str:
        """What a secret is; made up where it is not there yet."""
        path = self.path(service, name)
        if not path.exists():
            self.put(service, name, secrets.token_urlsafe(32))
            print(f"made {path}", flush=True)
        return path.read_text(encoding="utf-8").strip()

    def put(self, service: str, name: str, text: str) -> None:
        """Write a file that only its service reads; one that is the same stays untouched."""
        path = self.path(service, name)
        if not path.exists() or path.read_text(encoding="utf-8").rstrip("\n") != text.rstrip("\n"):
            write_secret(path, text)
        self._give(path, 0o400)

    def _give(self, path: Path, mode: int) -> None:
        service = path.relative_to(self._folder).parts[0]
        if os.geteuid() == 0 and service not in ROOT_ONLY:
            owner = OWNERS.get(service, OUR_USER)
            os.chown(path, owner, owner)
        path.chmod(mode)


# -- secrets


def make_secrets(site: Site, room: Room) -> None:
    """Passwords, certificates, and the broker's users and rights."""
    room.secret("grafana", "admin.password")
    room.secret("grafana", "secret.key")  # seals what Grafana keeps; the one it comes with is known to all
    room.secret("influxdb", "admin.password")
    # The token that may do all: for InfluxDB, which is told it, and for the set-up; no service has it.
    room.put("setup", "influx.token", room.secret("influxdb", "admin.token"))
    for name, user in site.app.users.items() if site.app else ():
        password = room.secret("login", f"{name}.password")
        file = own_name(user.password, f"app.users.{name}.password")
        if not room.path("app", file).exists():
            room.put("app", file, hashed(password))
    make_certificates(site, room)
    make_broker(site, room)


def own_name(secret: Secret | None, where: str) -> str:
    """The name of a secret's file in the folder that its service sees."""
    if secret is None or secret.file is None or secret.file.parent != MOUNTED:
        raise CannotStart(f"{where}: in containers it must be {{file: {MOUNTED}/NAME}}, which is made here")
    return secret.file.name


def make_certificates(site: Site, room: Room) -> None:
    """The broker's certificate, renewed when it ends soon; everybody gets the authority's."""
    pki = Pki(room.path("pki", "."))
    pki.init(site.fieldlab)
    hosts = sorted({BROKER, "localhost", "127.0.0.1", *os.environ.get("BROKER_HOSTS", "").split()})
    names = sorted_names([], hosts)
    path = room.path("pki", "own/broker.pem")
    there = {entry.name: entry.certificate.names for entry in pki.entries() if entry.place == "own"}
    if there.get("broker", names) != names:
        path.unlink()  # its key stays
    if pki.issue("broker", "broker", names):
        print(f"issued a certificate for {', '.join(hosts)}", flush=True)
    for name in sorted(pki.due(30), key=lambda name: name != "ca"):
        pki.renew(name)
        print(f"renewed the certificate {name}", flush=True)
    room.put("broker", "broker.pem", path.read_text(encoding="utf-8"))
    room.put("broker", "broker.key", path.with_suffix(".key").read_text(encoding="utf-8"))
    ca = room.path("pki", "ca/ca.pem").read_text(encoding="utf-8")
    for service in ("broker", "machines", "gateway"):
        room.put(service, "ca.pem", ca)


def make_broker(site: Site, room: Room) -> None:
    """Users, each with a password of its own, and the least that each may do."""
    users = {HEALTH: room.secret("broker", f"{HEALTH}.password")}
    rights = {HEALTH: ["topic read $SYS/broker/uptime"]}
    for user, password, allowed in [*gateways(site, room), *machines(site, room)]:
        if user in users and users[user] != password:
            raise CannotStart(f"{user} is a machine and a user of a source: give sources.*.user another name")
        users[user] = password
        rights.setdefault(user, []).extend(allowed)
    old = room.path("broker", "passwd")
    known = dict(
        line.split(":", 1) for line in (old.read_text().splitlines() if old.exists() else ()) if ":" in line
    )
    lines = [f"{user}:{kept(known.get(user, ''), password)}" for user, password in users.items()]
    room.put("broker", "passwd", "".join(f"{line}\n" for line in lines))
    acl = [
        f"user {user}\n" + "".join(f"{line}\n" for line in sorted({*told})) for user, told in rights.items()
    ]
    room.put("broker", "acl", "\n".join(acl))
    # For the health check: a password on a command line is seen by whoever lists processes.
    options = f"-h localhost\n-p 8883\n--cafile {MOUNTED}/ca.pem\n-u {HEALTH}\n-P {users[HEALTH]}\n"
    room.put("broker", "mosquitto_sub", options)


def gateways(site: Site, room: Room) -> Iterator[tuple[str, str, list[str]]]:
    """Whoever reads: user, password, rights."""
    for name, source in site.sources.items():
        if not isinstance(source, MqttSource | SparkplugSource) or source.host != BROKER:
            continue
        if source.user is None:
            raise CannotStart(f"sources.{name}: the broker asks who one is: give user and password")
        password = room.secret("gateway", own_name(source.password, f"sources.{name}.password"))
        if isinstance(source, SparkplugSource):
            yield source.user, password, ["topic readwrite spBv1.0/#"]
            continue
        topics = {topic for topic, _ in topics_of(site, name)} | {source.clock_topic} - {None}
        yield source.user, password, [f"topic read {topic}" for topic in topics]


def machines(site: Site, room: Room) -> Iterator[tuple[str, str, list[str]]]:
    """Whoever speaks: each machine by its id, with its own topics alone."""
    for name, source in site.sources.items():
        if not isinstance(source, MqttSource) or source.host != BROKER:
            continue
        topics = topics_of(site, name)
        for machine in dict.fromkeys(machine for _, machine in topics):
            password = room.secret("machines", f"{machine}.password")
            yield machine, password, [f"topic write {topic}" for topic, of in topics if of == machine]


def topics_of(site: Site, source: str) -> list[tuple[str, str]]:
    """Topics of a source, and whose they are."""
    return [
        (signal.topic, machine.id)
        for machine in site.machines()
        for signal in machine.signals.values()
        if signal.source == source and signal.topic is not None
    ]


def kept(known: str, password: str) -> str:
    """The hash of a password as mosquitto has it; one that is right stays as it is."""
    parts = known.split("$")
    if len(parts) == 5 and hmac.compare_digest(known, mosquitto_hash(password, parts[3], parts[2])):  # noqa: PLR2004 - its form
        return known
    return mosquitto_hash(password, base64.b64encode(secrets.token_bytes(12)).decode(), str(ITERATIONS))


def mosquitto_hash(password: str, salt: str, iterations: str) -> str:
    """PBKDF2 with SHA-512, as mosquitto_passwd writes it."""
    raw = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(iterations))
    return f"$7${iterations}${salt}${base64.b64encode(raw).decode()}"


# -- tokens


def make_tokens(config: str, site: Site, room: Room) -> None:
    """The store's buckets, and a token for each service that may do no more than it must."""
    tokens = room.path("setup", "tokens")
    status = fieldlab(["store", "setup", config, "--tokens", str(tokens)])
    if status:
        raise SystemExit(status)
    # The app writes the reasons of stops, so it has what analytics has.
    whose = {"analytics": "analytics", "app": "analytics", "report": "reports", "grafana": "dashboards"}
    if len(site.gateways) != 1:
        raise CannotStart("gateways: one gateway runs in containers; the config must have exactly one")
    whose["gateway"] = f"gateway-{next(iter(site.gateways))}"
    for service, token in whose.items():
        room.put(service, "influx.token", (tokens / f"{token}.token").read_text(encoding="utf-8").strip())


# -- showing


def show(what: str, folder: Path) -> None:
    """Passwords of people or of machines at the broker, or whom machines are to trust."""
    if what == "ca":
        print((folder / "pki" / "ca" / "ca.pem").read_text(encoding="utf-8"), end="")
        return
    files = sorted((folder / what).glob("*.password"))
    for path in files:
        print(f"{path.stem}\t{path.read_text(encoding='utf-8').strip()}")
    if what == "login":
        print(
            f"admin of Grafana\t{(folder / 'grafana' / 'admin.password').read_text(encoding='utf-8').strip()}"
        )


def take_mail(room: Room) -> None:
    """Keep the mail server's password for the one who mails."""
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise CannotStart("mail: give the mail server's password on standard input")
    room.put("report", "mail.password", password)


def make_link(site: Site, room: Room, name: str) -> None:
    """A new link of a wall; the app is given its hash, and the one before ends."""
    known = kiosks(site)
    if site.app is None or name not in known:
        raise CannotStart(
            f"kiosk {name!r}: not one under app.kiosks of {site.path}: {', '.join(known) or 'none'}"
        )
    file = own_name(site.app.kiosks[name].token, f"app.kiosks.{name}.token")
    until_s = time.time() + LINK_S
    key, kept = made(name, known[name], until_s)
    room.put("app", file, kept)
    until = time.strftime("%Y-%m-%d", time.gmtime(until_s))
    print(f"good until {until}, behind the app's address, shown once:")
    print(f"/wall#{key}")


def main(what: str, *where: str) -> None:
    """Do one of them; what a user can mend is one message."""
    try:
        if what == "mail":
            take_mail(Room(Path(*where or ("/secrets",)), ("report",)))
            return
        if what in ("login", "machines", "ca"):
            show(what, Path(*where or ("/secrets",)))
            return
        if what == "kiosk":
            name, config, folder = (*where, *("", *DEFAULTS)[len(where) :])[:3]
            make_link(load(config), Room(Path(folder), ("app",)), name)
            return
        config, folder = where
        site = load(config)
        if what == "secrets":
            make_secrets(site, Room(Path(folder), FOR_SECRETS))
        else:
            make_tokens(config, site, Room(Path(folder), FOR_TOKENS))
    except (CannotStart, ConfigError, CertificateUnusable, OSError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main(*sys.argv[1:])

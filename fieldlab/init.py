"""``fieldlab init``: a first config, from a few answers and from what was seen."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fieldlab.errors import WrongUse
from fieldlab.examples import example, listed
from fieldlab.modes import for_others
from fieldlab_configs import TABLES, ConfigError, parse
from fieldlab_configs.states import ALIASES
from gateways.browse import Result, Seen
from gateways.first_config import Answers, first_config
from ingest.whole_file import write_whole

_ID = r"[a-z0-9_-]+"


def run(args: argparse.Namespace) -> int:
    """Ask what is not given, and write the config; nothing is written that `check` would refuse."""
    if args.examples:
        print(listed())
        return 0
    path = Path(args.config)
    if path.exists() and not args.force:
        raise WrongUse(f"{path} is there already; another name, or --force to replace it")
    if args.example is not None:
        return _copy(args, path)
    results = [_seen(Path(name)) for name in args.seen]
    answers = _answers(args, path)
    results += [Result(url, _source(url, args.security)) for url in _sources(args, results)]
    text = first_config(answers, results)
    try:
        parse(text, path)
    except ConfigError as error:
        raise WrongUse(f"nothing is written, for it would be wrong: {error}") from None
    _write(path, text)
    print(f"{path} is written. Next:")
    for line in ("fieldlab check", "fieldlab store setup", "fieldlab doctor", "fieldlab up"):
        print(f"  {line} {path}")
    return 0


def _copy(args: argparse.Namespace, path: Path) -> int:
    """Write an example as a config of one's own: the same file, under another id where one is given."""
    for option in ("line", "machine", "cycle_time", "source", "security", "seen", "store", "org"):
        if getattr(args, option):
            name = {"seen": "from"}.get(option, option.replace("_", "-"))
            raise WrongUse(f"--{name} does not go with --example; change it in the file afterwards")
    text = example(args.example).text
    for key in ("fieldlab", "name", "timezone", "language"):
        given = getattr(args, key)
        if given is not None:
            value = given if re.fullmatch(r"[\w/-]+", given) else json.dumps(given, ensure_ascii=False)
            head, _, rest = text.partition(f"\n{key}: ")
            text = f"{head}\n{key}: {value}\n{rest.partition(chr(10))[2]}"
    try:
        parse(text, path)
    except ConfigError as error:
        raise WrongUse(f"nothing is written, for it would be wrong: {error}") from None
    _write(path, text)
    print(f"{path} is written, a copy of the example {args.example}. Next:")
    for line in (f"fieldlab demo {path}", f"fieldlab check {path}", f"fieldlab up {path} --simulate"):
        print(f"  {line}")
    return 0


def _answers(args: argparse.Namespace, path: Path) -> Answers:
    if args.states not in (*TABLES, *ALIASES):
        raise WrongUse(f"--states {args.states}: there is no such table; there are {', '.join(TABLES)}")
    ask = _Asker(quiet=args.yes)
    stem = re.sub(r"[^a-z0-9_-]+", "_", path.stem.lower()).strip("_-") or "fieldlab"
    fieldlab = ask("fieldlab", args.fieldlab, "Id of the fieldlab (a to z, 0 to 9, - and _)", stem, _id)
    name = ask("name", args.name, "Its name, free to change", fieldlab, str)
    timezone = ask("timezone", args.timezone, "Timezone", "Europe/Amsterdam", str)
    language = ask("language", args.language, "Language of the page, nl or en", "nl", _language)
    line = ask("line", args.line, "Id of the line", "line1", _id)
    machine = ask("machine", args.machine, "Id of the machine", "machine1", _id)
    cycle = ask("cycle-time", args.cycle_time, "Its ideal cycle time per part [s]", "60", _seconds)
    store = ask("store", args.store, "Store: a file, or the address of an InfluxDB", f"{fieldlab}.db", str)
    return Answers(
        fieldlab, name, timezone, language, line, machine, float(cycle), args.states, store, args.org
    )


def _sources(args: argparse.Namespace, results: list[Result]) -> list[str]:
    given: list[str] = list(args.source)
    if not given and not results:
        ask = _Asker(quiet=args.yes)
        told = ask(
            "source", None, "Address of a machine (opc.tcp://... or mqtt://...), empty for none", "", str
        )
        given = [told] if told else []
    return given


class _Asker:
    """Asks on the terminal what the command line does not say."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def __call__(
        self, option: str, given: object, question: str, default: str, check: Callable[[str], str]
    ) -> str:
        if given is not None:
            return _checked(f"--{option}", str(given), check)
        if self._quiet:
            return default
        shown = f"{question} [{default}]: " if default else f"{question}: "
        print(shown, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise WrongUse(f"nobody answers; give --{option}, or --yes for what is usual")
        return _checked(question, line.strip() or default, check)


def _checked(what: str, text: str, check: Callable[[str], str]) -> str:
    try:
        return check(text)
    except ValueError as error:
        raise WrongUse(f"{what}: {error}") from None


def _id(text: str) -> str:
    if not re.fullmatch(_ID, text):
        raise ValueError(f"{text!r} is no id: a to z, 0 to 9, - and _")
    return text


def _language(text: str) -> str:
    if text not in ("nl", "en"):
        raise ValueError(f"{text!r} is neither nl nor en")
    return text


def _seconds(text: str) -> str:
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{text!r} is not a time above 0")
    return text


def _source(url: str, security: str | None) -> dict[str, Any]:
    address = urlsplit(url)
    try:
        host, port = address.hostname, address.port
    except ValueError:
        host = port = None
    if address.scheme == "opc.tcp" and host:
        return {"kind": "opcua", "endpoint": url} | ({"security": security} if security else {})
    if address.scheme in ("mqtt", "mqtts") and host:
        told: dict[str, Any] = {"kind": "mqtt", "host": host}
        told |= {"port": port} if port else {}
        return told | ({"tls": True} if address.scheme == "mqtts" else {})
    raise WrongUse(f"{url}: a source is opc.tcp://HOST:PORT or mqtt://HOST[:PORT]")


def _seen(path: Path) -> Result:
    """A result of `fieldlab browse --json`."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        seen = [
            Seen(
                tuple(str(part) for part in each["path"]),
                {str(key): str(text) for key, text in each["place"].items()},
                str(each["kind"]),
                each["value"] if isinstance(each["value"], float | str) else None,
                str(each["quality"]),
                unit=each["unit"] if isinstance(each.get("unit"), str) else None,
            )
            for each in told["seen"]
        ]
        return Result(str(told["address"]), dict(told["source"]), seen)
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WrongUse(f"{path} is not what fieldlab browse --json prints") from None


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    try:
        with for_others():  # services have users of their own, and no secret stands in it
            write_whole(path, text.encode())
    except OSError as error:
        raise WrongUse(f"{path} cannot be written: {error.strerror}") from None

"""A ``docker compose`` line, read and not run: is there such a service, path and command?

No containers run here. What can be known without them is whether the line means something: options as
Docker's reference has them, services and profiles of docker-compose.yml, paths inside what a service has
mounted, the words behind it as its program takes them, and names in ``.env`` that the file asks for.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, Final

from fieldlab.commands import parser
from tests.deploy.containers import ROOT, services
from tests.deploy.dockerfile import read, words_of

_OPTIONS: Final[dict[str, dict[str, int]]] = {
    # command: its options that documents use, and how many words each takes
    "up": {"--detach": 0, "--wait": 0},
    "run": {"--rm": 0, "--no-deps": 0, "-T": 0, "--entrypoint": 1},
    "exec": {},
    "cp": {},
    "build": {"--pull": 0},
    "restart": {},
    "ps": {},
    "logs": {"--follow": 0, "--tail": 1},
    "down": {"--volumes": 0},
}
_SCRIPT: Final = "/usr/local/lib/fieldlab/first_start.py"


def lines(command: str) -> list[list[str]]:
    """The words of each call of ``docker compose`` in a command, redirections left out."""
    found = re.findall(r"docker compose ([^;()<>|#]*)", command)
    return [shlex.split(text) for text in found]


def checked(command: str, folder: Path) -> None:
    """SystemExit where a line means nothing; `folder` may hold the ``.env`` that lines before it wrote."""
    calls = lines(command)
    if not calls:
        raise SystemExit(f"no call of docker compose: {command}")
    for words in calls:
        try:
            _call(words)
            _environment(folder)
        except (LookupError, ValueError) as error:
            raise SystemExit(f"{command}: {error}") from None


def _call(words: list[str]) -> None:
    rest = list(words)
    known = services()
    profiles = {name for service in known.values() for name in service.get("profiles", ())}
    while rest[0] == "--profile":
        _, profile, *rest = rest
        _must(profile in profiles, f"no profile {profile}; there are {', '.join(sorted(profiles))}")
    verb, *rest = rest
    _must(verb in _OPTIONS, f"docker compose {verb} is not known here")
    entrypoint = None
    while rest and rest[0].startswith("-"):
        option, *rest = rest
        _must(option in _OPTIONS[verb], f"docker compose {verb} has no {option} that is known here")
        if _OPTIONS[verb][option]:
            value, *rest = rest
            entrypoint = value if option == "--entrypoint" else entrypoint
    if verb == "cp":
        _copy(rest, known)
    elif verb in ("run", "exec"):
        name, *inside = rest
        _must(name in known, f"no service {name}")
        _inside(known[name], inside, entrypoint, fresh=verb == "run")
    else:
        for name in rest:
            _must(name in known, f"no service {name}")


def _copy(rest: list[str], known: dict[str, Any]) -> None:
    _must(len(rest) == 2, "cp takes two places")
    inside = [place.partition(":") for place in rest if ":" in place]
    _must(len(inside) == 1, "one place of cp is in a container")
    ((name, _, path),) = inside
    _must(name in known, f"no service {name}")
    _mounted(known[name], path)


def _inside(service: dict[str, Any], words: list[str], entrypoint: str | None, *, fresh: bool) -> None:
    """The words as the service's program takes them, and every path among them."""
    for word in words:
        if word.startswith("/"):
            _mounted(service, word)
    if entrypoint is not None or not (fresh or words):
        return
    if fresh:
        words = [*service.get("entrypoint", _entrypoint()), *words]
    program, *given = words
    if program == "fieldlab":
        _parsed(given)
    else:
        _must([program, given[0]] == ["python", _SCRIPT], f"{program} is not known here")
        said = (ROOT / "deploy" / "first_start.py").read_text(encoding="utf-8")
        main = said.partition("def main(")[2]
        _must(f'"{given[1]}"' in main, f"first_start.py does not know {given[1]}")


def _parsed(words: list[str]) -> None:
    try:
        parser().parse_args(words)
    except SystemExit:
        raise ValueError(f"fieldlab does not take {' '.join(words)}") from None


def _entrypoint() -> list[str]:
    (production,) = (s for s in read(ROOT / "deploy" / "Dockerfile") if s.name == "production")
    return words_of(production.all("ENTRYPOINT")[-1])


def _mounted(service: dict[str, Any], path: str) -> None:
    places = [volume.replace(":-", "").split(":")[1] for volume in service.get("volumes", ())]
    there = any(
        path == place or path.startswith(f"{place}/") or place.startswith(f"{path}/") for place in places
    )
    _must(there, f"{path} is nothing that this service has mounted")


def _environment(folder: Path) -> None:
    """What was written into .env is asked for by the compose file."""
    file = folder / ".env"
    names = re.findall(r"(?m)^(\w+)=", file.read_text()) if file.exists() else []
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    for name in names:
        _must(name in asked, f".env: the compose file does not ask for {name}")


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)

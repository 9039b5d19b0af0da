"""Write the bill of materials of the product, in CycloneDX: `python -m tools.sbom [FILE]`.

What is in it: Fieldlab itself, and every package of ``requirements-image.lock``, which is the product with
all its parts and without the tools of its developers. Names, licences and who needs whom come from the
installed packages; versions and the hashes of every file that may be installed come from the lock. What the
lock has for another platform is there too, marked optional. Held against the schema before it is written.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tools.licences import ROOT, allows, licence_of

LOCK = ROOT / "requirements-image.lock"
TARGET = ROOT / "build" / "sbom.cdx.json"
_VERSION = SchemaVersion.V1_6
_LOCKED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


class Unfit(Exception):  # noqa: N818 - named as what it is
    """What was made is not a bill of materials that can be relied on."""


def plain(name: str) -> str:
    """A package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(lock: Path) -> dict[str, tuple[str, list[str]]]:
    """Version and SHA-256 hashes of every package of a lock."""
    found = {
        plain(name): (version, re.findall(r"--hash=sha256:([0-9a-f]{64})", rest))
        for name, version, rest in _LOCKED.findall(lock.read_text())
    }
    bare = [name for name, (_, hashes) in found.items() if not hashes]
    if bare or not found:
        raise Unfit(f"{lock.name} has no hash for {', '.join(bare) or 'anything'}")
    return found


def installed() -> dict[str, Any]:
    """What CycloneDX's own tool says of this environment."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "all.json"
        command = [
            sys.executable, "-m", "cyclonedx_py", "environment", "--pyproject", str(ROOT / "pyproject.toml"),
            "--output-reproducible", "--no-validate", "--sv", _VERSION.to_version(), "-o", str(made),
            sys.executable,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        if done.returncode:
            raise Unfit(f"cyclonedx-py failed: {done.stderr.strip()[-500:]}")
        said: dict[str, Any] = json.loads(made.read_text())
        return said


def bill(everything: dict[str, Any], known: dict[str, tuple[str, list[str]]]) -> dict[str, Any]:
    """Of all that is installed, what the lock names, with its hashes; and what it names for elsewhere."""
    by_name = {plain(c["name"]): c for c in everything["components"]}
    components = []
    for name, (version, hashes) in known.items():
        component = by_name.get(name)
        purl = f"pkg:pypi/{name}@{version}"
        if component is None:
            component = {"type": "library", "bom-ref": f"{name}=={version}", "name": name,
                         "version": version, "purl": purl, "scope": "optional"}  # fmt: skip
        elif component["version"].removeprefix("v") != version:
            raise Unfit(f"{name} {component['version']} is installed, {version} is locked: run make env")
        elif not component.get("licenses"):
            component = {**component, "licenses": [_licence(name)]}
        files = {
            "type": "distribution",
            "url": purl,
            "comment": "the files that may be installed, by their hashes in the lock",
            "hashes": [{"alg": "SHA-256", "content": content} for content in hashes],
        }
        # Home pages and the like are left out: the schema's check of an address takes 20 ms each.
        components.append({**component, "externalReferences": [files]})
    for tool in everything["metadata"]["tools"]["components"]:
        tool.pop("externalReferences", None)
    root = everything["metadata"]["component"]
    refs = {root["bom-ref"], *(c["bom-ref"] for c in components)}
    needs = [
        {**entry, "dependsOn": [ref for ref in entry.get("dependsOn", []) if ref in refs]}
        for entry in everything.get("dependencies", [])
        if entry["ref"] in refs
    ]
    return {**everything, "components": components, "dependencies": needs}


def _licence(name: str) -> dict[str, Any]:
    """What `tools.licences` reads where CycloneDX's tool reads nothing."""
    found = licence_of(distribution(name))
    if not allows(found, {found}) or found == "not declared":
        raise Unfit(f"no licence is known of {name}")
    return {"expression": found, "acknowledgement": "declared"}


def checked(made: dict[str, Any]) -> str:
    """It as text, once it passes the schema."""
    text = json.dumps(made, indent=1, ensure_ascii=False)
    wrong = JsonStrictValidator(_VERSION).validate_str(text)
    if wrong is not None:
        raise Unfit(f"it does not pass CycloneDX's schema: {wrong}")
    silent = [c["name"] for c in made["components"] if not c.get("licenses") and c.get("scope") != "optional"]
    if silent:
        raise Unfit(f"no licence is known of {', '.join(silent)}")
    return text


def _fresh(target: Path) -> bool:
    """Whether it was made of what is installed now."""
    sources = (LOCK, ROOT / "pyproject.toml", ROOT / ".venv" / ".installed-dev", Path(__file__))
    newest = max((path.stat().st_mtime for path in sources if path.exists()), default=0.0)
    return target.exists() and target.stat().st_mtime > newest


def main() -> int:
    """Write it; 1 where it would not be fit."""
    target = Path(sys.argv[1]) if sys.argv[1:] else TARGET
    if target == TARGET and _fresh(target):
        print(f"SBOM: {target.relative_to(ROOT)} is up to date.")
        return 0
    try:
        made = bill(installed(), locked(LOCK))
        text = checked(made)
    except Unfit as error:
        print(f"SBOM: {error}", file=sys.stderr)
        return 1
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    elsewhere = sum(c.get("scope") == "optional" for c in made["components"])
    shown = target.relative_to(ROOT) if target.is_relative_to(ROOT) else target
    print(f"SBOM: {len(made['components'])} packages ({elsewhere} of other platforms) in {shown}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What simulated machines need that real ones bring along: certificates, and passwords."""

from __future__ import annotations

from urllib.parse import urlsplit

from fieldlab.passwords import made_up
from fieldlab.servers import LOOPBACK
from fieldlab_configs import OpcUaSource, Site
from gateways.pki import Pki
from gateways.pki_names import sorted_names


def equip(site: Site) -> list[str]:
    """Make certificates for the OPC UA servers of this computer and for who reads them, and their passwords.

    What is there already is left as it is.

    Returns
    -------
    list of str
        What was made, a line each.
    """
    said = []
    for name, source in site.sources.items():
        host = urlsplit(source.endpoint).hostname if isinstance(source, OpcUaSource) else None
        if not isinstance(source, OpcUaSource) or host not in LOOPBACK:
            continue
        if made_up(source.password) and source.password is not None:
            said.append(f"{source.password.file}: a password, made up")
        if source.security != "none":
            said += _certificates(site, name, source, str(host))
    return said


def _certificates(site: Site, name: str, source: OpcUaSource, host: str) -> list[str]:
    readers = [gateway for gateway, told in site.gateways.items() if name in told.sources]
    if all(source.own_certificate(each).exists() for each in (name, *readers)):
        return []
    pki = Pki(source.pki)
    said = [f"{source.pki}: an authority for certificates"] if pki.init(site.fieldlab) else []
    # Server and gateways, each by its own name; a file that is there is somebody's own.
    if not source.own_certificate(name).exists():
        pki.issue(name, "opcua", sorted_names([], [host]))
        said.append(f"{source.own_certificate(name)}: of the simulated server {name}")
    for gateway in readers:
        if not source.own_certificate(gateway).exists():
            pki.issue(gateway, "gateway", sorted_names([], []))
            said.append(f"{source.own_certificate(gateway)}: of gateway {gateway}")
    return said

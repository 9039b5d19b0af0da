"""The names that a certificate is to bear: as users give them, and whether they fit its use."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from gateways.errors import CertificateUnusable
from gateways.pki_facts import Names, Use
from gateways.signing import PURPOSES


def checked(names: Names, use: Use, default_uri: str) -> Names:
    """The names of a certificate for that use; CertificateUnusable where it cannot have them."""
    if use not in PURPOSES:
        raise CertificateUnusable(f"nothing is issued for {use}")
    if use != "gateway" and not (names.hosts or names.addresses):
        raise CertificateUnusable(f"a certificate for {use} needs the host that clients connect to: --host")
    if use == "broker" and names.uris:
        raise CertificateUnusable("a URI is for OPC UA; a broker has none")
    uris = names.uris or (() if use == "broker" else (default_uri,))
    if len(uris) > 1:
        raise CertificateUnusable("an application has one URI: OPC UA compares it with the certificate's")
    for text in (*uris, *names.hosts):
        if not text.isascii() or not text.isprintable() or any(c in text for c in ' ,"<>\\'):
            raise CertificateUnusable(f"{text!r} cannot stand in a certificate: plain ASCII, no spaces")
    return Names(uris, tuple(sorted(set(names.hosts))), tuple(sorted(set(names.addresses))))


def sorted_names(uris: Sequence[str], hosts: Sequence[str]) -> Names:
    """Names as a user gives them: hosts by name or address."""
    by_name, by_address = [], []
    for host in hosts:
        try:
            by_address.append(str(ipaddress.ip_address(host)))
        except ValueError:
            by_name.append(host)
    return Names(tuple(uris), tuple(by_name), tuple(by_address))

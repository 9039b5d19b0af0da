"""A fieldlab's own certificates: an authority, what it issues, and whom the gateways trust. Plain files.

::

    pki/ca/ca.pem .key .der       the authority; its key need not be on any gateway
    pki/ca/replaced/              what was issued and renewed since, so that it can be revoked too
    pki/own/NAME.pem .key .der    what it issued; .der is for programs that read no PEM
    pki/trusted/                  whose certificates gateways accept: the authority, and single servers
    pki/rejected/                 what was offered and is not trusted
    pki/crl/                      what authorities have revoked
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from gateways.errors import CertificateUnusable
from gateways.pki_facts import WARN_DAYS, Names, Use, describe, load, use_of
from gateways.pki_folder import FOLDERS, Entry, Folder
from gateways.pki_names import checked
from gateways.signing import (
    BITS,
    CA_BITS,
    authority,
    ca_name,
    issued,
    load_key,
    new_key,
    organisation,
    revocations,
    revoked,
    write,
)

DAYS: Final = 825
"""Of what is issued: the longest that common TLS clients take."""
CA_DAYS: Final = 3650
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_FIELDLAB = re.compile(r"[a-z0-9_-]{1,64}")


class Pki:
    """A folder of certificates.

    Parameters
    ----------
    folder : Path
    now : datetime, optional
        UTC.
    """

    def __init__(self, folder: Path, now: dt.datetime | None = None) -> None:
        self.folder = folder
        self._kept = Folder(folder)
        self.now = now or dt.datetime.now(dt.UTC)
        self._ca_pem = folder / "ca" / "ca.pem"
        self._ca_key = folder / "ca" / "ca.key"

    # -- making

    def init(self, fieldlab: str, days: int = CA_DAYS) -> bool:
        """Make the folders and the authority; False where it is there already."""
        if not _FIELDLAB.fullmatch(fieldlab):
            raise CertificateUnusable(f"{fieldlab!r} is no id of a fieldlab: a to z, 0 to 9, - and _")
        made = not self._ca_pem.exists()
        if not made and (known := organisation(self._authority())) != fieldlab:
            raise CertificateUnusable(f"{self.folder} is that of fieldlab {known}, not of {fieldlab}")
        try:
            for name in FOLDERS:
                (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CertificateUnusable(f"{self.folder} cannot be made: {error.strerror}") from None
        if made:
            there = self._ca_key.exists()  # of a run that did not come to its end
            key = load_key(self._ca_key) if there else new_key(self._ca_key, CA_BITS)
            self._sign_authority(ca_name(fieldlab), key, days)
        return made

    def issue(self, name: str, use: Use, names: Names, days: int = DAYS) -> bool:
        """Issue a certificate with a key of its own; False where the same is there already.

        Parameters
        ----------
        name : str
            Of its files.
        use : {"gateway", "opcua", "broker"}
        names : Names
            Without a URI an OPC UA one gets ``urn:fieldlab:<fieldlab>:<name>``.
        days : int
        """
        if not _NAME.fullmatch(name):
            raise CertificateUnusable(f"{name!r} is no name: letters, digits, dots, - and _")
        names = checked(names, use, f"urn:fieldlab:{organisation(self._authority())}:{name}")
        path = self._own(name)
        if path.exists():
            self._refuse_revoked(path)
            there = describe(load(path))
            if (there.use, there.names) == (use, names):
                return False
            raise CertificateUnusable(
                f"{path} is there, for {there.use}: {there.names}; remove it and its key to make another"
            )
        key_path = path.with_suffix(".key")
        key = load_key(key_path) if key_path.exists() else new_key(key_path, BITS)
        self._sign(name, use, names, key.public_key(), days)
        return True

    def renew(self, name: str, days: int | None = None) -> Entry:
        """Give a certificate a new time; its key stays, so that one file is replaced, in one step.

        The authority (``ca``) keeps its name and key too: what it issued stays valid.
        """
        if name == "ca":
            self._sign_authority(self._authority().subject, load_key(self._ca_key), days or CA_DAYS)
            return Entry("ca", "ca", self._ca_pem, describe(self._authority()))
        path = self._own(name)
        if not path.exists():
            raise CertificateUnusable(f"{path} is not there; make it with: fieldlab pki issue")
        self._refuse_revoked(path)
        former = load(path)
        there = describe(former)
        # It is valid until it ends: were the key stolen, it too would have to be revoked.
        kept = self.folder / "ca" / "replaced" / f"{name}-{former.serial_number:x}.pem"
        write(kept, former.public_bytes(Encoding.PEM))
        self._sign(
            name, there.use, there.names, load_key(path.with_suffix(".key")).public_key(), days or DAYS
        )
        return Entry("own", name, path, describe(load(path)))

    def revoke(self, name: str) -> tuple[Entry, bool]:
        """Take back what was issued, and what it replaced with the same key; False where it was already.

        Its files stay, so that it can be seen. Whoever reads ``crl/ca.crl`` refuses it from then on, once the
        file has been copied there.
        """
        path = self._own(name)
        if not path.exists():
            raise CertificateUnusable(f"{path} is not there; fieldlab pki list shows what was issued")
        certificate = load(path)
        entry = Entry("own", name, path, describe(certificate))
        known = self._revoked()
        serials = {each.serial_number for each in known}
        key = certificate.public_key()
        former = [load(p) for p in sorted((self.folder / "ca" / "replaced").glob("*.pem"))]
        same = [certificate, *(each for each in former if each.public_key() == key)]
        new = [each for each in same if each.serial_number not in serials]
        if not new:
            return entry, False
        ca = self._authority()
        days = max(describe(ca).days_left(self.now), 1)
        listed = [*known, *(revoked(each, self.now) for each in new)]
        self._write_revocations(ca.subject, load_key(self._ca_key), days, listed)
        return entry, True

    def is_revoked(self, entry: Entry) -> bool:
        """Whether the authority has taken it back."""
        serial = load(entry.path).serial_number
        return entry.place == "own" and serial in {each.serial_number for each in self._revoked()}

    def due(self, within_days: int = WARN_DAYS) -> list[str]:
        """Names of what ends within so many days, the authority as ``ca``."""
        mine = [e for e in self.entries() if e.place in ("ca", "own") and not self.is_revoked(e)]
        return [e.name for e in mine if e.certificate.days_left(self.now) < within_days]

    # -- trusting

    def trust(self, what: str) -> Entry:
        """Accept a certificate: a file, or one of ``rejected/`` by name or fingerprint."""
        self._authority()
        waiting = self._kept.named("rejected", what)
        source = waiting.path if waiting is not None else Path(what)
        if waiting is None and not source.is_file():
            raise CertificateUnusable(f"{what} is neither a file nor in {self.folder / 'rejected'}")
        certificate = load(source)
        entry = self._kept.put("trusted", certificate)
        if waiting is not None:
            waiting.path.unlink()
        return entry

    def distrust(self, what: str) -> Entry:
        """No longer accept a certificate of ``trusted/``, by name or fingerprint."""
        found = self._kept.named("trusted", what)
        if found is None:
            raise CertificateUnusable(f"{what} is not in {self.folder / 'trusted'}")
        entry = self._kept.put("rejected", load(found.path))
        found.path.unlink()
        return entry

    def reject(self, certificate: x509.Certificate) -> Entry:
        """Keep a certificate that was offered and is not trusted, for a person to look at."""
        return self._kept.put("rejected", certificate)

    def entries(self) -> list[Entry]:
        """Every certificate of the folder; CertificateUnusable where a file is none."""
        if not self.folder.is_dir():
            raise CertificateUnusable(
                f"{self.folder} is not there; make it with: fieldlab pki init {self.folder} --fieldlab ID"
            )
        return [entry for place in FOLDERS[:4] for entry in self._kept.of(place)]

    # -- inside

    def _own(self, name: str) -> Path:
        return self.folder / "own" / f"{name}.pem"

    def _authority(self) -> x509.Certificate:
        if not self._ca_pem.exists():
            raise CertificateUnusable(
                f"{self.folder} has no authority; make it with: fieldlab pki init {self.folder} --fieldlab ID"
            )
        certificate = load(self._ca_pem)
        if use_of(certificate) != "ca":
            raise CertificateUnusable(f"{self._ca_pem} is no certificate of an authority")
        return certificate

    def _sign_authority(self, subject: x509.Name, key: rsa.RSAPrivateKey, days: int) -> None:
        certificate = authority(subject, key, self.now, days)
        pem = certificate.public_bytes(Encoding.PEM)
        write(self._ca_pem.with_suffix(".der"), certificate.public_bytes(Encoding.DER))
        self._write_revocations(subject, key, days, self._revoked())
        write(self.folder / "trusted" / "ca.pem", pem)
        write(self._ca_pem, pem)

    def _refuse_revoked(self, path: Path) -> None:
        if load(path).serial_number in {each.serial_number for each in self._revoked()}:
            raise CertificateUnusable(f"{path} was revoked: remove it and its key, then issue another")

    def _revoked(self) -> list[x509.RevokedCertificate]:
        path = self.folder / "crl" / "ca.crl"
        if not path.exists():
            return []
        try:
            return list(x509.load_der_x509_crl(path.read_bytes()))
        except (OSError, ValueError):
            raise CertificateUnusable(
                f"{path} cannot be read, and says what was revoked: copy it back"
            ) from None

    def _write_revocations(
        self, subject: x509.Name, key: rsa.RSAPrivateKey, days: int, listed: Sequence[x509.RevokedCertificate]
    ) -> None:
        made = revocations(subject, key, self.now, days, listed)
        write(self.folder / "crl" / "ca.crl", made.public_bytes(Encoding.DER))
        write(self.folder / "crl" / "ca.crl.pem", made.public_bytes(Encoding.PEM))

    def _sign(self, name: str, use: Use, names: Names, public: rsa.RSAPublicKey, days: int) -> None:
        by = self._authority(), load_key(self._ca_key)
        left = describe(by[0]).days_left(self.now)
        if left < 1:
            raise CertificateUnusable(
                f"{self._ca_pem} has expired; renew it first: fieldlab pki renew {self.folder} ca"
            )
        certificate = issued(name, use, names, public, by, self.now, min(days, left))
        path = self._own(name)
        write(path.with_suffix(".der"), certificate.public_bytes(Encoding.DER))
        write(path, certificate.public_bytes(Encoding.PEM))

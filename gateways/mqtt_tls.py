"""TLS towards a broker, and what went wrong with a connection, in words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from fieldlab_configs.broker_sources import BrokerSource
from gateways.errors import LinkLost
from gateways.remedies import BY_HAND, login, said_as

# OpenSSL's numbers (x509_vfy.h): NOT_YET_VALID, HAS_EXPIRED, HOSTNAME and IP_ADDRESS_MISMATCH.
_EARLY, _EXPIRED, _HOST, _ADDRESS = 9, 10, 62, 64
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNSUPPORTED_PROTOCOL"})
_ASKS: Final = frozenset({"TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_HANDSHAKE_FAILURE"})


class NoAnswer(LinkLost):
    """The broker says nothing, or hangs up without a word: perhaps it does not know this version."""


class WrongLogin(LinkLost):
    """The broker does not let us in: user and password need a look."""


class WrongFiles(LinkLost):
    """Our own certificate, key or CA cannot be used: the files need a look."""


def context(source: BrokerSource, name: str) -> ssl.SSLContext | None:
    """What a connection is encrypted and checked with, read anew each time; None for one in clear.

    Raises
    ------
    WrongFiles
        If a file is not there, is no certificate, or does not fit the other.
    """
    if not source.tls:
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and host
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if source.ca is None:
        made.load_default_certs()
    else:
        _loaded(lambda: made.load_verify_locations(_there(source.ca)), f"sources.{name}.ca", source.ca)
    if source.certificate is not None and source.private_key is not None:
        password = source.private_key_password
        secret = password.read() if password is not None else ""
        keys = f"sources.{name}.certificate, .private_key"
        for file in (source.certificate, source.private_key):
            _loaded(partial(_there, file), keys, file)
        _loaded(
            lambda: made.load_cert_chain(_there(source.certificate), source.private_key, lambda: secret),
            keys,
            source.certificate,
        )
    return made


def _there(path: Path | None) -> Path:
    """A file that can be read; OpenSSL would not say which one cannot."""
    if path is None:
        raise FileNotFoundError
    with path.open("rb"):
        return path


def _loaded(load: Callable[[], object], keys: str, path: Path) -> None:
    try:
        load()
    except ssl.SSLError as error:
        why = {
            "KEY_VALUES_MISMATCH": "certificate and key do not belong together",
            "NO_CERTIFICATE_OR_CRL_FOUND": "it holds no certificate in PEM format",
            "NO_START_LINE": "it holds no certificate in PEM format",
        }.get(error.reason or "", "it cannot be used; is it PEM, and its key's password right?")
        raise WrongFiles(f"{path}: {why} ({keys})") from None
    except OSError as error:
        raise WrongFiles(f"{path} cannot be read: {error.strerror or 'no such file'} ({keys})") from None


def explain(error: Exception, source: BrokerSource, name: str) -> str:
    """What went wrong with a connection, and where that helps, what to do."""
    where = f"mqtt://{source.host}:{source.port_number}"
    key = f"sources.{name}"
    match error:
        case WrongFiles():
            return str(error)
        case WrongLogin():
            return f"{where} refuses user {source.user or 'anonymous'}: {error} ({login(name)})"
        case socket.gaierror():
            return f"{where}: the host's name is not known ({_place(name, '.host')})"
        case ConnectionRefusedError():
            return f"{where}: nobody listens there"
        case ssl.SSLCertVerificationError():
            return f"{where}: {_untrusted(error, source, name)}"
        case ssl.SSLError() if error.reason in _NO_TLS:
            return f"{where}: does not speak TLS there; look at {_place(name, '.port and .tls')}"
        case ssl.SSLError() if error.reason in _ASKS:
            need = f"{key}.certificate, .private_key"
            return f"{where}: the broker asks for a certificate of ours and got none that it takes ({need})"
        case ssl.SSLError() if "ALERT" in (error.reason or ""):
            said = (error.reason or "").partition("ALERT_")[2].replace("_", " ").lower()
            return f"{where}: the broker does not take our certificate: {said} ({key}.certificate)"
        case NoAnswer():
            question = "speak TLS there" if source.tls else "want TLS"
            return f"{where}: {error}; does it {question}? ({_place(name, '.port, .tls')})"
        case TimeoutError():
            return f"{where}: no answer"
    return f"{where}: {error or type(error).__name__}"


def _untrusted(error: ssl.SSLCertVerificationError, source: BrokerSource, name: str) -> str:
    match error.verify_code:
        case code if code == _EXPIRED:
            return "its certificate has expired; renew it at the broker"
        case code if code == _EARLY:
            return "its certificate is not valid yet; is this computer's clock right?"
        case code if code in (_HOST, _ADDRESS):
            return f"its certificate is for another host: {error.verify_message} ({_place(name, '.host')})"
    ca = f"not by {source.ca}" if source.ca is not None else f"name its CA's file in {said_as(name, 'ca')}"
    return f"its certificate is not trusted: {error.verify_message}; {ca}"


def _place(name: str, keys: str) -> str:
    """Where it is written how to reach the broker."""
    return "mqtt:// or mqtts://HOST:PORT" if name == BY_HAND else f"sources.{name}{keys}"

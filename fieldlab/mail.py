"""Mail: a letter with files, and handing it to a server that takes mail (SMTP)."""

from __future__ import annotations

import contextlib
import datetime as dt
import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from dashboards.wording import one_line
from fieldlab_configs import ConfigError, MailServer

TIMEOUT_S: Final = 30.0
_LASTING: Final = 500
"""From this answer on the server says: not now, and not later either."""
_MOST: Final = 200
_WRONG_HOST: Final = (62, 64)
_EXPIRED: Final = 10


class MailFailed(Exception):  # noqa: N818 - named as what happened
    """A letter was not taken.

    Attributes
    ----------
    lasting : bool
        Somebody has to mend it; else the next try may go well.
    """

    def __init__(self, why: str, *, lasting: bool) -> None:
        super().__init__(why)
        self.lasting = lasting


def letter(
    *, sender: str, name: str, to: str, subject: str, text: str, files: Mapping[str, bytes], mark: str
) -> EmailMessage:
    """A mail to one recipient, with HTML files attached.

    Parameters
    ----------
    sender, to : str
        Addresses.
    name : str
        Whose the sender is.
    subject, text : str
    files : mapping of str to bytes
        UTF-8, by name.
    mark : str
        The same letter once more has the same: programs that read mail show it once.
    """
    made = EmailMessage(policy=SMTP)
    made["From"] = Address(display_name=one_line(name), addr_spec=sender)
    made["To"] = to
    made["Subject"] = one_line(subject)
    made["Date"] = format_datetime(dt.datetime.now(dt.UTC))
    made["Message-ID"] = f"<{mark}@{sender.partition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no machine is to answer it
    made.set_content(text, cte="quoted-printable")
    for file, content in files.items():
        made.add_attachment(
            content, maintype="text", subtype="html", filename=file, params={"charset": "utf-8"}
        )
    return made


def send(server: MailServer, message: EmailMessage, to: str) -> None:
    """Hand a letter over; once the server has said that it took it, it is sent.

    Raises
    ------
    MailFailed
        With what to do.
    """
    where = f"the mail server {server.host}:{server.at}"
    with _told(server, where):
        client = _connected(server)
        try:
            if server.user is not None and server.password is not None:
                client.login(server.user, server.password.read())
            client.send_message(message, server.sender, [to])
        except BaseException:
            client.close()
            raise
        # What happens from here on changes nothing: the letter was taken.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            client.quit()


def _connected(server: MailServer) -> smtplib.SMTP:
    """A connection, encrypted as the config says."""
    if server.tls == "none":
        return smtplib.SMTP(server.host, server.at, timeout=TIMEOUT_S)
    context = _context(server)
    if server.tls == "tls":
        return smtplib.SMTP_SSL(server.host, server.at, timeout=TIMEOUT_S, context=context)
    client = smtplib.SMTP(server.host, server.at, timeout=TIMEOUT_S)
    try:
        client.starttls(context=context)
    except BaseException:
        client.close()
        raise
    return client


def _context(server: MailServer) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=server.ca)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise MailFailed(
            f"reports.server.ca: {server.ca} is no readable file of certificates (PEM)", lasting=True
        ) from None


@contextlib.contextmanager
def _told(server: MailServer, where: str) -> Iterator[None]:
    """Whatever goes wrong, in words; never with the password in it."""
    try:
        yield
    except MailFailed:
        raise
    except ConfigError as error:
        raise MailFailed(f"reports.server.password: {error}", lasting=True) from None
    except smtplib.SMTPException as error:
        raise _refusal(server, where, error) from None
    except UnicodeEncodeError:
        raise MailFailed(
            "reports.server: user and password must be ASCII for a mail server to take them", lasting=True
        ) from None
    except OSError as error:
        raise _trouble(server, where, error) from None


def _refusal(server: MailServer, where: str, error: smtplib.SMTPException) -> MailFailed:
    """What the server said."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        lasting = error.smtp_code >= _LASTING
        return MailFailed(f"{where} refuses user and password ({error.smtp_code})", lasting=lasting)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        what = "offers no STARTTLS" if "STARTTLS" in str(error) else "asks for no user and password"
        todo = "tls: tls on port 465" if "STARTTLS" in what else "no user and password"
        return MailFailed(f"{where} {what}, so nothing was sent; try {todo} in the config", lasting=True)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        ((code, said),) = error.recipients.values()
        return MailFailed(f"{where} refuses the recipient: {code} {_short(said)}", lasting=code >= _LASTING)
    if isinstance(error, smtplib.SMTPSenderRefused):
        told = f"refuses the sender {server.sender}: {error.smtp_code} {_short(error.smtp_error)}"
        return MailFailed(f"{where} {told}", lasting=error.smtp_code >= _LASTING)
    if isinstance(error, smtplib.SMTPResponseException):
        told = f"{error.smtp_code} {_short(error.smtp_error)}"
        return MailFailed(f"{where} does not take the mail: {told}", lasting=error.smtp_code >= _LASTING)
    if "timed out" in str(error):
        return _silent(where)
    return MailFailed(f"{where} broke the connection off", lasting=False)


def _trouble(server: MailServer, where: str, error: OSError) -> MailFailed:
    """What the network said."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _WRONG_HOST:
            why = f"its certificate is for another name than {server.host}"
        elif error.verify_code == _EXPIRED:
            why = "its certificate has expired"
        else:
            why = f"its certificate is not trusted ({error.verify_message}); name its authority's file as ca"
        return MailFailed(f"{where}: {why}; nothing was sent", lasting=True)
    if isinstance(error, ssl.SSLError):
        return MailFailed(
            f"{where} does not encrypt as tls: {server.tls} asks; is it another port?", lasting=True
        )
    if isinstance(error, socket.gaierror):
        return MailFailed(f"{where}: there is no computer of that name", lasting=False)
    if isinstance(error, ConnectionRefusedError):
        return MailFailed(f"{where}: nobody listens there", lasting=False)
    if isinstance(error, TimeoutError):
        return _silent(where)
    return MailFailed(f"{where} cannot be reached: {error.strerror or 'the connection broke'}", lasting=False)


def _silent(where: str) -> MailFailed:
    return MailFailed(f"{where} does not answer within {TIMEOUT_S:.0f} s", lasting=False)


def _short(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return one_line(text)[:_MOST]

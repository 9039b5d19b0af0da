"""A mail server (aiosmtpd) in a thread of its own, that answers as a test wants it to."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import threading
from contextlib import contextmanager

from aiosmtpd.smtp import SMTP, AuthResult

from tests.gateways.certificates import make

USER, PASSWORD = "fieldlab", "s3cret-of-the-mail"


class Post:
    """What was delivered, and what the server answers.

    `answers` holds per verb (``RCPT``, ``DATA``) what is said in place of 250, once each, or for ever where
    it is a text; ``crash`` breaks the connection off.
    """

    def __init__(self):
        self.port, self.letters, self.answers = 0, [], {}
        self.before_answer = lambda: None

    def _answer(self, verb):
        said = self.answers.get(verb)
        return (said.pop(0) if said else None) if isinstance(said, list) else said

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: ARG002, N802 - aiosmtpd's
        said = self._answer("RCPT")
        if said is None:
            envelope.rcpt_tos.append(address)
        return said or "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: ARG002, N802
        said = self._answer("DATA")
        if said is None or said == "crash":
            message = email.message_from_bytes(envelope.content, policy=email.policy.default)
            self.letters.append((envelope.mail_from, list(envelope.rcpt_tos), message))
            self.before_answer()
        if said == "crash":
            server.transport.abort()
        return said or "250 taken"


def context(folder, *, hosts=("127.0.0.1",), **more):
    """A server's side of TLS, and the file of the authority behind it."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = make("authority", authority=True)
    made = make("mail", hosts=hosts, issuer=authority, **more)
    made.write(folder / "mail.pem", folder / "mail.key")
    (folder / "ca.pem").write_bytes(authority.pem)
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(folder / "mail.pem", folder / "mail.key")
    return found


@contextmanager
def post(*, tls=None, implicit=False, login=False):
    """The server, as long as the block lasts."""
    found, ready, ended = Post(), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    def authenticate(server, session, envelope, mechanism, data):
        known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=known, handled=False)

    def protocol():
        known = {"authenticator": authenticate, "auth_required": True} if login else {}
        starttls = {"tls_context": tls, "require_starttls": True} if tls and not implicit else {}
        if not starttls:
            known |= {"auth_require_tls": False} if login else {}
        return SMTP(found, hostname="mail.example", loop=loop, **known, **starttls)

    async def run():
        server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls if implicit else None)
        found.port = server.sockets[0].getsockname()[1]
        ready.set()
        await ended.wait()
        server.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), name="post")
    thread.start()
    assert ready.wait(60)
    try:
        yield found
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(60)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

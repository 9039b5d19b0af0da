"""Handing a letter to a real mail server: encrypted and checked; every way it can refuse is said in words."""

from __future__ import annotations

import logging
import socket
import threading
from email.header import decode_header, make_header

import pytest

from fieldlab.mail import MailFailed, letter, send
from fieldlab_configs import MailServer, Secret
from tests.fieldlab.post import PASSWORD, USER, context, post
from tests.gateways.certificates import DAY, make, now
from tests.servers import free_port

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
TO = "director@acme.example"
NAME = 'Fieldlab "Metaal" & <Co> 🏭\r\nBcc: thief@evil.example'


def written(to=TO, **more):
    """A letter whose every text tries to be more than it is."""
    told = {
        "sender": "fieldlab@lab.example", "name": NAME, "to": to, "mark": "m1",
        "subject": "Week 2026-W47\nBcc: thief@evil.example 🛠", "text": "Één regel\n.\nQUIT\n",
        "files": {"week.html": "<p>é & 🛠</p>".encode()},
    }  # fmt: skip
    return letter(**told | more)


def server(port, folder, **more):
    """The config of a mail server, with its password in a file."""
    secret = folder / "mail.password"
    secret.write_text(f"{more.pop('secret', PASSWORD)}\n")
    secret.chmod(0o600)
    known = {"user": USER, "password": Secret(file=secret)} if more.get("tls") != "none" else {}
    told = {"host": "127.0.0.1", "port": port, "sender": "fieldlab@lab.example", "ca": folder / "ca.pem"}
    return MailServer(**told | known | more)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_letter_arrives_encrypted_whole_and_with_no_header_but_ours(tmp_path, tls):
    """Line ends in a name or a subject begin no header; text and file arrive as they were."""
    with post(tls=context(tmp_path), implicit=tls == "tls", login=True) as there:
        send(server(there.port, tmp_path, tls=tls), written(), TO)
    ((sender, recipients, got),) = there.letters
    assert (sender, recipients) == ("fieldlab@lab.example", [TO])
    assert got["To"] == TO
    assert got["Bcc"] is None
    assert got["Subject"] == "Week 2026-W47 Bcc: thief@evil.example 🛠"
    assert got["From"].addresses[0].addr_spec == "fieldlab@lab.example"
    raw = dict(got.raw_items())["From"]  # the parser puts a space between two encoded words, the letter none
    named = str(make_header(decode_header(raw.replace("\r\n", ""))))
    assert named == 'Fieldlab "Metaal" & <Co> 🏭 Bcc: thief@evil.example <fieldlab@lab.example>'
    assert got["Message-ID"] == "<m1@lab.example>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["Date"].datetime.tzinfo is not None
    text, file = got.iter_parts()
    assert text.get_content().splitlines() == ["Één regel", ".", "QUIT"]
    assert (file.get_filename(), file.get_content_type()) == ("week.html", "text/html")
    assert file.get_content() == "<p>é & 🛠</p>"


CERTIFICATES = {
    "another authority": ({}, "its certificate is not trusted"),
    "another host": ({"hosts": ("mail.example",)}, "its certificate is for another name than 127.0.0.1"),
    "expired": ({"begin": now() - 9 * DAY, "end": now() - DAY}, "its certificate has expired"),
}


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize("case", CERTIFICATES)
def test_a_certificate_that_is_not_right_is_told_nothing(tmp_path, tls, case):
    """Neither the password nor the letter."""
    more, said = CERTIFICATES[case]
    there_tls = context(tmp_path, **more)
    if case == "another authority":
        (tmp_path / "ca.pem").write_bytes(make("somebody else", authority=True, key_number=3).pem)
    with post(tls=there_tls, implicit=tls == "tls", login=True) as there:
        with pytest.raises(MailFailed, match=said) as failed:
            send(server(there.port, tmp_path, tls=tls), written(), TO)
        assert failed.value.lasting
        assert there.letters == []


def test_a_wrong_password_is_said_and_never_shown(tmp_path, caplog):
    """Not in the message, not in the log."""
    caplog.set_level(logging.DEBUG)
    with post(tls=context(tmp_path), login=True) as there, pytest.raises(MailFailed) as failed:
        send(server(there.port, tmp_path, secret="not-the-one"), written(), TO)
    assert "refuses user and password (535)" in str(failed.value)
    assert failed.value.lasting
    assert "not-the-one" not in str(failed.value) + caplog.text


def test_no_password_goes_over_a_connection_that_is_not_encrypted(tmp_path):
    """A server that offers no STARTTLS gets neither password nor letter."""
    context(tmp_path)
    with (
        post(login=True) as there,
        pytest.raises(MailFailed, match="offers no STARTTLS, so nothing was sent"),
    ):
        send(server(there.port, tmp_path), written(), TO)
    assert there.letters == []


@pytest.mark.parametrize(
    ("verb", "answer", "said", "lasting"),
    [
        ("RCPT", "550 no such mailbox", "refuses the recipient: 550 no such mailbox", True),
        ("RCPT", "451 greylisted, come again", "refuses the recipient: 451 greylisted", False),
        ("DATA", "554 it is spam", "does not take the mail: 554 it is spam", True),
        ("DATA", "452 the disk is full", "does not take the mail: 452 the disk is full", False),
        ("DATA", "crash", "broke the connection off", False),
    ],
)
def test_what_the_server_refuses_is_said_and_whether_it_may_go_well_later(
    tmp_path, verb, answer, said, lasting
):
    """4xx and a crash may; 5xx not before somebody mended it."""
    with post() as there:
        there.answers[verb] = answer
        with pytest.raises(MailFailed, match=said) as failed:
            send(server(there.port, tmp_path, tls="none", ca=None), written(), TO)
    assert failed.value.lasting == lasting


def test_a_server_that_is_down_or_is_not_there_is_said(tmp_path, monkeypatch):
    """Nobody listens; nobody of that name; somebody who never answers; one who speaks otherwise."""
    with pytest.raises(MailFailed, match="nobody listens there"):
        send(server(free_port(), tmp_path, tls="none", ca=None), written(), TO)
    with pytest.raises(MailFailed, match="there is no computer of that name"):
        send(server(25, tmp_path, tls="none", ca=None, host="mail.invalid"), written(), TO)
    with socket.create_server(("127.0.0.1", 0)) as silent, monkeypatch.context() as hasty:
        hasty.setattr("fieldlab.mail.TIMEOUT_S", 0.3)
        with pytest.raises(MailFailed, match="does not answer within 0 s") as failed:
            send(server(silent.getsockname()[1], tmp_path, tls="none", ca=None), written(), TO)
        assert not failed.value.lasting
    context(tmp_path)
    with post() as there, pytest.raises(MailFailed, match="does not encrypt as tls: tls asks"):
        send(server(there.port, tmp_path, tls="tls"), written(), TO)


def test_after_it_was_taken_nothing_makes_a_letter_unsent(tmp_path):
    """A server that says 250 and is gone before QUIT has it."""
    taken = threading.Event()

    def serve(listener):
        with listener.accept()[0] as client, client.makefile("rwb", buffering=0) as lines:
            lines.write(b"220 here\r\n")
            for line in lines:
                if line.upper().startswith(b"DATA"):
                    lines.write(b"354 go on\r\n")
                    while lines.readline() != b".\r\n":
                        pass
                    taken.set()
                    lines.write(b"250 taken\r\n")
                    return
                lines.write(b"250 OK\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        send(server(listener.getsockname()[1], tmp_path, tls="none", ca=None), written(), TO)
        thread.join(10)
    assert taken.is_set()


def test_a_file_of_certificates_or_a_password_that_cannot_be_read_is_said(tmp_path):
    """By its key in the config."""
    with post(tls=context(tmp_path), login=True) as there:
        told = server(there.port, tmp_path)
        (tmp_path / "ca.pem").write_text("nothing")
        with pytest.raises(MailFailed, match=r"reports\.server\.ca: .*no readable file of certificates"):
            send(told, written(), TO)
        context(tmp_path)
        (tmp_path / "mail.password").unlink()
        with pytest.raises(MailFailed, match=r"reports\.server\.password: .*can not be read"):
            send(told, written(), TO)

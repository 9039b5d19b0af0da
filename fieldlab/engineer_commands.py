"""The grammar of the engineer's commands; the rest of it is in `fieldlab.commands`."""

from __future__ import annotations

import argparse

from fieldlab import options


def days(text: str) -> int:
    """A number of days, of an option."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 36_500:  # noqa: PLR2004 - a century
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to 36500")
    return int(text)


def gateway(command: argparse.ArgumentParser) -> None:
    """`fieldlab gateway`."""
    options.config(command)
    command.add_argument(
        "--gateway", metavar="NAME", help="which of the config's gateways; default: the only one"
    )
    command.add_argument(
        "--log-format", choices=("text", "json"), help="of the log, on standard error (text)"
    )
    command.set_defaults(room="fieldlab.gateway")


def seconds(text: str) -> float:
    """A time in seconds, of an option."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86_400:  # noqa: PLR2004 - a day
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0, at most a day")
    return value


def doctor(command: argparse.ArgumentParser) -> None:
    """`fieldlab doctor`."""
    options.config(command)
    command.add_argument("--gateway", metavar="NAME", help="which of the config's gateways; default: all")
    command.add_argument(
        "--listen", type=seconds, metavar="SECONDS", help="how long to listen for messages of a broker (3)"
    )
    command.add_argument("--json", action="store_true", help="print the findings as one JSON list")
    command.set_defaults(room="fieldlab.doctor")


def count(text: str) -> int:
    """A number of things, of an option."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 100_000:  # noqa: PLR2004 - see below
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100000")
    return int(text)


def browse(command: argparse.ArgumentParser) -> None:
    """`fieldlab browse`."""
    command.add_argument(
        "target",
        metavar="URL",
        help="opc.tcp://HOST:PORT, mqtt://HOST[:PORT][/TOPIC], mqtts://...; or a CONFIG, with --source",
    )
    command.add_argument("--source", metavar="NAME", help="a source of the config, connected as it says")
    command.add_argument("--gateway", metavar="NAME", help="whose certificate to show; default: who reads it")
    command.add_argument("--user", metavar="NAME", help="whom to log in as")
    command.add_argument("--password-env", metavar="NAME", help="the variable that holds the password")
    command.add_argument("--password-file", metavar="FILE", help="the file that holds the password")
    command.add_argument(
        "--security",
        choices=("none", "sign", "sign_and_encrypt"),
        help="of OPC UA; default: none without a password, else sign_and_encrypt",
    )
    command.add_argument("--pki", metavar="DIR", help="the folder of certificates, of OPC UA (pki)")
    command.add_argument(
        "--certificate", metavar="NAME", help="which of pki/own to show to an OPC UA server (browse)"
    )
    command.add_argument(
        "--server-name",
        metavar="HOST",
        help="whose certificate an OPC UA server may show (that of the address)",
    )
    command.add_argument("--ca", metavar="FILE", help="the certificate that a broker's is signed by")
    command.add_argument("--node", metavar="ID", help="where to begin, of OPC UA (the Objects folder)")
    command.add_argument("--filter", metavar="TEXT", help="show only what has it in its path")
    command.add_argument("--limit", type=count, metavar="N", help="values at most (2000)")
    command.add_argument("--depth", type=count, metavar="N", help="levels at most (10)")
    command.add_argument(
        "--seconds", type=seconds, metavar="SECONDS", help="how long to look (60), or listen to a broker (10)"
    )
    form = command.add_mutually_exclusive_group()
    form.add_argument("--yaml", action="store_true", help="print YAML to paste into a config")
    form.add_argument("--json", action="store_true", help="print JSON, which fieldlab init --from takes")
    command.set_defaults(room="fieldlab.browse")


def init(command: argparse.ArgumentParser) -> None:
    """`fieldlab init`."""
    command.add_argument(
        "config",
        metavar="CONFIG",
        nargs="?",
        default="fieldlab.yaml",
        help="the file to write (fieldlab.yaml)",
    )
    command.add_argument(
        "--examples", action="store_true", help="list the example fieldlabs, one per trade, and stop"
    )
    command.add_argument(
        "--example",
        metavar="NAME",
        help="write a copy of that example, to change it into your own; of the options below "
        "only --fieldlab, --name, --timezone, --language and --force go with it",
    )
    command.add_argument("--fieldlab", metavar="ID", help="the fieldlab's id; default: the file's name")
    command.add_argument("--name", help="the fieldlab's name")
    command.add_argument("--timezone", metavar="ZONE", help="default: Europe/Amsterdam")
    command.add_argument("--language", choices=("nl", "en"), help="of page and reports (nl)")
    command.add_argument("--line", metavar="ID", help="the line's id (line1)")
    command.add_argument("--machine", metavar="ID", help="the machine's id (machine1)")
    command.add_argument("--cycle-time", type=seconds, metavar="SECONDS", help="ideal, per part (60)")
    command.add_argument("--states", metavar="TABLE", default="packml", help="what state codes mean (packml)")
    command.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="URL",
        help="its address; may be repeated",
    )
    command.add_argument(
        "--security", choices=("none", "sign", "sign_and_encrypt"), help="of OPC UA (sign_and_encrypt)"
    )
    command.add_argument(
        "--from",
        dest="seen",
        action="append",
        default=[],
        metavar="FILE",
        help="what fieldlab browse --json printed: its source and signals; may be repeated",
    )
    command.add_argument("--store", metavar="PLACE", help="a file (ID.db), or the address of an InfluxDB")
    command.add_argument("--org", help="of an InfluxDB 2")
    command.add_argument("--yes", action="store_true", help="ask nothing: take what is usual")
    command.add_argument("--force", action="store_true", help="replace a file that is there")
    command.set_defaults(room="fieldlab.init")


def pki(command: argparse.ArgumentParser) -> None:
    """`fieldlab pki`."""
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    init = actions.add_parser("init", help="make an authority of the fieldlab's own; twice changes nothing")
    _folder(init)
    init.add_argument("--fieldlab", metavar="ID", required=True, help="the fieldlab's id in its config")
    init.add_argument("--days", type=days, help="how long the authority lasts (3650)")
    init.set_defaults(room="fieldlab.pki:run_init")
    issue = actions.add_parser("issue", help="a certificate and its key, signed by the authority")
    _folder(issue)
    issue.add_argument("name", metavar="NAME", help="of its files: own/NAME.pem and own/NAME.key")
    issue.add_argument(
        "--for",
        dest="use",
        choices=("gateway", "opcua", "broker"),
        default="gateway",
        help="a gateway, an OPC UA server, or a server that speaks TLS such as a broker (gateway)",
    )
    issue.add_argument(
        "--uri",
        help="application URI, of OPC UA; default: urn:fieldlab:FIELDLAB:NAME, as a gateway calls itself",
    )
    issue.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="HOST",
        help="name or address under which clients reach it; may be repeated",
    )
    issue.add_argument("--days", type=days, help="how long it lasts (825)")
    issue.set_defaults(room="fieldlab.pki:run_issue")
    _pki_upkeep(actions)


def _pki_upkeep(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    renew = actions.add_parser("renew", help="a new end for what ends soon; keys stay")
    _folder(renew)
    renew.add_argument(
        "name", metavar="NAME", nargs="*", help="what to renew, ca for the authority; default: what ends soon"
    )
    renew.add_argument("--within", type=days, metavar="DAYS", help="how soon is soon (30)")
    renew.add_argument("--days", type=days, help="how long it lasts from now (825; ca: 3650)")
    renew.set_defaults(room="fieldlab.pki:run_renew")
    revoke = actions.add_parser("revoke", help="take back what was issued: into crl/, and its files stay")
    _folder(revoke)
    revoke.add_argument("name", metavar="NAME", nargs="+", help="of its files in own/")
    revoke.set_defaults(room="fieldlab.pki:run_revoke")
    trust = actions.add_parser("trust", help="accept the certificate of a server")
    _folder(trust)
    trust.add_argument(
        "certificate",
        metavar="CERTIFICATE",
        help="a file (PEM or DER), or name or fingerprint of one in rejected/",
    )
    trust.add_argument("--remove", action="store_true", help="accept it no longer: it goes to rejected/")
    trust.set_defaults(room="fieldlab.pki:run_trust")
    listing = actions.add_parser(
        "list", help="every certificate; 1 where one of the fieldlab's own ends soon"
    )
    _folder(listing)
    listing.add_argument(
        "--format", choices=("table", "json"), default="table", help="of what is printed (table)"
    )
    listing.set_defaults(room="fieldlab.pki:run_list")


def _folder(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", metavar="DIR", help="the folder of certificates, such as pki")

"""The grammar of the command line; what a command needs is imported only when it runs."""

from __future__ import annotations

import argparse
from importlib.metadata import version

from fieldlab import engineer_commands as engineer

Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"


def parser() -> argparse.ArgumentParser:
    """The whole command line: each command says which room runs it."""
    top = argparse.ArgumentParser(
        prog="fieldlab",
        description="Machine data to OEE and energy per unit, every sample accounted for.",
    )
    top.add_argument("--version", action="version", version=f"fieldlab {version('fieldlab')}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _demo(
        commands.add_parser(
            "demo", help="a simulated line, gateway, store, analytics and page: no server needed"
        )
    )
    _simulate(commands.add_parser("simulate", help="serve the config's machines over their real protocols"))
    engineer.gateway(
        commands.add_parser("gateway", help="read machines and deliver to the store, until stopped")
    )
    _analytics(commands.add_parser("analytics", help="turn raw data into atoms, until stopped"))
    _app(commands.add_parser("app", help="serve the page over the config's store, until stopped"))
    _up(commands.add_parser("up", help="every service of a config at once, and the servers they need"))
    _check(commands.add_parser("check", help="check a config without connecting to anything"))
    _ledger(commands.add_parser("ledger", help="the account of a gateway: is every sample somewhere?"))
    _store(commands.add_parser("store", help="the store that the config names"))
    _kpi(commands.add_parser("kpi", help="OEE, energy per unit and every other figure of a range"))
    _losses(commands.add_parser("losses", help="where planned time went: a waterfall that adds up"))
    _stops(commands.add_parser("stops", help="when machines stood still, for how long and why"))
    _opportunities(
        commands.add_parser("opportunities", help="what half of each loss would be worth in a year")
    )
    _baseline(commands.add_parser("baseline", help="energy by what was made, and what was saved against it"))
    _experiment(commands.add_parser("experiment", help="what a trial changed, and how certain that is"))
    _report(commands.add_parser("report", help="a report in one file: of an experiment, a shift or a week"))
    _dashboards(commands.add_parser("dashboards", help="Grafana dashboards as code"))
    _company(commands.add_parser("company", help="companies that visit the fieldlab"))
    engineer.init(commands.add_parser("init", help="a first config: from answers, options, what was seen"))
    engineer.browse(commands.add_parser("browse", help="what a server or a broker has, with YAML to paste"))
    engineer.doctor(
        commands.add_parser("doctor", help="connect to every source and the store: what is well, what to do")
    )
    engineer.pki(commands.add_parser("pki", help="certificates of the fieldlab's own, and whom it trusts"))
    return top


def _config(command: argparse.ArgumentParser) -> None:
    command.add_argument("config", metavar="CONFIG", help="the fieldlab's YAML file")


def _range(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--from", dest="start", metavar="TIME", help="begin of the range (RFC 3339, or a local date)"
    )
    command.add_argument("--to", dest="end", metavar="TIME", help="end of the range, not part of it")


def _input(command: argparse.ArgumentParser, metavar: str, words: str) -> None:
    command.add_argument("--input", action="append", default=[], metavar=metavar, help=words)


def positive(text: str) -> float:
    """A number above 0, of an option."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def pace(text: str) -> float:
    """Simulated seconds per second: from a hundredth to ten thousand."""
    value = positive(text)
    if not 0.01 <= value <= 10_000:  # noqa: PLR2004 - a tick beyond would be days
        raise argparse.ArgumentTypeError(f"{text} is not a speed from 0.01 to 10000")
    return value


def port(text: str) -> int:
    """A port number, 0 for any free one."""
    if not text.isascii() or not text.isdigit() or int(text) > 65535:  # noqa: PLR2004 - the highest port
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _simulation(command: argparse.ArgumentParser, speed: float | None, default: str) -> None:
    command.add_argument("--seconds", type=positive, help="how long to run [s]; default: until Ctrl-C")
    command.add_argument(
        "--speed", type=pace, default=speed, help=f"simulated seconds per second ({default})"
    )
    command.add_argument("--seed", type=int, default=1, help="another seed, another day on the line (1)")
    command.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME",
        help="what goes wrong: link-loss, counter-reset, spurious-zero, nan, bad-quality, duplicate or late; "
        "may be repeated",
    )


def _demo(command: argparse.ArgumentParser) -> None:
    _simulation(command, 60.0, "60")
    command.add_argument("--port", type=port, default=0, help="of the page; default: one that is free")
    command.add_argument(
        "--data", metavar="DIR", help="keep config and data there; default: a folder that is removed"
    )
    command.add_argument("--no-browser", action="store_true", help="do not open the page")
    command.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    command.set_defaults(room="fieldlab.demo")


def _simulate(command: argparse.ArgumentParser) -> None:
    _config(command)
    _input(command, "MACHINE=FILE", "play a recording in place of simulated machines; may be repeated")
    _simulation(command, None, "1; a recording plays as fast as it is taken")
    command.add_argument("--start", metavar="TIME", help="when the simulated clock begins; default: now")
    command.add_argument(
        "--bind",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where OPC UA servers listen (127.0.0.1); 0.0.0.0 in a container",
    )
    command.set_defaults(room="fieldlab.simulate")


def _analytics(command: argparse.ArgumentParser) -> None:
    _config(command)
    command.add_argument("--recompute", action="store_true", help="rewrite the range --from --to, and stop")
    _range(command)
    command.set_defaults(room="fieldlab.analysis")


def _app(command: argparse.ArgumentParser) -> None:
    _config(command)
    command.add_argument("--port", type=port, default=8080, help="of the page (8080); 0: one that is free")
    command.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where it listens (127.0.0.1); any other needs users in the config, under app",
    )
    command.add_argument(
        "--hash", action="store_true", help="ask for a password, print its hash for the config, and stop"
    )
    command.set_defaults(room="fieldlab.app")


def _up(command: argparse.ArgumentParser) -> None:
    _config(command)
    command.add_argument(
        "--simulate", action="store_true", help="serve simulated machines too, at the config's sources"
    )
    command.add_argument("--port", type=port, default=8080, help="of the page (8080); 0 for any free one")
    command.add_argument(
        "--grafana-port", type=port, default=3000, help="of Grafana, where it is installed (3000)"
    )
    command.add_argument(
        "--data", metavar="DIR", help="where servers started here keep their data; default: beside the config"
    )
    command.set_defaults(room="fieldlab.up")


def _check(command: argparse.ArgumentParser) -> None:
    _config(command)
    command.set_defaults(room="fieldlab.check")


def _ledger(command: argparse.ArgumentParser) -> None:
    _config(command)
    command.add_argument("--gateway", metavar="NAME", help="which of the config's gateways; default: all")
    command.add_argument(
        "--format", choices=("table", "json"), default="table", help="of what is printed (table)"
    )
    command.add_argument("--dead", action="store_true", help="show the dead letters too, newest first")
    command.add_argument(
        "--resend",
        action="store_true",
        help="put dead letters that can be samples back into the spool; the gateway must be stopped",
    )
    command.add_argument("--reason", metavar="TEXT", help="send only those again that died of this reason")
    command.set_defaults(room="fieldlab.ledger")


def _store(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    setup = actions.add_parser(
        "setup", help="make what is missing (databases, retention, tokens); twice changes nothing"
    )
    _config(setup)
    setup.add_argument(
        "--tokens",
        metavar="DIR",
        help="write new tokens to files of mode 600 in this folder; default: show them, once",
    )
    setup.set_defaults(room="fieldlab.store_setup")
    check = actions.add_parser("check", help="look at the whole store; 1 where anything is wrong with it")
    _config(check)
    check.set_defaults(room="fieldlab.store_check")
    migrate = actions.add_parser(
        "migrate", help="bring a store of an older Fieldlab up to date, backup first"
    )
    _config(migrate)
    migrate.set_defaults(room="fieldlab.store_migrate")
    _store_moves(actions)


def _store_moves(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    export = actions.add_parser("export", help="copy the store, or a range of it, to Parquet files")
    _config(export)
    export.add_argument(
        "--to-folder", dest="folder", metavar="DIR", required=True, help="a folder of its own for the files"
    )
    _range(export)
    export.add_argument("--bucket", choices=("raw", "kpi", "all"), default="all", help="what to copy (all)")
    export.set_defaults(room="fieldlab.store_export")
    import_ = actions.add_parser("import", help="copy an export into the store, and read it back to prove it")
    _config(import_)
    import_.add_argument("folder", metavar="DIR", help="the folder of the export")
    import_.set_defaults(room="fieldlab.store_import")
    backup = actions.add_parser("backup", help="the whole store in one file, while it is in use")
    _config(backup)
    backup.add_argument("file", metavar="FILE", help="the file to make")
    backup.set_defaults(room="fieldlab.store_backup")
    restore = actions.add_parser("restore", help="put a backup in the store's place")
    _config(restore)
    restore.add_argument("file", metavar="FILE", help="made by store backup")
    restore.add_argument(
        "--force", action="store_true", help="even where the store holds data: they are replaced"
    )
    restore.set_defaults(room="fieldlab.store_restore")


def _question(command: argparse.ArgumentParser) -> None:
    """Of what, over which range, and in which form."""
    _config(command)
    _input(command, "[MACHINE=]FILE", "a recording (CSV, Parquet, SHDR) in place of the store")
    _range(command)
    command.add_argument(
        "--format", choices=("table", "json", "csv"), default="table", help="of what is printed (table)"
    )


def _by(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--by",
        default="",
        metavar="KEYS",
        help="any of machine, line, shift, shift_date, day, hour, cell, product, order, experiment, arm",
    )


def _kpi(command: argparse.ArgumentParser) -> None:
    _question(command)
    _by(command)
    command.set_defaults(room="fieldlab.kpi")


def _losses(command: argparse.ArgumentParser) -> None:
    _question(command)
    _by(command)
    command.set_defaults(room="fieldlab.losses")


def _stops(command: argparse.ArgumentParser) -> None:
    _question(command)
    command.add_argument(
        "--pareto",
        choices=("reason", "state", "machine"),
        help="sum them up by what they have in common, the most costly first",
    )
    command.add_argument(
        "--reliability", action="store_true", help="MTBF and MTTR of each machine instead of its stops"
    )
    command.set_defaults(room="fieldlab.stops")


def _opportunities(command: argparse.ArgumentParser) -> None:
    _question(command)
    command.set_defaults(room="fieldlab.opportunities")


def _baseline(command: argparse.ArgumentParser) -> None:
    _question(command)
    command.add_argument(
        "--until",
        metavar="TIME",
        help="learn from before it, and report what came after; default: learn from all",
    )
    command.add_argument(
        "--per", choices=("shift", "day"), default="shift", help="how time is cut into blocks (shift)"
    )
    command.set_defaults(room="fieldlab.baseline")


def _experiment(command: argparse.ArgumentParser) -> None:
    _config(command)
    command.add_argument("experiment", metavar="NAME", help="the experiment's id in the config")
    _input(command, "[MACHINE=]FILE", "a recording (CSV, Parquet, SHDR) in place of the store")
    command.add_argument(
        "--format",
        choices=("table", "json", "html"),
        default="table",
        help="of what is printed (table); html: a report to print or hand on, whole in itself",
    )
    command.set_defaults(room="fieldlab.experiment")


def _report(command: argparse.ArgumentParser) -> None:
    _config(command)
    of = command.add_mutually_exclusive_group(required=True)
    of.add_argument("--experiment", metavar="NAME", help="the experiment's id in the config")
    of.add_argument("--shift", metavar="DATE/NAME", help="a shift by the local date it begins on")
    of.add_argument("--week", metavar="WEEK", help="a week as 2026-W47, or last: the last whole one")
    command.add_argument("--format", choices=("html",), default="html", help="of what is made (html)")
    command.add_argument("--language", choices=("nl", "en"), help="default: the config's")
    command.add_argument(
        "--out", metavar="DIR", help="write it to a file in this folder; default: to standard output"
    )
    command.set_defaults(room="fieldlab.report")


def _dashboards(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    build = actions.add_parser("build", help="write dashboards and provisioning files")
    _config(build)
    build.add_argument("--out", metavar="DIR", required=True, help="the folder to write to")
    build.add_argument("--language", choices=("nl", "en"), help="of the dashboards; default: the config's")
    build.set_defaults(room="fieldlab.grafana")
    push = actions.add_parser(
        "push",
        help="make a running Grafana what it should be; twice changes nothing, 1 where a hand was at it",
    )
    _config(push)
    push.add_argument("--grafana", metavar="URL", required=True, help="where Grafana is")
    push.add_argument(
        "--tokens",
        metavar="DIR",
        required=True,
        help="the folder of `store setup --tokens`; tokens of Grafana's service accounts are kept there too",
    )
    push.add_argument(
        "--invite",
        metavar="WHO=E-MAIL",
        action="append",
        default=[],
        help="invite a viewer to a company's organisation, or the fieldlab's; may be repeated",
    )
    push.add_argument("--language", choices=("nl", "en"), help="of the dashboards; default: the config's")
    push.add_argument("--force", action="store_true", help="overwrite dashboards that were edited by hand")
    push.set_defaults(room="fieldlab.grafana_push")


def _company(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    remove = actions.add_parser(
        "remove", help="delete a company's bucket, tokens, reasons and results; say what backups still hold"
    )
    _config(remove)
    remove.add_argument("company", metavar="ID", help="the company's id in the config")
    remove.set_defaults(room="fieldlab.company")

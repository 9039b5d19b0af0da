"""The grammar of the command line; what a command needs is imported only when it runs."""

from __future__ import annotations

import argparse
from importlib.metadata import version

from fieldlab import engineer_commands as engineer
from fieldlab import options
from fieldlab import question_commands as questions

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
    questions.kpi(commands.add_parser("kpi", help="OEE, energy per unit and every other figure of a range"))
    questions.losses(commands.add_parser("losses", help="where planned time went: a waterfall that adds up"))
    questions.stops(commands.add_parser("stops", help="when machines stood still, for how long and why"))
    questions.opportunities(
        commands.add_parser("opportunities", help="what half of each loss would be worth in a year")
    )
    questions.baseline(
        commands.add_parser("baseline", help="energy by what was made, and what was saved against it")
    )
    questions.experiment(
        commands.add_parser("experiment", help="what a trial changed, and how certain that is")
    )
    questions.report(
        commands.add_parser("report", help="a report in one file: of an experiment, a shift or a week")
    )
    _dashboards(commands.add_parser("dashboards", help="Grafana dashboards as code"))
    _company(commands.add_parser("company", help="companies that visit the fieldlab"))
    engineer.init(commands.add_parser("init", help="a first config: from answers, options, what was seen"))
    engineer.browse(commands.add_parser("browse", help="what a server or a broker has, with YAML to paste"))
    engineer.doctor(
        commands.add_parser("doctor", help="connect to every source and the store: what is well, what to do")
    )
    engineer.pki(commands.add_parser("pki", help="certificates of the fieldlab's own, and whom it trusts"))
    return top


def _simulation(command: argparse.ArgumentParser, speed: float | None, default: str) -> None:
    command.add_argument(
        "--seconds", type=options.positive, help="how long to run [s]; default: until Ctrl-C"
    )
    command.add_argument(
        "--speed", type=options.pace, default=speed, help=f"simulated seconds per second ({default})"
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
    command.add_argument(
        "what",
        metavar="EXAMPLE",
        nargs="?",
        help="an example by its name (fieldlab init --examples lists them), or a config of your own, whose "
        "machines are simulated; default: a line of four machines",
    )
    _simulation(command, 60.0, "60")
    command.add_argument(
        "--port", type=options.port, default=0, help="of the page; default: one that is free"
    )
    command.add_argument(
        "--data", metavar="DIR", help="keep config and data there; default: a folder that is removed"
    )
    command.add_argument("--no-browser", action="store_true", help="do not open the page")
    command.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    command.set_defaults(room="fieldlab.demo")


def _simulate(command: argparse.ArgumentParser) -> None:
    options.config(command)
    options.recordings(
        command, "MACHINE=FILE", "play a recording in place of simulated machines; may be repeated"
    )
    _simulation(command, None, "1; a recording plays as fast as it is taken")
    command.add_argument("--start", metavar="TIME", help="when the simulated clock begins; default: now")
    command.add_argument(
        "--bind",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where OPC UA servers listen (127.0.0.1); 0.0.0.0 in a container",
    )
    command.add_argument(
        "--logins",
        metavar="DIR",
        help="MQTT: each machine logs in as itself, its password in DIR/ID.password; default: as the gateway",
    )
    command.add_argument(
        "--record",
        metavar="FILE",
        help="serve nothing: play --start to --until into a CSV at once, and say the truth about it",
    )
    command.add_argument("--until", metavar="TIME", help="with --record: when the simulated clock ends")
    command.add_argument(
        "--saving",
        type=options.share,
        default=0.0,
        metavar="SHARE",
        help="with --record: the share of their energy that machines save in trials of experiments (0)",
    )
    command.set_defaults(room="fieldlab.simulate")


def _analytics(command: argparse.ArgumentParser) -> None:
    options.config(command)
    command.add_argument("--recompute", action="store_true", help="rewrite the range --from --to, and stop")
    options.time_range(command)
    command.set_defaults(room="fieldlab.analysis")


def _app(command: argparse.ArgumentParser) -> None:
    options.config(command)
    command.add_argument(
        "--port", type=options.port, default=8080, help="of the page (8080); 0: one that is free"
    )
    command.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where it listens (127.0.0.1); any other needs users in the config, under app",
    )
    command.add_argument(
        "--hash", action="store_true", help="ask for a password, print its hash for the config, and stop"
    )
    command.add_argument(
        "--kiosk",
        metavar="NAME",
        help="make a new link to the wall of the config's kiosk, print it, and stop; the one before it ends",
    )
    command.add_argument(
        "--days", type=options.days, default=90, help="how long a kiosk's link is good for (90; 366 at most)"
    )
    command.add_argument(
        "--revoke", action="store_true", help="with --kiosk: end the link, make no new one, and stop"
    )
    command.set_defaults(room="fieldlab.app")


def _up(command: argparse.ArgumentParser) -> None:
    options.config(command)
    command.add_argument(
        "--simulate", action="store_true", help="serve simulated machines too, at the config's sources"
    )
    command.add_argument(
        "--port", type=options.port, default=8080, help="of the page (8080); 0 for any free one"
    )
    command.add_argument(
        "--grafana-port", type=options.port, default=3000, help="of Grafana, where it is installed (3000)"
    )
    command.add_argument(
        "--data", metavar="DIR", help="where servers started here keep their data; default: beside the config"
    )
    command.set_defaults(room="fieldlab.up")


def _check(command: argparse.ArgumentParser) -> None:
    options.config(command)
    command.set_defaults(room="fieldlab.check")


def _ledger(command: argparse.ArgumentParser) -> None:
    options.config(command)
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
    options.config(setup)
    setup.add_argument(
        "--tokens",
        metavar="DIR",
        help="write new tokens to files of mode 600 in this folder; default: show them, once",
    )
    setup.set_defaults(room="fieldlab.store_setup")
    check = actions.add_parser("check", help="look at the whole store; 1 where anything is wrong with it")
    options.config(check)
    check.set_defaults(room="fieldlab.store_check")
    migrate = actions.add_parser(
        "migrate", help="bring a store of an older Fieldlab up to date, backup first"
    )
    options.config(migrate)
    migrate.set_defaults(room="fieldlab.store_migrate")
    _store_moves(actions)


def _store_moves(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    export = actions.add_parser("export", help="copy the store, or a range of it, to Parquet files")
    options.config(export)
    export.add_argument(
        "--to-folder", dest="folder", metavar="DIR", required=True, help="a folder of its own for the files"
    )
    options.time_range(export)
    export.add_argument("--bucket", choices=("raw", "kpi", "all"), default="all", help="what to copy (all)")
    export.set_defaults(room="fieldlab.store_export")
    import_ = actions.add_parser("import", help="copy an export into the store, and read it back to prove it")
    options.config(import_)
    import_.add_argument("folder", metavar="DIR", help="the folder of the export")
    import_.set_defaults(room="fieldlab.store_import")
    backup = actions.add_parser("backup", help="the whole store in one file, while it is in use")
    options.config(backup)
    backup.add_argument("file", metavar="FILE", help="the file to make")
    backup.set_defaults(room="fieldlab.store_backup")
    restore = actions.add_parser("restore", help="put a backup in the store's place")
    options.config(restore)
    restore.add_argument("file", metavar="FILE", help="made by store backup")
    restore.add_argument(
        "--force", action="store_true", help="even where the store holds data: they are replaced"
    )
    restore.set_defaults(room="fieldlab.store_restore")


def _dashboards(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    build = actions.add_parser("build", help="write dashboards and provisioning files")
    options.config(build)
    build.add_argument("--out", metavar="DIR", required=True, help="the folder to write to")
    build.add_argument("--language", choices=("nl", "en"), help="of the dashboards; default: the config's")
    build.add_argument(
        "--tokens",
        metavar="DIR",
        help="the folder of `store setup --tokens`, where InfluxDB 1.x has accounts: Grafana's is in it",
    )
    build.set_defaults(room="fieldlab.grafana")
    push = actions.add_parser(
        "push",
        help="make a running Grafana what it should be; twice changes nothing, 1 where a hand was at it",
    )
    options.config(push)
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
    options.config(remove)
    remove.add_argument("company", metavar="ID", help="the company's id in the config")
    remove.set_defaults(room="fieldlab.company")

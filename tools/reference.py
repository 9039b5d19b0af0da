"""Write the pages of docs/reference that follow from the code: `python -m tools.reference [--check]`."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from analytics.fields import ATOM_FIELDS
from analytics.kpis import KPIS
from fieldlab.commands import parser
from fieldlab_configs import kinds, time_kinds
from fieldlab_configs.app import AppConfig, AppKiosk, AppUser
from fieldlab_configs.base import Model
from fieldlab_configs.broker_sources import MqttSource, SparkplugSource, Topics
from fieldlab_configs.calendar import Break, PlannedDowntime, Shift
from fieldlab_configs.connections import DriverSource, Gateway, Metrics, Spool, StoreConfig
from fieldlab_configs.dated import Dated
from fieldlab_configs.experiments import Company, Experiment, Window
from fieldlab_configs.opcua_source import OpcUaSource
from fieldlab_configs.plant import (
    ROLES,
    EnergyFactors,
    FromCount,
    FromPower,
    Line,
    Machine,
    Product,
    Signal,
    StateMap,
)
from fieldlab_configs.reading import Filled, Internal, Key, hints, split
from fieldlab_configs.reports import MailServer, ReportsConfig, WeeklyReport
from fieldlab_configs.secret import Secret
from fieldlab_configs.site import Site
from fieldlab_configs.states import ALIASES, STATE_CLASSES, TABLES
from fieldlab_configs.units import UNITS
from tools import config_words, figure_words, metrics_page

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
MODELS: tuple[type[Model], ...] = (
    Site, EnergyFactors, Shift, Break, Line, Machine, Product, StateMap, FromCount, FromPower,
    PlannedDowntime, Signal, Company, Experiment, Window, OpcUaSource, MqttSource, Topics,
    SparkplugSource, DriverSource, Gateway, Metrics, Spool, AppConfig, AppUser, AppKiosk,
    ReportsConfig, WeeklyReport, MailServer, StoreConfig, Secret,
)  # fmt: skip
EXIT_STATUS = """## Exit status

0: done. 1: it ran and found what the command exists to find. 2: wrong use or a wrong config, with one clear
message on standard error.

`FIELDLAB_LOG=INFO` (or `DEBUG`) in the environment makes any command say what it does, on standard error;
`FIELDLAB_LOG_FORMAT=json` makes each line of that a JSON object.
"""
GENERATED = "<!-- Written by tools/reference.py from the code; do not edit. -->\n"


# -- configuration.md


def configuration() -> str:
    """Every key of a config: what it takes, its default, what it means."""
    parts = [
        "# The configuration, key by key\n",
        GENERATED,
        config_words.INTRODUCTION,
    ]
    for model in MODELS:
        title, introduction = config_words.SECTIONS[model.__name__]
        rows = [
            f"| `{key}` | {_takes(hint)} | {_default(model, name, hint)} | {_meaning(model, key)} |"
            for key, name, hint in _keys(model)
        ]
        head = "| key | value | default | meaning |\n|---|---|---|---|"
        parts.append(f"## {title}\n\n{introduction}\n\n{head}\n" + "\n".join(rows) + "\n")
        if model is Signal:
            parts.append(_roles())
    parts.append(_tables())
    return "\n".join(parts)


def _keys(model: type[Model]) -> list[tuple[str, str, Any]]:
    found = []
    for name, hint in hints(model).items():
        notes = split(hint)[1]
        if not any(n is Internal or isinstance(n, Internal) for n in notes):
            key = next((n.name for n in notes if isinstance(n, Key)), name)
            found.append((key, name, hint))
    return found


def _meaning(model: type[Model], key: str) -> str:
    return config_words.KEYS[f"{model.__name__}.{key}"]


def _takes(hint: Any) -> str:
    base, notes = split(hint)
    origin, args = get_origin(base), get_args(base)
    if origin is Dated:
        return f"{_takes(args[0])}; dated"
    if origin is tuple:
        return f"list of {_takes(args[0])}"
    if origin is dict:
        return f"mapping of {_takes(args[0])} to {_takes(args[1])}"
    if origin is Literal:
        return " or ".join(f"`{word}`" for word in args)
    if origin is not None:  # a union of sources
        return " or ".join(_takes(member) for member in args)
    if isinstance(base, type) and issubclass(base, Model):
        return f"[{base.__name__}](#{_anchor(config_words.SECTIONS[base.__name__][0])})"
    return _scalar(base, next((n for n in notes if hasattr(n, "read")), None))


def _anchor(title: str) -> str:
    return "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c in "-_")


_SIMPLE: dict[Any, str] = {
    kinds.Id: "id", kinds.Text: "text", kinds.Code: "code", kinds.File: "path",
    kinds.Size: "size such as `4GB`", time_kinds.Moment: "time", time_kinds.Date: "date",
    time_kinds.Clock: "time of day", time_kinds.Timezone: "timezone", time_kinds.Day: "`mon` to `sun`",
    str: "text", float: "number", int: "whole number", bool: "`true` or `false`", Path: "path",
    dt.date: "date", dt.time: "time of day",
}  # fmt: skip


def _scalar(base: Any, kind: Any) -> str:
    if isinstance(kind, kinds.Number):
        what = f" [{kind.what}]" if kind.what else ""
        if kind.choices:
            return f"whole number{what} that divides {kind.choices[-1]}"
        bounds = [("above", kind.above), ("at least", kind.least), ("at most", kind.most)]
        limits = " and".join(f" {word} {limit:,.10g}" for word, limit in bounds if limit is not None)
        return f"{'whole number' if kind.whole else 'number'}{what}{limits}{' not 0' if kind.nonzero else ''}"
    if isinstance(kind, kinds.OneOf):
        return kind.what or " or ".join(f"`{word}`" for word in kind.words)
    if isinstance(kind, kinds.Url):
        return f"address such as `{kind.example}`"
    return _SIMPLE[type(kind) if kind is not None else base]


def _default(model: type[Model], name: str, hint: Any) -> str:
    info = model.model_fields[name]
    if any(n is Filled or isinstance(n, Filled) for n in split(hint)[1]):
        return "see there"
    if info.is_required():
        return "**required**"
    value = info.get_default(call_default_factory=True)
    if value is None or value in ((), {}, "") or isinstance(value, Model):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dt.time):
        return f"`{value:%H:%M}`"
    if any(isinstance(n, time_kinds.Day) for n in split(hint)[1]):
        return f"`{time_kinds.DAYS[value]}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _roles() -> str:
    rows = []
    for role in ROLES:
        units = ", ".join(f"`{u}`" for u in UNITS[role]) if role in UNITS else ""
        rows.append(f"| `{role}` | {units} |")
    return (
        "### Roles\n\nThe first unit is the default and the one that figures are in.\n\n"
        "| role | units |\n|---|---|\n" + "\n".join(rows) + "\n"
    )


def _tables() -> str:
    classes = ", ".join(f"`{name}`" for name in STATE_CLASSES)
    parts = [
        "## State classes and named tables\n",
        f"Classes: {classes}.\n",
        "Other names for a table: "
        + ", ".join(f"`{a}` is `{t}`" for a, t in sorted(ALIASES.items()))
        + ".\n",
    ]
    for name, table in TABLES.items():
        by_class: dict[str, list[str]] = {}
        for code, to in table.items():
            by_class.setdefault(to, []).append(f"`{code}`")
        rows = [f"| `{to}` | {', '.join(codes)} |" for to, codes in by_class.items()]
        parts.append(f"### `{name}`\n\n| class | codes |\n|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


# -- figures.md


def figures() -> str:
    """Every field of an atom and every KPI."""
    atoms = [f"| `{name}` | {figure_words.ATOMS[name]} |" for name in ATOM_FIELDS]
    kpis = [f"| `{name}` | {figure_words.KPIS[name][0]} | {figure_words.KPIS[name][1]} |" for name in KPIS]
    return (
        f"# Figures: atoms and KPIs\n\n{GENERATED}\n{figure_words.INTRODUCTION}\n"
        "## Fields of an atom\n\n"
        f"{figure_words.ABOUT_ATOMS}\n| field | meaning |\n|---|---|\n" + "\n".join(atoms) + "\n\n"
        "## KPIs\n\n"
        f"{figure_words.ABOUT_KPIS}\n| KPI | formula | remark |\n|---|---|---|\n" + "\n".join(kpis) + "\n"
    )


# -- commands.md


def commands() -> str:
    """Every command and its options."""
    return "\n".join(["# The command line\n", GENERATED, *_described(parser(), "fieldlab", ""), EXIT_STATUS])


def _described(command: argparse.ArgumentParser, name: str, summary: str) -> Iterator[str]:
    """A command's options, or those of the commands below it."""
    actions = [a for a in command._actions if not isinstance(a, argparse._HelpAction)]  # noqa: SLF001 - argparse tells it nowhere else
    below = [a for a in actions if isinstance(a, argparse._SubParsersAction)]  # noqa: SLF001
    for group in below:
        summaries = {c.dest: c.help or "" for c in group._choices_actions}  # noqa: SLF001
        for word, sub in group.choices.items():
            yield from _described(sub, f"{name} {word}", summaries.get(word, ""))
    if not below:
        rows = [f"| {_option(a)} | {_cell(a.help or '')} |" for a in actions]
        table = "| option | meaning |\n|---|---|\n" + "\n".join(rows) + "\n" if rows else ""
        yield f"## {name}\n\n{_sentence(summary)}\n\n{table}"


def _option(action: argparse.Action) -> str:
    names = ", ".join(action.option_strings)
    if action.nargs == 0:
        return f"`{names}`"
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    return _cell(f"`{names} {value}`" if names else f"`{value}`")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("%%", "%")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("." if text and not text.endswith((".", "?")) else "")


def metrics() -> str:
    """Every metric that a gateway tells Prometheus."""
    return metrics_page.page(GENERATED)


PAGES = {
    "configuration.md": configuration, "figures.md": figures, "commands.md": commands, "metrics.md": metrics,
}  # fmt: skip
"""Page to what writes it."""


def main() -> int:
    """Write the pages, or say which are out of date."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, write in PAGES.items():
        path, text = FOLDER / name, write()
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if not check:
                path.write_text(text)
    for name in stale:
        print(
            f"docs/reference/{name} {'is out of date; run python -m tools.reference' if check else 'written'}"
        )
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

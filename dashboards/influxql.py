"""The catalogue's formulas as InfluxQL: sum the atoms, then divide; nothing divided by nothing gives no row.

InfluxQL answers 0 to a division by nothing, and its SUM skips what an atom could not tell. Neither may
reach a screen (MODEL section 4), so every quotient is taken outside of its sums, under a condition: the
denominator is something, and every atom told every field that goes into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from analytics.fields import MEASURED_FIELDS, TIME_FIELDS
from dashboards.formulas import Formula, Sum

_NOTHING: Final = "0.000001"
_ALWAYS_TOLD: Final = frozenset({*TIME_FIELDS, "count_missing_s", "energy_missing_s"})


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows are asked for, and how they are grouped.

    Attributes
    ----------
    where : str
        A condition, with Grafana's variables in it.
    by_time : bool
        Group by ``$__interval``, on the fieldlab's own clock.
    by : tuple of str
        Tags to group by.
    timezone : str
    """

    where: str
    by_time: bool = False
    by: tuple[str, ...] = ()
    timezone: str = "UTC"

    @property
    def grouping(self) -> str:
        """The inner query's GROUP BY; empty for one total."""
        groups = [*(["time($__interval)"] if self.by_time else []), *map(name, self.by)]
        if not groups:
            return ""
        fill = f" fill(none) tz({text(self.timezone)})" if self.by_time else ""
        return f" GROUP BY {', '.join(groups)}{fill}"

    @property
    def outer_grouping(self) -> str:
        """The outer query's: tags survive a subquery only where both ask for them."""
        return f" GROUP BY {', '.join(map(name, self.by))}" if self.by else ""


def text(value: str) -> str:
    r"""A text literal.

    Examples
    --------
    >>> text("O'Hara")
    "'O\\'Hara'"
    """
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def name(value: str) -> str:
    """An identifier.

    Examples
    --------
    >>> name("Good parts")
    '"Good parts"'
    """
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def sums(total: Sum) -> str:
    """Sums of fields, added and taken away.

    Examples
    --------
    >>> sums(Sum(("planned_busy_time_s",), ("unknown_time_s",)))
    'SUM("planned_busy_time_s") - SUM("unknown_time_s")'
    """
    added = " + ".join(f"SUM({name(field)})" for field in total.plus)
    return added + "".join(f" - SUM({name(field)})" for field in total.minus)


def quotient(formula: Formula, scope: Scope) -> str:
    """A KPI; no row where it is undefined."""
    columns = [f'{sums(formula.over)} AS "over"', f'{sums(formula.under)} AS "under"']
    conditions = [f'("under" > {_NOTHING} OR "under" < -{_NOTHING})']
    fields = [*(() if formula.pooled else formula.over.fields), *formula.under.fields]
    _guard(fields, columns, conditions)
    if formula.known is not None:
        columns.append(f'{sums(formula.known)} AS "known"')
        conditions.append(f'"known" > {_NOTHING}')
    times = f"{formula.factor:g} * " if formula.factor != 1 else ""
    return _outside(f'{times}"over" / "under"', columns, conditions, scope)


def total(amount: Sum, scope: Scope) -> str:
    """Sums of fields; no row where an atom could not tell one of them."""
    columns = [f'{sums(amount)} AS "sum"', 'COUNT("calendar_time_s") AS "atoms"']
    conditions = ['"atoms" > 0']
    _guard([f for f in amount.fields if f not in MEASURED_FIELDS], columns, conditions)
    return _outside('"sum"', columns, conditions, scope)


def side_by_side(columns: Mapping[str, str], scope: Scope) -> str:
    """Sums of fields each under a name of its own: times that every atom tells, and what is measured."""
    listed = ", ".join(f"SUM({name(field)}) AS {name(label)}" for field, label in columns.items())
    return select(listed, "atom", scope)


def selected(function: str, columns: Mapping[str, str], measurement: str, scope: Scope) -> str:
    """A function of each field, under a name of its own: ``LAST`` of a gateway's figures."""
    listed = ", ".join(f"{function}({name(field)}) AS {name(label)}" for field, label in columns.items())
    return select(listed, measurement, scope)


def select(what: str, measurement: str, scope: Scope) -> str:
    """A plain SELECT."""
    return f"SELECT {what} FROM {name(measurement)} WHERE {scope.where}{scope.grouping}"  # noqa: S608 - see name() and text()


def _guard(fields: Iterable[str], columns: list[str], conditions: list[str]) -> None:
    """Ask that every atom told every field: else the sum cannot be told either (rule 27)."""
    doubtful = sorted({field for field in fields if field not in _ALWAYS_TOLD})
    if doubtful:
        told = "".join(f" - COUNT({name(field)})" for field in doubtful)
        columns.append(f'{len(doubtful)} * COUNT("calendar_time_s"){told} AS "untold"')
        conditions.append('"untold" = 0')


def _outside(what: str, columns: list[str], conditions: list[str], scope: Scope) -> str:
    source = f'"atom" WHERE {scope.where}{scope.grouping}'
    inner = f"SELECT {', '.join(columns)} FROM {source}"  # noqa: S608 - see name() and text()
    where = " AND ".join(conditions)
    outer = f"{where}{scope.outer_grouping}"
    return f'SELECT {what} AS "value" FROM ({inner}) WHERE {outer}'  # noqa: S608 - made of the above

"""Every word on a screen, in Dutch and English. Keys are English and stable; a test holds both complete."""

from __future__ import annotations

from typing import Final, Literal, get_args
from unicodedata import bidirectional

from dashboards.wording_app import APP
from dashboards.wording_exercises import EXERCISES
from dashboards.wording_figures import KPIS, REASONS, STATES
from dashboards.wording_losses import LOSSES
from dashboards.wording_mail import MAIL
from dashboards.wording_outcome import OUTCOME
from dashboards.wording_page import GRAFANA, PAGE
from dashboards.wording_report import REPORT
from dashboards.wording_screens import ALERTS, LABELS, PANELS, SCREENS
from dashboards.wording_wall import WALL

Language = Literal["nl", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
_TURNS: Final = frozenset({"R", "AL", "RLE", "RLO"})

_ALL: Final[dict[str, tuple[str, str]]] = (
    KPIS
    | STATES
    | REASONS
    | PAGE
    | GRAFANA
    | LOSSES
    | MAIL
    | REPORT
    | OUTCOME
    | SCREENS
    | PANELS
    | LABELS
    | ALERTS
    | APP
    | WALL
    | EXERCISES
)
_WORDS: Final = {
    # A number and its sign stay on one line.
    key: (nl.replace(" %", "\u202f%"), en.replace(" %", "\u202f%"))
    for key, (nl, en) in _ALL.items()
}


class _Value(str):
    """What fills a blank; a blank may name one and many: ``{blocks:block|blocks}``."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if "|" not in spec:
            return super().__format__(spec)
        one, many = spec.split("|")
        return f"{self} {one if self == '1' else many}"


def say(key: str, language: Language, **values: str) -> str:
    """The words under a key, with its blanks filled in.

    Examples
    --------
    >>> say("quality_ratio", "nl")
    'Kwaliteit'
    >>> say("per.cell", "en", minutes="5")
    'per 5 min'
    >>> say("told.more_data", "nl", more="1"), say("told.more_data", "nl", more="2")
    ('Nog nodig: minstens 1 blok.', 'Nog nodig: minstens 2 blokken.')
    """
    text = _WORDS[key][LANGUAGES.index(language)]
    if not values:
        return text
    return text.format(**{name: _Value(_isolated(value)) for name, value in values.items()})


def _isolated(value: str) -> str:
    """A name that runs from right to left may not turn the sentence around it."""
    if value.isascii() or not any(bidirectional(letter) in _TURNS for letter in value):
        return value
    return f"\u2068{value}\u2069"


def one_line(text: str) -> str:
    r"""A text of somebody's in one line, without what cannot be seen: fit for a sentence, a header, a name.

    Examples
    --------
    >>> one_line(" worn\r\n  tool\x00")
    'worn tool'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def has(key: str) -> bool:
    """Whether there are words under a key."""
    return key in _WORDS


def keys() -> tuple[str, ...]:
    """Every key there is."""
    return tuple(_WORDS)


def as_language(text: str | None, default: Language) -> Language:
    """A language by its name, else the default."""
    return text if text in LANGUAGES else default

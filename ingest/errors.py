"""What can go wrong in ingest, named by what to do about it."""

from __future__ import annotations

from fieldlab_configs import ConfigError
from ingest.store import StoreUnavailable


class SpoolUnavailable(ConnectionError):  # noqa: N818 - named by its remedy: wait until it is available
    """The spool cannot take anything now (full, or its disk fails): do not acknowledge, try again."""


class SpoolUncertain(SpoolUnavailable):
    """What was offered is in the spool, but not as safe as an acknowledgement promises."""


class SpoolLocked(SpoolUnavailable):
    """Another process has the spool open: only one gateway may use it."""


class SpoolNewer(SpoolUnavailable):
    """A newer Fieldlab wrote the spool: install that one again, which can read it."""


class RecordingError(ValueError):
    """A recording that cannot be read: which file, what is wrong, what to do."""


class StoreDamaged(StoreUnavailable):
    """What the store holds is not what was written: check it, restore a backup."""


class StoreMisconfigured(ConfigError):  # noqa: N818 - named by its remedy: mend the config
    """The store in the configuration cannot be used as it stands."""

    def __init__(self, problem: str) -> None:
        super().__init__([problem])


class ArchiveError(ValueError):
    """An export or a backup that cannot be used: which, what is wrong, what to do."""


class CannotErase(StoreUnavailable):
    """The store has no way to delete: who asked writes over it, or says so."""

"""What a process that is started here gets of the environment: what it needs, and no secret of another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from fieldlab_configs import Secret
from fieldlab_configs.base import Model

_ALL: Final = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TEMP", "TMP",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "XDG_*", "SYSTEMROOT", "USERPROFILE", "TZDIR", "SSL_CERT_*",
)  # fmt: skip
"""Where things lie, and how people here write: any program may know."""
PROXIES: Final = (
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    "http_proxy", "https_proxy", "all_proxy", "no_proxy",
)  # fmt: skip
"""What asks other servers goes this way."""
OWN: Final = (
    "PYTHON*", "VIRTUAL_ENV", "FIELDLAB_LOG", "FIELDLAB_LOG_FORMAT", "FIELDLAB_ALIVE",
    "CREDENTIALS_DIRECTORY", "REQUESTS_CA_BUNDLE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", *PROXIES,
)  # fmt: skip
"""What commands of the product know besides."""


def handed_on(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """What of an environment goes to a process.

    Parameters
    ----------
    environ : mapping of str to str
    names : iterable of str
        What it may know besides what all may; with a ``*`` at the end, whatever begins so.
    """
    wanted = {*_ALL, *names}
    begins = tuple(name[:-1] for name in wanted if name.endswith("*"))
    return {name: value for name, value in environ.items() if name in wanted or name.startswith(begins)}


def secrets_of(*parts: object) -> Iterator[str]:
    """The variables in which parts of a config have their secrets."""
    for part in parts:
        if isinstance(part, Secret):
            if part.env is not None:
                yield part.env
        elif isinstance(part, Model):
            yield from secrets_of(*(getattr(part, name) for name in type(part).model_fields))
        elif isinstance(part, Mapping):
            yield from secrets_of(*part.values())
        elif isinstance(part, tuple | list):
            yield from secrets_of(*part)

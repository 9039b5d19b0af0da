"""Every secret that a config refers to, so that the log can be kept free of them."""

from __future__ import annotations

from collections.abc import Iterator

from fieldlab import logs
from fieldlab_configs import ConfigError, Secret, Site
from fieldlab_configs.base import Model


def hide_secrets(site: Site) -> None:
    """Keep what the secrets of a config hold now out of the log."""
    logs.hide(list(_held(site)))


def _held(site: Site) -> Iterator[str]:
    for secret in _references(site):
        try:
            yield secret.read()
        except ConfigError:
            continue  # whoever needs it says so


def _references(value: object) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Model):
        for name in type(value).model_fields:
            yield from _references(getattr(value, name))
    elif isinstance(value, dict):
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from _references(each)

"""What of a configuration can change while its gateway runs."""

from __future__ import annotations

from fieldlab_configs import ConfigError, Site


def check_change(before: Site, after: Site, gateway: str) -> None:
    """Refuse a configuration that a running gateway cannot go over to.

    Raises
    ------
    ConfigError
        With the keys that need a restart.
    """
    if after.fieldlab != before.fieldlab:
        raise ConfigError([f"{after.path}: fieldlab: is another one; restart the gateway"])
    if gateway not in after.gateways:
        raise ConfigError([f"{after.path}: gateways: {gateway} is no longer there; stop it, or put it back"])
    old, new = before.gateways[gateway], after.gateways[gateway]
    fixed = [key for key in ("spool", "clock", "metrics") if getattr(old, key) != getattr(new, key)]
    keys = [f"gateways.{gateway}.{key}" for key in fixed]
    if after.store is None:
        keys.append("store")
    if after.also.keys() != before.also.keys():
        keys.append("also")
    if keys:
        raise ConfigError(
            [f"{after.path}: {', '.join(keys)}: cannot change while the gateway runs; restart it"]
        )

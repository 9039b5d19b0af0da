"""What can go wrong between a machine and the spool, named by its remedy."""

from __future__ import annotations


class LinkLost(ConnectionError):  # noqa: N818 - named by its remedy: connect again
    """The connection is gone or cannot be had: nothing to mend here, connect again."""


class SourceRefused(RuntimeError):  # noqa: N818 - named by its remedy: mend the configuration
    """The source cannot work as configured: only a change of the configuration helps, so no retry."""


class Undecodable(ValueError):  # noqa: N818 - named by what it is to the reader
    """A message that says nothing we can use; it goes to the dead letters, raw, with this reason."""


class CertificateUnusable(ValueError):  # noqa: N818 - named by what it is to the reader
    """A certificate, a key or a folder of them that cannot be used: which, why, what to do."""


class ChannelRefused(LinkLost):
    """The other side hung up when it saw our certificate: trust it there; tried again."""


class Untrusted(LinkLost):
    """Who is there cannot be trusted, or we cannot show who we are: mend the certificates; tried again."""

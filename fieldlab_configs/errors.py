"""What can be wrong with a configuration, said so that a person can mend it."""

from __future__ import annotations


class ConfigError(ValueError):
    """A configuration that cannot be used: what is wrong, where, and what to do.

    Attributes
    ----------
    problems : tuple of str
        One ready-made line per problem, ``file:line: key: what is wrong``.
    """

    def __init__(self, problems: list[str] | tuple[str, ...]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

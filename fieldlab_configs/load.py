"""YAML to a checked model, with the file, line and key of every problem."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fieldlab_configs.checks import check
from fieldlab_configs.errors import ConfigError
from fieldlab_configs.kinds import Context
from fieldlab_configs.placing import placed
from fieldlab_configs.reading import Reader
from fieldlab_configs.site import Site
from fieldlab_configs.tree import MAX_BYTES, Node, Problem, dotted, grow

MAX_SAID: Final = 100
"""A file that is something else altogether has a problem in every line; nobody reads further than this."""


def load(path: str | Path) -> Site:
    """Read and check a configuration file.

    Raises
    ------
    ConfigError
        With every problem in it, each with file, line and key; also where there is no file to read.
    """
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError([f"{path}: there is no such file"]) from None
    except IsADirectoryError:
        raise ConfigError([f"{path}: is a folder; name the configuration file in it"]) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError([f"{path}: can not be read: {why}"]) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError([f"{path}: longer than {MAX_BYTES} bytes; no configuration is that long"])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}:{line}: is not UTF-8 text; save the file as UTF-8"]) from None
    return parse(text, path)


def parse(text: str, path: str | Path = "config.yaml") -> Site:
    """Check a configuration given as text; `path` is what messages and relative paths refer to.

    Raises
    ------
    ConfigError
        With every problem in it, each with file, line and key.
    """
    root, problems = grow(text, str(path))
    if root.kind != "map":
        raise ConfigError([f"{path}:{root.line}: must start with `fieldlab:` and an id, got {root.shown()}"])
    file = Path(path).absolute()
    reader = Reader(Context(folder=file.parent), problems)
    site: Site = reader.read(Site, root)
    problems.extend(_between(site, root, problems))
    if problems:
        ordered = sorted(dict.fromkeys(problems), key=lambda problem: problem.line)
        said = [f"{path}:{p.line}: {_at(p)}{p.message}" for p in ordered[:MAX_SAID]]
        if len(ordered) > MAX_SAID:
            said.append(f"{path}: and {len(ordered) - MAX_SAID} more problems")
        raise ConfigError(said)
    return placed(site).model_copy(update={"path": file})


def _at(problem: Problem) -> str:
    """The key that it is about; of the file as a whole there is none."""
    return f"{dotted(problem.path)}: " if problem.path else ""


def _between(site: Site, root: Node, known: list[Problem]) -> list[Problem]:
    """Problems between parts, but for those that only follow from a part already known to be wrong."""
    paths = [problem.path for problem in known]

    def follows(path: tuple[str, ...]) -> bool:
        return any(wrong[: len(path)] == path or path[: len(wrong)] == wrong for wrong in paths)

    found = check(site, root, misread=frozenset(paths))
    return [Problem(node.line, node.path, message) for node, message in found if not follows(node.path)]

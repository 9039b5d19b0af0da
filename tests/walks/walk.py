"""``python -m tests.walks.walk DOCUMENT``: do what a document says, top to bottom.

A block of YAML that is a whole config is written under the name beside its language (``fieldlab.yaml`` where
there is none), a block of another language that has such a name likewise. Commands of shell blocks are run
one by one in a folder. A command that is a service goes on beside the others and is asked to stop at the end.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.repo.documents import ROOT, Block, blocks
from tests.walks import world

WITHIN_S = 200.0
_SERVICES = {
    "gateway": r"READY|\S",
    "analytics": "",
    "app": r"http://",
    "simulate": r"serving|playing",
    "up": r"app: .*http://",
    "demo": r"http://",
}
"""Commands that run until they are stopped, and what they say once they are at work."""
_ENDS = (
    "--recompute", "--record", "--seconds", "--hash", "--help", "--kiosk", "--list", "--revoke", "--once",
)  # fmt: skip


@dataclass
class Walk:
    """A document, on its way.

    Attributes
    ----------
    folder : Path
        Where its commands run and its files are.
    stack : ExitStack
        Closed at the end: servers that a scene starts.
    before : dict of str to callable
        Called before the first command that holds the text.
    instead : dict of str to str
        A placeholder in commands and files, and what stands for it here.
    fails : dict of str to int
        Commands that hold the text are to end with this status.
    until : dict of str to str
        Commands that hold the text are repeated until they say what matches.
    skips : dict of str to str
        Commands that hold the text cannot run here, and why.
    checks : dict of str to callable
        Commands that hold the text are read, not run; the callable raises SystemExit where one means nothing.
    more : dict of str to str
        Added to the environment.
    """

    folder: Path
    stack: ExitStack
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    instead: dict[str, str] = field(default_factory=dict)
    fails: dict[str, int] = field(default_factory=dict)
    until: dict[str, str] = field(default_factory=dict)
    skips: dict[str, str] = field(default_factory=dict)
    checks: dict[str, Callable[[str], None]] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)
    services: list[tuple[str, subprocess.Popen[bytes], Path, bool]] = field(default_factory=list)

    def put(self, name: str, text: str) -> Path:
        """Write a file; where the document says what is in it, the document does."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(self, command: str, *, status: int | None = 0) -> str:
        """Run a command to its end, with that status, or any where it is None."""
        print(f"$ {command}", flush=True)
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.env(), stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WITHIN_S, check=False,
        )  # fmt: skip
        print(done.stdout[-6000:], flush=True)
        if status is not None and done.returncode != status:
            raise SystemExit(f"status {done.returncode}, not {status}: {command}")
        return done.stdout

    def start(self, command: str, ready: str, *, ours: bool = False) -> None:
        """Start a service, and wait until it says that it is at work; `ours`: how it ends is no matter."""
        print(f"$ {command} &", flush=True)
        log = self.folder / f".service{len(self.services)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.env(), stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.services.append((command, process, log, ours))
        deadline = time.monotonic() + WITHIN_S
        while not re.search(ready, log.read_text(errors="replace")):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"not at work (status {process.poll()}): {command}\n{log.read_text()}")
            time.sleep(0.1)

    def env(self) -> dict[str, str]:
        """What the document's reader has: the product on the PATH, servers where Debian puts them."""
        places = [self.folder / ".venv" / "bin", Path(sys.executable).parent, "/usr/sbin", "/usr/local/sbin"]
        path = os.pathsep.join([*map(str, places), os.environ["PATH"]])
        plain = {"PATH": path, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "HOME": str(self.folder)}
        return {**os.environ, **plain, **self.more}

    def block(self, block: Block) -> None:
        """Do what one block says."""
        if block.language in {"sh", "bash", "console"}:
            for command in commands(block.text):
                self.step(command)
        elif block.file or (block.language == "yaml" and block.text.startswith("fieldlab:")):
            self.put(block.file or "fieldlab.yaml", self._here(block.text))

    def step(self, command: str) -> None:
        """Run one command of the document, as it stands there."""
        for text in [t for t in self.before if t in command]:
            self.before.pop(text)()
        if any(text in command for text in self.skips):
            print(f"(not here) $ {command}", flush=True)
            return
        if (
            check := next((check for text, check in self.checks.items() if text in command), None)
        ) is not None:
            print(f"(read, not run) $ {command}", flush=True)
            check(command)
            return
        command = self._here(command)
        ready = _service(command)
        expected = next((status for text, status in self.fails.items() if text in command), 0)
        awaited = next((said for text, said in self.until.items() if text in command), None)
        if ready is not None and not expected:
            self._instead_of_the_former(_bare(command))
            self.start(_bare(command), ready)
        elif awaited is not None:
            self._repeat(command, awaited)
        else:
            self.run(command, status=expected)

    def _repeat(self, command: str, awaited: str) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not re.search(awaited, self.run(command, status=None)):
            if time.monotonic() > deadline:
                raise SystemExit(f"never said {awaited!r}: {command}")
            time.sleep(2)

    def _instead_of_the_former(self, command: str) -> None:
        """A service given again takes the place of the one before: nobody runs two of it."""
        for former in [s for s in self.services if s[0].split()[:3] == command.split()[:3]]:
            self.services.remove(former)
            self._end([former])

    def _here(self, text: str) -> str:
        for placeholder, value in self.instead.items():
            text = text.replace(placeholder, value)
        return text

    def finish(self) -> None:
        """Ctrl-C in each terminal, the last one first; each has to end well."""
        self._end(list(reversed(self.services)))
        self.services.clear()

    def _end(self, services: list[tuple[str, subprocess.Popen[bytes], Path, bool]]) -> None:
        wrong = []
        for command, process, log, ours in services:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
            said = log.read_text(errors="replace")
            # 130 is what Ctrl-C gives that comes before a service is at work.
            if not ours and (process.wait() not in {0, 130} or "Traceback" in said):
                wrong.append(f"status {process.returncode}: {command}\n{said[-4000:]}")
        if wrong:
            raise SystemExit("\n".join(wrong))


def commands(text: str) -> Iterator[str]:
    """The commands of a shell block: lines, but for those that go on and documents in place."""
    lines = iter(text.splitlines())
    for line in lines:
        command = line
        while command.endswith("\\"):
            command = f"{command}\n{next(lines)}"
        if here := re.search(r"<<-?\s*'?(\w+)'?", command):
            for more in lines:
                command += f"\n{more}"
                if more.strip() == here[1]:
                    break
        if command.strip() and not command.lstrip().startswith("#"):
            yield command.removeprefix("$ ")


def _bare(command: str) -> str:
    """A command without its remark."""
    return re.sub(r"\s+#\s.*$", "", command)


def _service(command: str) -> str | None:
    words = shlex.split(_bare(command), comments=False)
    while words and re.fullmatch(r"\w+=.*", words[0], re.DOTALL):
        words.pop(0)
    if len(words) < 2 or Path(words[0]).name != "fieldlab" or set(words) & set(_ENDS):
        return None
    if words[1] == "report":
        return r"Ctrl-C" if "--every-week" in words else None
    return _SERVICES.get(words[1])


def main(document: str) -> None:
    """Walk one document."""
    from tests.walks.scenes import SCENES  # noqa: PLC0415 - a scene knows a Walk

    with tempfile.TemporaryDirectory(prefix="walk") as name, ExitStack() as stack:
        folder = Path(name)
        world.furnish(folder)
        (folder / ".venv").symlink_to(Path(sys.prefix))
        (folder / "fieldlab_configs").symlink_to(ROOT / "fieldlab_configs")
        walk = Walk(folder, stack)
        if scene := SCENES.get(document):
            scene(walk)
        try:
            for block in blocks(ROOT / document):
                walk.block(block)
        finally:
            walk.finish()


if __name__ == "__main__":
    main(sys.argv[1])

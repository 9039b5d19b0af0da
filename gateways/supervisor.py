"""One source of a running gateway: kept running whatever happens to it, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from fieldlab_configs import Site
from gateways.errors import SourceRefused
from gateways.figures import CountingSink, SourceFigures
from gateways.life import Life
from gateways.log_context import SOURCE
from gateways.rollup import Rollup
from gateways.source import Backoff, Context, Source, make, points_of
from gateways.source_life import SourceLife

log = logging.getLogger(__name__)


class Supervised:
    """A source as one configuration has it.

    Parameters
    ----------
    site : Site
    context : Context
        Of the gateway.
    life : Life
        Of the gateway.
    name : str
        The source's.
    figures : SourceFigures
        Where it is counted what it brings.
    """

    def __init__(self, site: Site, context: Context, life: Life, name: str, figures: SourceFigures) -> None:
        self.name = name
        self.figures = figures
        self.life = SourceLife(life)
        self.config = site.sources[name]
        self.points = points_of(site, name)
        self.machines = tuple(dict.fromkeys(point.machine for point in self.points))
        self._site = site
        self._context = replace(context, sink=CountingSink(context.sink, figures), life=self.life)
        self._stop = asyncio.Event()
        self._before: Source | None = None
        self.driver: Source | None = None

    def is_as_in(self, site: Site) -> bool:
        """Whether another configuration says the same of it."""
        return self.config == site.sources.get(self.name) and self.points == points_of(site, self.name)

    def follow(self, before: Supervised) -> None:
        """Take the place of one that was configured otherwise and has stopped."""
        self._before = before.driver

    def stop(self) -> None:
        """Tell it to stop."""
        self._stop.set()

    async def run(self) -> None:
        """Run it until it is told to stop; what could not be foreseen is logged, and it starts anew."""
        SOURCE.set(self.name)
        backoff = Backoff(first_s=1.0, most_s=60.0)
        trouble = Rollup(log)
        while not self._stop.is_set():
            try:
                self.driver = make(self._site, self._context, self.name)
                if self._before is not None:
                    self.driver.follow(self._before)
                    self._before = None
                await self.driver.run(self._stop)
            except SourceRefused as error:
                self.figures.refused = str(error)
                log.error("source %s does not run: %s", self.name, error)  # noqa: TRY400 - the user's to mend
                await self._stop.wait()
            except Exception as error:
                # The supervision boundary: a defect in one driver must not cost the other machines.
                self.figures.failures += 1
                said = f"source {self.name} failed and is started anew"
                if trouble.trouble is None or repr(error) not in trouble.trouble:
                    log.exception("%s", said)
                trouble.failed(f"{said}: {error!r}")
                self.life.fall(self.name)
                await self.life.flush()
                await backoff.wait(self._stop)

"""``Instance``: one data directory, brought up and down. The CLI and the tests of the whole product use this."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Unpack

from rich.console import Console

from sidecar.instance import environment, stages, supervision
from sidecar.instance.layout import Front, Layout, open_layout
from sidecar.instance.steps import StepError, run_steps

Until = Literal["services", "migrated", "all"]
"""How far to go: Postgres and Redis; the tables too; everything."""


class Instance:
    """A private instance. Opening one writes nothing but ``instance.json``, where its ports are remembered."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        console: Console | None = None,
        **front: Unpack[Front],
    ) -> None:
        self.console = console or Console(stderr=True)
        self.layout: Layout = open_layout(data_dir, public_port=port, **front)

    @property
    def url(self) -> str:
        """Origin of the web interface, without trailing slash."""
        return self.layout.public_url

    def up(self, until: Until = "all") -> None:
        """Bring the instance up. What is up already stays up, what changed is started anew. Raise StepError."""
        with self._alone():
            for stage in self._stages(until):
                run_steps(stage(self.layout, self.console), self.console)

    def down(self) -> None:
        """Stop everything in peace. Data stays."""
        supervision.stop(self.layout)

    def env(self) -> dict[str, str]:
        """Return the RR_* variables, the owner's database URL among them. Values hold passwords."""
        return environment.owner_variables(self.layout)

    def kill(self, name: str) -> int:
        """SIGKILL ``web worker nginx postgres redis cell-<uuid> supervisord``; return the pid that died."""
        return supervision.kill(self.layout, name)

    def parts(self) -> list[supervision.Part]:
        """Return what runs and what does not; empty when the instance is down."""
        return supervision.parts(self.layout)

    def _stages(self, until: Until) -> tuple[stages.Stage, ...]:
        services = (stages.ground, stages.services)
        return {
            "services": services,
            "migrated": (*services, stages.database),
            "all": (stages.materials, *services, stages.database, stages.application),
        }[until]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the instance's lock: two ``up`` at once would start two of everything."""
        with (self.layout.data / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StepError(f"another `up` is at work on {self.layout.data}; wait for it") from error
            yield

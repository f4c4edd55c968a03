"""What a machine works with: the worker's jobs act in everybody's name, one organisation's walls at a time."""

from dataclasses import dataclass

from redis import Redis

from sidecar.adapters.cell_tokens import CellTokens
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scopes
from sidecar.kernel.settings import Settings


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where things are, where transactions begin, what proves the sidecar to a cell, and the master key."""

    settings: Settings
    scopes: Scopes
    redis: Redis
    tokens: CellTokens
    seal: Seal

    def close(self) -> None:
        """Give all connections back."""
        self.scopes.engine.dispose()
        self.redis.close()

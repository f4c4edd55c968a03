"""How much of a machine Postgres takes."""

import pytest

from sidecar.instance.postgres import shares_of_memory


@pytest.mark.parametrize(
    ("gibibytes", "buffers", "cached"), [(1, 256, 512), (8, 1024, 4096), (24, 3072, 12288), (512, 8192, 262144)]
)
def test_postgres_takes_an_eighth_and_counts_on_half(gibibytes: int, buffers: int, cached: int) -> None:
    assert shares_of_memory(gibibytes << 30) == (buffers, cached)

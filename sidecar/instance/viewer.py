"""Where the prepared OHIF and the pages' libraries lie, and the steps that make them."""

from collections.abc import Iterator
from pathlib import Path

from sidecar.instance.layout import cache_dir
from sidecar.instance.steps import Step

DECODE_WORKER = r"8097\.bundle\.[0-9a-f]+\.js"
"""Name of the script that decodes images, as a regular expression: it alone may compile at run time."""


def path() -> Path:
    """Return the directory nginx serves as /ohif/."""
    return cache_dir() / "ohif"


def steps() -> Iterator[Step]:
    """Yield the steps that fetch and prepare the viewer."""
    yield from ()

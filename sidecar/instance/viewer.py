"""What browsers are served beside our own pages: the prepared OHIF, and the libraries of the pages."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from sidecar.instance import ohif
from sidecar.instance.layout import cache_dir
from sidecar.instance.steps import Step, StepError
from sidecar.ui import vendor

NPM_ADVICE = "check the network and npm's own configuration"


def path() -> Path:
    """Return the directory nginx serves as /ohif/, prepared or not."""
    return cache_dir() / f"ohif-{ohif.VERSION}-{ohif.recipe_name()}"


def decode_worker() -> str:
    """Return the name of the script that decodes images, as a regular expression: it alone may compile at run time.

    Before OHIF is prepared nothing may: the empty name matches no file.
    """
    return re.escape(ohif.decode_worker_name(path())) if path().is_dir() else ""


def steps(say: Callable[[str], None]) -> Iterator[Step]:
    """Yield the steps that fetch and prepare both."""
    yield Step("Prepare the OHIF viewer (50 MB to fetch)", lambda: path().is_dir(), lambda: _prepare(say), NPM_ADVICE)
    yield Step("Fetch the pages' libraries", vendor.current, _vendor, NPM_ADVICE)


def _prepare(say: Callable[[str], None]) -> None:
    try:
        ohif.prepare_ohif(cache_dir(), say)
    except ohif.OhifError as error:
        raise StepError(str(error)) from error


def _vendor() -> None:
    try:
        vendor.install(cache_dir())
    except subprocess.CalledProcessError as error:
        raise StepError(f"npm ci ended with {error.returncode}; its message is above") from error

"""The prepared OHIF viewer: fetched once, trimmed and compressed, kept in the user's cache.

`prepare_ohif` is all that a set-up needs; the recipe itself is in `ohif_recipe`.
"""

import base64
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sidecar.instance import ohif_recipe

PACKAGE, VERSION = "@ohif/app", "3.13.2"
SHA512 = "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
Progress = Callable[[str], None]


class OhifError(Exception):
    """The viewer could not be fetched or prepared; the message says what to do."""


def silent(_: str) -> None:
    """Report nothing."""


def prepare_ohif(cache_dir: Path, progress: Progress = silent) -> Path:
    """Give the folder of the prepared viewer, making it first when the cache has none for this version and recipe.

    The folder appears by one rename, so an interrupted run leaves nothing half done; the 50 MB download is kept and
    used by the next run. Two runs at once wait for each other.

    Raises:
        OhifError: npm is missing or failed, the package is not the pinned one, or it has changed its shape.
    """
    ready = cache_dir / f"ohif-{VERSION}-{recipe_name()}"
    if ready.is_dir():
        return ready
    cache_dir.mkdir(parents=True, exist_ok=True)
    with _alone(cache_dir):
        if ready.is_dir():
            return ready
        for stale in cache_dir.glob(".ohif-*"):
            shutil.rmtree(stale)
        with tempfile.TemporaryDirectory(prefix=".ohif-", dir=cache_dir) as scratch:
            archive = fetch(cache_dir, Path(scratch), progress)
            built = Path(scratch) / "prepared"
            try:
                ohif_recipe.build(archive, built, _minifier(Path(scratch), progress), progress)
            except ohif_recipe.RecipeError as error:
                raise OhifError(f"{PACKAGE}@{VERSION} could not be prepared: {error}") from error
            built.rename(ready)
    return ready


def recipe_name() -> str:
    """Name the recipe by its content: another recipe, another folder."""
    parts = [Path(ohif_recipe.__file__), *sorted(_minifier_pin().iterdir())]
    return hashlib.sha256(b"".join(p.read_bytes() for p in parts if p.is_file())).hexdigest()[:12]


def fetch(cache_dir: Path, scratch: Path, progress: Progress) -> Path:
    """Give the package's archive, from the cache or from the registry that npm is configured for.

    Raises:
        OhifError: npm failed, or the archive is not the pinned one.
    """
    kept = cache_dir / f"ohif-app-{VERSION}.tgz"
    if kept.is_file() and _sha512(kept) == SHA512:
        return kept
    progress(f"Downloading {PACKAGE} {VERSION} (50 MB)")
    _npm(["pack", "--ignore-scripts", "--pack-destination", str(scratch), f"{PACKAGE}@{VERSION}"], scratch)
    archive = next(scratch.glob("*.tgz"), None)
    if archive is None or _sha512(archive) != SHA512:
        raise OhifError(f"What npm delivered for {PACKAGE}@{VERSION} is not the pinned package (sha512 differs)")
    return archive.replace(kept)


def decode_worker_name(folder: Path) -> str:
    """Name the bundle that decodes compressed pixels: its response alone needs 'unsafe-eval' (see VIEWER notes).

    Raises:
        OhifError: there is not exactly one such bundle.
    """
    try:
        return ohif_recipe.decode_worker_name(folder)
    except ohif_recipe.RecipeError as error:
        raise OhifError(str(error)) from error


def _minifier(scratch: Path, progress: Progress) -> Path:
    """Install the locked minifier and give its program."""
    progress("Installing the minifier")
    home = scratch / "minifier"
    shutil.copytree(_minifier_pin(), home)
    _npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], home)
    return home / "node_modules" / ".bin" / "esbuild"


def _minifier_pin() -> Path:
    """Give the folder with the minifier's package.json and lock."""
    return Path(__file__).parent / "minifier"


def _npm(arguments: list[str], cwd: Path) -> None:
    """Run npm.

    Raises:
        OhifError: npm is missing or reports an error.
    """
    try:
        done = subprocess.run(["npm", *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError as missing:
        raise OhifError("npm is not installed (Debian package npm): it is needed once, to fetch the viewer") from missing
    if done.returncode != 0:
        raise OhifError(f"npm {arguments[0]} failed: {done.stderr.strip()[-600:]}")


def _sha512(path: Path) -> str:
    """Give a file's sha512 the way npm writes it."""
    with path.open("rb") as stream:
        return base64.b64encode(hashlib.file_digest(stream, "sha512").digest()).decode()


@contextmanager
def _alone(cache_dir: Path) -> Iterator[None]:
    """Hold the cache's lock; it goes with the process, however that ends."""
    handle = os.open(cache_dir / "ohif.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)

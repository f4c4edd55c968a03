"""The Debian root in which every cell's Orthanc runs: built once, cached, read-only ever after."""

import fcntl
import hashlib
import os
import subprocess
import uuid
from pathlib import Path

from rich.console import Console

from sidecar.instance.layout import cache_dir
from sidecar.instance.steps import StepError, run_command
from sidecar.instance.tools import need

SUITE = "forky"
PACKAGES = (
    "ca-certificates",
    "orthanc",
    "orthanc-dicomweb",
    "orthanc-gdcm",
    "orthanc-python",
    "python3-cryptography",
    "python3-httpx",
    "python3-jwt",
)
"""The same list, in the same order, stands in Dockerfile.orthanc (a test compares them)."""
MOUNTPOINTS = ("cell", "plugin")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def root_path() -> Path:
    """Return where the root for exactly these packages lies, built or not."""
    recipe = " ".join((SUITE, *PACKAGES, *MOUNTPOINTS))
    return cache_dir() / f"orthanc-root-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def built() -> bool:
    """Tell whether the root is there. It gets its name only when complete."""
    return (root_path() / "usr/sbin/Orthanc").exists()


def build(console: Console) -> None:
    """Build the root under a temporary name and rename it; raise StepError. A second build waits for the first and uses it."""
    target = root_path()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built():
            _build(target, console)


def _build(target: Path, console: Console) -> None:
    for abandoned in target.parent.glob(f"{target.name}.part-*"):
        remove_tree(abandoned)
    part = target.with_name(f"{target.name}.part-{uuid.uuid4().hex[:8]}")
    mirror = debian_mirror()
    try:
        bootstrap(part, mirror, ())
    except StepError as refusal:
        if "expired" not in str(refusal) and "not valid any more" not in str(refusal):
            raise
        console.print(
            f"  [dim]The mirror's index of Debian {SUITE} is past its date. Its signature is good: going on.[/dim]",
            soft_wrap=True,
        )
        remove_tree(part)
        bootstrap(part, mirror, ('--aptopt=Acquire::Check-Valid-Until "false"',))
    for name in MOUNTPOINTS:
        (part / name).mkdir(exist_ok=True)
    part.rename(target)


def bootstrap(part: Path, mirror: str, extra: tuple[str, ...]) -> None:
    """Run mmdebstrap into ``part``; raise StepError with its last lines."""
    command = [need("mmdebstrap"), "--variant=apt", f"--keyring={KEYRING}", f"--include={','.join(PACKAGES)}"]
    command += [*proxy_options(), *extra, SUITE]
    if os.geteuid() == 0:
        run_command([*command, str(part), mirror])
        return
    # An ordinary user gets a tar file out of a user namespace and unpacks it as his own files.
    archive = part.with_suffix(".tar")
    try:
        run_command([command[0], "--mode=unshare", *command[1:], str(archive), mirror])
        part.mkdir()
        run_command(["tar", "-xf", str(archive), "-C", str(part), "--no-same-owner", "--exclude=./dev/*"])
    finally:
        archive.unlink(missing_ok=True)


def debian_mirror() -> str:
    """Return the Debian mirror the host itself uses; raise StepError where there is none to take."""
    if chosen := os.environ.get("RR_DEBIAN_MIRROR"):
        return chosen
    listing = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(ORIGIN)|$(LABEL)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    for line in listing.splitlines():
        uri, origin, label = line.split("|")
        if (origin, label) == ("Debian", "Debian"):
            return uri
    raise StepError(
        "this host's apt configuration names no Debian mirror. Set RR_DEBIAN_MIRROR to one you trust, "
        "such as the value of URIs in a Debian machine's /etc/apt/sources.list.d/debian.sources"
    )


def proxy_options() -> list[str]:
    """Return the host's own apt proxies as options for mmdebstrap."""
    options = []
    for scheme in ("http", "https"):
        name = f"Acquire::{scheme}::Proxy"
        value = subprocess.run(["apt-config", "shell", "V", name], capture_output=True, text=True, check=False).stdout
        proxy = value.removeprefix("V=").strip().strip("'")
        if proxy:
            options.append(f'--aptopt={name} "{proxy}"')
    return options


def remove_tree(path: Path) -> None:
    """Remove a half-built root, if there is one; never what may still be mounted in it."""
    if path.exists():
        run_command(["rm", "-rf", "--one-file-system", str(path)])

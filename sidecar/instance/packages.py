"""What the operating system must bring (Debian 12 and later, Ubuntu 24.04 and later), installed without side effects."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sidecar.instance.steps import StepError, run_command
from sidecar.instance.tools import find, postgres_bin

POLICY = Path("/usr/sbin/policy-rc.d")
REFUSE_STARTS = "#!/bin/sh\nexit 101\n"
"""Debian's way to say "do not start services now" (invoke-rc.d(8))."""


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package, how to see that it is there, and the services it would bring along."""

    name: str
    present: Callable[[], bool]
    services: tuple[str, ...] = ()


def _has(*programs: str) -> Callable[[], bool]:
    return lambda: find(*programs) is not None


RUNTIME = (
    Package("postgresql", lambda: postgres_bin() is not None, ("postgresql",)),
    Package("redis-server", _has("redis-server", "valkey-server"), ("redis-server",)),
    Package("nginx", _has("nginx"), ("nginx",)),
    Package("mmdebstrap", _has("mmdebstrap")),
    Package("debian-archive-keyring", Path("/usr/share/keyrings/debian-archive-keyring.gpg").exists),
    Package("bubblewrap", _has("bwrap")),
    Package("uidmap", lambda: os.geteuid() == 0 or find("newuidmap") is not None),
    Package("dcmtk", _has("storescu")),
    Package("npm", _has("npm")),
    # Embedded in the PDF of every report (sidecar.reports.lettering).
    Package("fonts-dejavu-core", Path("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf").exists),
    Package("fonts-wqy-microhei", Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc").exists),
)
FOR_TESTS = (
    Package("chromium", _has("chromium", "chromium-browser", "google-chrome")),
    Package("poppler-utils", _has("pdftotext")),
    Package("strace", _has("strace")),
)


def missing(packages: Iterable[Package] = RUNTIME) -> list[Package]:
    """Return what is not installed."""
    return [package for package in packages if not package.present()]


def install(packages: Iterable[Package] = RUNTIME) -> None:
    """Install what is missing with apt; raise StepError when that is not possible here."""
    wanted = missing(packages)
    if not wanted:
        return
    names = [package.name for package in wanted]
    if not find("apt-get"):
        raise StepError(f"this is not a Debian or Ubuntu; install the equivalents of: {' '.join(names)}")
    privileged = _as_root()
    quiet = [*privileged, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    with _services_kept_still(privileged):
        run_command([*quiet, "update"])
        run_command([*quiet, "install", "--no-install-recommends", *names])
    _disable_services(privileged, [service for package in wanted for service in package.services])
    if absent := missing(wanted):
        raise StepError(f"apt installed {' '.join(names)}, yet missing is: {' '.join(p.name for p in absent)}")


def _as_root() -> list[str]:
    """Return the prefix that gives a command root's rights; raise StepError without sudo."""
    if os.geteuid() == 0:
        return []
    if sudo := find("sudo"):
        return [sudo]
    raise StepError("packages are missing and this user is neither root nor has sudo: install them as root")


@contextmanager
def _services_kept_still(privileged: list[str]) -> Iterator[None]:
    """Keep packages from starting their system-wide services: ours are private ones."""
    ours = not POLICY.exists()
    if ours:
        run_command([*privileged, "tee", str(POLICY)], feed=REFUSE_STARTS)
        run_command([*privileged, "chmod", "755", str(POLICY)])
    try:
        yield
    finally:
        if ours:
            run_command([*privileged, "rm", "-f", str(POLICY)])


def _disable_services(privileged: list[str], services: list[str]) -> None:
    """Keep what we brought from starting at the next boot. Services that were there before are left alone."""
    if services and Path("/run/systemd/system").exists():
        run_command([*privileged, "systemctl", "disable", "--now", *services])

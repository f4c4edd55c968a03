"""The steps of ``up`` in their order: materials, ground, services, database, application."""

from collections.abc import Callable, Iterator

from rich.console import Console

from sidecar.instance import (
    certificate,
    credentials,
    environment,
    fence,
    migrations,
    nginx,
    orthanc_root,
    packages,
    postgres,
    programs,
    redis,
    supervision,
    viewer,
)
from sidecar.instance.layout import Layout
from sidecar.instance.readiness import port_answers, url_status, wait_until
from sidecar.instance.steps import Step, StepError, always

Stage = Callable[[Layout, Console], Iterator[Step]]


def install_packages() -> Iterator[Step]:
    """Yield the step that brings what the operating system lacks."""
    names = " ".join(package.name for package in packages.missing())
    yield Step(
        f"Install Debian packages ({names})", lambda: not names, packages.install,
        "check the network and apt's sources, or install these packages by hand",
    )  # fmt: skip


def materials(_layout: Layout, console: Console) -> Iterator[Step]:
    """Yield what is made once per user and shared: Orthanc's root, OHIF, the pages' libraries."""
    yield from install_packages()
    yield Step(
        f"Build the Orthanc root (Debian {orthanc_root.SUITE}, about a minute)",
        orthanc_root.built, lambda: orthanc_root.build(console),
        "check that the Debian mirror answers; set RR_DEBIAN_MIRROR to use another one",
    )  # fmt: skip
    yield from viewer.steps(lambda text: console.print(f"  [dim]{text}[/dim]"))


def ground(layout: Layout, _console: Console) -> Iterator[Step]:
    """Yield directories, secrets, the database cluster, configuration, and supervisord."""
    yield from install_packages()
    yield Step(
        "Try process namespaces", fence.possible, fence.refuse,
        "run as root, or allow user namespaces (Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0); "
        "inside a container use docker-compose.yml instead",
    )  # fmt: skip
    yield always("Make directories", layout.make, "choose a directory you may write with --data")
    yield Step("Make secrets", lambda: credentials.complete(layout), lambda: credentials.make_missing(layout))
    yield Step("Create the database cluster", lambda: postgres.initialised(layout), lambda: postgres.initialise(layout))
    yield Step(
        "Make the web address's certificate", lambda: certificate.ready(layout), lambda: certificate.make(layout),
        "name files that exist with --certificate and --key",
    )  # fmt: skip
    yield always("Write the configuration", lambda: _configure(layout))
    yield Step(
        "Start the supervisor", lambda: supervision.running(layout), lambda: supervision.start(layout),
        f"look into {layout.logs}/supervisord.log",
    )  # fmt: skip
    yield always("Pass on changed configuration", lambda: supervision.refresh(layout, programs.SERVICES))


def services(layout: Layout, _console: Console) -> Iterator[Step]:
    """Yield the start of Postgres and Redis and the roles in the database."""
    yield Step("Start Postgres", lambda: postgres.answers(layout), lambda: _bring(layout, "postgres"))
    yield Step("Start Redis", lambda: port_answers(layout.ports.redis), lambda: _bring(layout, "redis"))
    yield Step("Create the database and its roles", lambda: postgres.roles_ready(layout), lambda: postgres.make_roles(layout))


def database(layout: Layout, _console: Console) -> Iterator[Step]:
    """Yield the migrations."""
    yield Step("Migrate the database", lambda: migrations.at_head(layout), lambda: migrations.upgrade(layout))


def application(layout: Layout, _console: Console) -> Iterator[Step]:
    """Yield the start of what people see."""
    yield always("Pass on changed code", lambda: supervision.refresh(layout, programs.APPLICATION))
    for name in programs.APPLICATION:
        yield Step(f"Start {name}", lambda name=name: _answers(layout, name), lambda name=name: _bring(layout, name))  # type: ignore[misc]


def _configure(layout: Layout) -> None:
    """Write every configuration file anew: they follow from the code and ``instance.json``."""
    postgres.configure(layout)
    redis.configure(layout)
    nginx.configure(layout)
    programs.write(layout)
    environment.write(layout)


def _answers(layout: Layout, name: str) -> bool:
    """Tell whether a part does its work, not merely exists."""
    return {
        "postgres": lambda: postgres.answers(layout),
        "redis": lambda: port_answers(layout.ports.redis),
        "web": lambda: url_status(f"http://127.0.0.1:{layout.ports.web}/health/ready") == 200,  # noqa: PLR2004
        "worker": lambda: supervision.is_up(layout, "worker"),
        "carrier": lambda: url_status(f"http://127.0.0.1:{layout.ports.carrier}/health") == 200,  # noqa: PLR2004
        "nginx": lambda: supervision.is_up(layout, "nginx") and port_answers(layout.ports.public),
    }[name]()


def _bring(layout: Layout, name: str) -> None:
    """Start a part and wait until it answers; raise StepError with the end of its log."""
    if name == "nginx" and not supervision.is_up(layout, name) and port_answers(layout.ports.public):
        # Somebody else would answer in its place, and all would look well.
        raise StepError(f"port {layout.ports.public} is taken by another program: choose another one with --port")
    try:
        supervision.start_program(layout, name)
        wait_until(lambda: _answers(layout, name), seconds=60, what=f"an answer from {name}", pause=0.2)
    except StepError as error:
        log = supervision.log_path(layout, name)
        raise StepError(f"{error}\nThe end of {log}:\n{supervision.tail(layout, name)}") from error

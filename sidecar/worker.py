"""The background process: clocks, cells, reconciler. One job at a time per kind; a job that raises is logged and tried again."""

import importlib
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import cast

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from redis import Redis
from redis.exceptions import RedisError

from sidecar.adapters.cell_tokens import CellTokens
from sidecar.adapters.lookups import Lookup
from sidecar.adapters.redis import WAKE, connect, publish_changes
from sidecar.adapters.seals import Seal
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Event, Scopes
from sidecar.kernel.clock import utc_now
from sidecar.kernel.db import make_engine
from sidecar.kernel.logging import configure_logging
from sidecar.kernel.settings import Settings
from sidecar.reactions import react

JOBS: tuple[tuple[str, float], ...] = (
    ("sidecar.organisations.jobs:tend_cells", 1.0),
    ("sidecar.audit.jobs:sign_checkpoints", 300.0),
    ("sidecar.audit.jobs:check_chains", 60.0),
    ("sidecar.audit.jobs:forget_old", 3600.0),
    ("sidecar.orders.jobs:write_worklists", 5.0),
    ("sidecar.orders.jobs:write_all_worklists", 60.0),
    ("sidecar.studies.jobs:complete_studies", 1.0),
    ("sidecar.studies.jobs:route_contracted", 5.0),
    ("sidecar.studies.jobs:route_waiting", 300.0),
    ("sidecar.assignment.jobs:end_contracts", 60.0),
    ("sidecar.reports.taken_back:tell_groups", 5.0),
    ("sidecar.reports.taken_back:tell_all_groups", 300.0),
    ("sidecar.intake.jobs:reconcile_cells", 20.0),
    ("sidecar.archive.jobs:follow_sends", 1.0),
    ("sidecar.archive.jobs:erase_deleted", 1.0),
    ("sidecar.archive.jobs:watch_withheld", 15.0),
    ("sidecar.archive.jobs:keep_custody", 10.0),
    ("sidecar.vault.jobs:close_what_is_open", 86_400.0),
    ("sidecar.organisations.jobs:forget_associations", 120.0),
    ("sidecar.accounts.jobs:answer_guests", 1.0),
    ("sidecar.accounts.jobs:forget", 3600.0),
    ("sidecar.mail.jobs:deliver", 2.0),
    ("sidecar.dicomweb.jobs:fill_metadata", 2.0),
    ("sidecar.dicomweb.jobs:fill_all_metadata", 300.0),
    ("sidecar.dicomweb.jobs:make_thumbnails", 2.0),
    ("sidecar.dicomweb.jobs:make_all_thumbnails", 300.0),
    ("sidecar.dicomweb.jobs:forget_contexts", 60.0),
    ("sidecar.deidentification.jobs:write_exports", 2.0),
    ("sidecar.deidentification.jobs:tidy_exports", 60.0),
    ("sidecar.sharing.jobs:remind_reviewers", 300.0),
    ("sidecar.sharing.jobs:tell_readers", 3.0),
    ("sidecar.sharing.jobs:tell_all_readers", 300.0),
    ("sidecar.api.jobs:forget", 900.0),
    ("sidecar.alerts.jobs:watch", 5.0),
    ("sidecar.alerts.jobs:watch_all", 60.0),
    ("sidecar.alerts.jobs:forward_journal", 3.0),
)
"""``module:function`` and its interval in seconds. A job receives the Workshop; those named in WOKEN also run on rr:wake.

What runs every few seconds asks once who owes its work (gate.machine); what enters everybody's walls in turn comes by slowly.
"""

WOKEN: frozenset[str] = frozenset({"sidecar.organisations.jobs:tend_cells", "sidecar.orders.jobs:write_worklists"})


Job = Callable[[Workshop], None]


def open_workshop(settings: Settings) -> Workshop:
    """Connect to everything the jobs need."""
    redis = connect(settings.redis_url)

    def publish(events: list[Event]) -> None:
        publish_changes(redis, {org for each in events for org in each.audience})

    return Workshop(
        settings=settings,
        scopes=Scopes(
            make_engine(settings.database_url), react, after_events=publish, lookup=Lookup(settings.secret("lookup_key"))
        ),
        redis=redis,
        tokens=CellTokens.from_pem(settings.secret("cell_signing_key.pem")),
        seal=Seal.from_text(settings.secret("totp_key")),
    )


def find_job(name: str) -> Job:
    """Return the function behind ``module:function``."""
    module, _, function = name.partition(":")
    return cast("Job", getattr(importlib.import_module(module), function))


def main() -> None:
    """Run until told to stop."""
    configure_logging()
    workshop = open_workshop(Settings.from_env())
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(8)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone="UTC",
    )
    for name, seconds in JOBS:
        scheduler.add_job(find_job(name), "interval", args=(workshop,), seconds=seconds, id=name)
    scheduler.start()
    stop = threading.Event()

    def _stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    for name, _seconds in JOBS:
        scheduler.modify_job(name, next_run_time=utc_now())
    _wake_on_request(workshop.redis, scheduler, stop)
    scheduler.shutdown(wait=True)


def _wake_on_request(redis: Redis, scheduler: BackgroundScheduler, stop: threading.Event) -> None:
    """Run the WOKEN jobs at once whenever somebody publishes on rr:wake, until stopped; Redis may come and go."""
    log = structlog.get_logger("worker")
    while not stop.is_set():
        try:
            with redis.pubsub(ignore_subscribe_messages=True) as listening:  # type: ignore[no-untyped-call]
                listening.subscribe(WAKE)
                while not stop.is_set():
                    if listening.get_message(timeout=1.0):
                        for name in WOKEN:
                            scheduler.modify_job(name, next_run_time=utc_now())
        except RedisError as error:
            log.warning("redis is not answering; jobs go on by the clock", error=type(error).__name__)
            stop.wait(2)


if __name__ == "__main__":
    main()

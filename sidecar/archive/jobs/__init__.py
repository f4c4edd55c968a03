"""The worker's part: sends handed to the cells and followed, deletions carried out when their time has come, files verified."""

from sidecar.archive.jobs.custody import keep_custody
from sidecar.archive.jobs.erasure import erase_deleted
from sidecar.archive.jobs.sending import follow_sends
from sidecar.archive.jobs.withholding import watch_withheld

__all__ = ["erase_deleted", "follow_sends", "keep_custody", "watch_withheld"]

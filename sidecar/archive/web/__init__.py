"""The pages of this room: what one study offers, downloads, and the lists of jobs, deletions and retention."""

from sidecar.archive.web import lists, study, taking, taking_back  # noqa: F401 - declare their routes
from sidecar.archive.web.blueprint import bp

__all__ = ["bp"]

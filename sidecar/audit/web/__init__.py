"""The pages of the audit: the explorer, a study's timeline, who looked at a patient, exports, and how the journal is kept."""

from sidecar.audit.web import explorer, export, keeping, patient
from sidecar.audit.web.blueprint import bp

__all__ = ["bp", "explorer", "export", "keeping", "patient"]

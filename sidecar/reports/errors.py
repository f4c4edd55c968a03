"""What can go wrong with reports beyond the common words."""

from datetime import datetime

from sidecar.kernel.errors import Conflict, Denied
from sidecar.reports.model import Sections


class StaleDraft(Conflict):
    """The draft was saved elsewhere in the meantime. The newer text comes along, so that nobody's words are lost."""

    def __init__(self, *, sections: Sections, revision: int, saved_by: str, saved_at: datetime) -> None:
        super().__init__("This draft was changed in another window. Compare before saving again.")
        self.sections = sections
        self.revision = revision
        self.saved_by = saved_by
        self.saved_at = saved_at


class StaleAddendum(Conflict):
    """The addendum was saved elsewhere in the meantime. The newer words come along, so that nobody's are lost."""

    def __init__(self, *, purpose: str, text: str, revision: int, saved_by: str, saved_at: datetime) -> None:
        super().__init__("This addendum was changed in another window. Compare before saving again.")
        self.purpose = purpose
        self.text = text
        self.revision = revision
        self.saved_by = saved_by
        self.saved_at = saved_at


class SignatureRefused(Denied):
    """Password or code did not prove the signer. Another word than Unauthenticated: the session itself goes on."""

    code = "signature-refused"

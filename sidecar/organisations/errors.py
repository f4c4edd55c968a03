"""Problems of this room that belong to one field of a form."""

from sidecar.kernel.errors import Conflict, Invalid


class Taken(Conflict):
    """The value of ``field`` is already somebody else's: choose another."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Unfit(Invalid):
    """The value of ``field`` does not go with the others: correct it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class LocksOut(Conflict):
    """The change would shut out the callers named in ``aets``: confirm it, or give them certificates first."""

    def __init__(self, aets: list[str]) -> None:
        super().__init__(
            f"Without the plain port these could not call any more: {', '.join(aets)}."
            " Give each a certificate first, or confirm that they shall be shut out."
        )
        self.aets = aets

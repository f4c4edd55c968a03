"""Problems of this room that belong to one field of a form."""

from sidecar.kernel.errors import Conflict


class Taken(Conflict):
    """The value of ``field`` is already somebody else's: choose another."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field

"""The pages of sharing: who sees a study, broken glass and its review, what somebody with a link sees."""

from sidecar.sharing.web import access, glasses, guests, readers
from sidecar.sharing.web.blueprint import bp
from sidecar.sharing.web.glasses import take_up

__all__ = ["access", "bp", "glasses", "guests", "readers", "take_up"]

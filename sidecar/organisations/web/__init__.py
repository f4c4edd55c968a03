"""The admin pages of organisations, cells, contracts and senders. Each module adds its routes to ``bp``."""

from sidecar.organisations.web import cells, contracts, home, senders, tenants
from sidecar.organisations.web.blueprint import bp

__all__ = ["bp", "cells", "contracts", "home", "senders", "tenants"]

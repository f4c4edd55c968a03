"""The admin pages of organisations, cells, contracts, AE titles, certificates. Each module adds its routes to ``bp``."""

from sidecar.organisations.web import cells, contracts, encryption, entities, home, tenants, trials
from sidecar.organisations.web.blueprint import bp

__all__ = ["bp", "cells", "contracts", "encryption", "entities", "home", "tenants", "trials"]

"""What the worker does here."""

from sidecar.assignment.contract_end import end_contracts

__all__ = ["end_contracts"]

"""Organisations (tenants), contracts between them, cells, senders and refused associations."""

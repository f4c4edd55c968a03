"""Alerts: what somebody must look at now, raised from the journal."""

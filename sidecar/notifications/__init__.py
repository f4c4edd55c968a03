"""Notifications: what a person is told in the house."""

"""Adapters: the only places that speak to something outside the process. Each has a fake in tests/fakes that shouts."""

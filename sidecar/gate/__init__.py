"""The gate: who asks (actor), what a role may ever do (permissions), in whose name and transaction (scope), by which door.

Nothing above obtains a database session except through a Scope, and a Scope exists only at a door.
"""

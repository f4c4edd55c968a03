"""The JSON API's resources given by name, above the rooms they join: studies, reports, users, organizations, the document.

What belongs to one room alone stands there (``notifications.api``, ``orders.api`` …), declared the same way (``gate.api``).
"""

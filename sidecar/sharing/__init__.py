"""Sharing: what opens a study beside the roles. Named for a viewer, by a link for somebody outside, by broken glass.

Each is a row that the walls themselves look at (``named_studies()``, ``glass_organisation()``): it ends when the row says so,
whatever a session or a page still believes.
"""

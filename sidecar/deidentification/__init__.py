"""Anonymised exports: PS3.15 annex E on copies that leave the house. The archive itself is never changed by this room."""

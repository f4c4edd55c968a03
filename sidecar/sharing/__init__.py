"""Sharing: break-glass access and links for people outside."""

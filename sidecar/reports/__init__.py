"""Reports: drafts that are never lost, signatures that cannot be moved, versions that never change."""

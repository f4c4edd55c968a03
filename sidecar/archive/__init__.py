"""What tenants do with their archive as a whole: download, send, export, delete, hold. Bodies for cells are made here."""

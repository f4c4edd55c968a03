"""The sidecar's end of the cells' couriers: authenticate, take each event once, hand it to its room."""

"""The vault: one data key per organisation, wrapped by the master key."""

"""The vault: one data key per organisation, wrapped by the master key, around small things that must not lie open.

Envelope encryption with AES-256-GCM (NIST SP 800-38D). The master key is a secret file and never in the database; the data keys
are in the database and never unwrapped there. What does not belong here: whose value it is, and who may see it.
"""

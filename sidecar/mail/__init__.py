"""Outgoing mail: written down sealed, in the transaction of what it tells; delivered by the worker until it arrives.

What does not belong here: who is written to about what. Texts are their rooms'; a mail never names a patient.
"""

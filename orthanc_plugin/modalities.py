"""Keeps Orthanc's list of modalities equal to the registered senders. Pure: says what to put and what to delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orthanc_plugin.senders import Sender

Modality = Mapping[str, Any]

_NOWHERE = "192.0.2.1"
"""RFC 5737 documentation address: Orthanc wants a host, and nothing is ever sent to a sender."""


def symbolic_name(sender: Sender) -> str:
    """The name of a sender's entry; an AE title may hold characters that a path may not."""
    return "sender-" + sender.aet.encode().hex()


def modality(sender: Sender) -> dict[str, Any]:
    """The entry of a sender: it may verify the connection (C-ECHO) and store (C-STORE), nothing else."""
    return {
        "AET": sender.aet,
        "Host": _NOWHERE,
        "Port": 104,
        "AllowEcho": True,
        "AllowStore": True,
        "AllowFind": False,
        "AllowFindWorklist": False,
        "AllowGet": False,
        "AllowMove": False,
        "AllowNAction": False,  # N-ACTION and N-EVENT-REPORT: storage commitment (PS3.4 annex J)
        "AllowEventReport": False,
        "AllowTranscoding": False,
    }


def difference(senders: Iterable[Sender], present: Mapping[str, Modality]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Entries to write and names to delete; entries of any other origin are deleted too."""
    wanted = {symbolic_name(sender): modality(sender) for sender in senders}
    write = {
        name: entry
        for name, entry in wanted.items()
        if any(present.get(name, {}).get(key) != value for key, value in entry.items())
    }
    return write, sorted(set(present) - set(wanted))

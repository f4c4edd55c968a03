"""Keeps Orthanc's list of modalities equal to the application entities. Pure: says what to put and what to delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orthanc_plugin.entities import ApplicationEntity, Service

Modality = Mapping[str, Any]

NOWHERE = ("127.0.0.1", 1)
"""Orthanc wants an address for everybody; a C-MOVE to one that has none fails at once, because nothing listens there."""
FLAGS = {
    "AllowEcho": Service.ECHO,
    "AllowStore": Service.STORE,
    "AllowFind": Service.FIND,
    "AllowFindWorklist": Service.WORKLIST,
    "AllowGet": Service.GET,
    "AllowMove": Service.MOVE,
    "AllowNAction": Service.COMMITMENT,  # the request of storage commitment (PS3.4 annex J)
}


def symbolic_name(entity: ApplicationEntity) -> str:
    """The name of an entity's entry; an AE title may hold characters that a path may not."""
    return "ae-" + entity.aet.encode().hex()


def modality(entity: ApplicationEntity) -> dict[str, Any]:
    """The entry of an application entity: it may ask for its services, nothing else."""
    host, port = (entity.host, entity.port) if entity.host else NOWHERE
    may = entity.services if entity.networks else frozenset()
    return {
        "AET": entity.aet,
        "Host": host,
        "Port": port,
        **{flag: service in may for flag, service in FLAGS.items()},
        "AllowEventReport": False,  # Orthanc never asks anybody for commitment, so nobody has anything to report
        # Without it a C-GET fails unless the caller accepts the very syntax that an image is stored in (measured).
        "AllowTranscoding": True,
    }


def difference(
    entities: Iterable[ApplicationEntity], present: Mapping[str, Modality]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Entries to write and names to delete; entries of any other origin are deleted too."""
    wanted = {symbolic_name(entity): modality(entity) for entity in entities}
    write = {
        name: entry
        for name, entry in wanted.items()
        if any(present.get(name, {}).get(key) != value for key, value in entry.items())
    }
    return write, sorted(set(present) - set(wanted))

"""What a person does through DICOMweb beyond looking. Ids and numbers only."""

from dataclasses import dataclass
from typing import ClassVar

from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancesUploaded(Event):
    """Somebody stored instances by STOW-RS. ``whole``: the request was read to its end."""

    kind: ClassVar[str] = "dicomweb.instances.uploaded"
    stored: int
    refused: int
    whole: bool

"""Which DIMSE service a proposed abstract syntax asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from orthanc_plugin.entities import Service

_STANDARD = "1.2.840.10008."
_STORAGE = _STANDARD + "5.1.4.1.1."
"""Storage SOP classes (PS3.4 annex B), those of later editions too."""
_QUERY_RETRIEVE = _STANDARD + "5.1.4.1.2."
_OTHERS = {
    _STANDARD + "1.1": Service.ECHO,
    _STANDARD + "1.20.1": Service.COMMITMENT,
    _STANDARD + "5.1.4.31": Service.WORKLIST,
    # Query/retrieve (PS3.4 annexes C, Y, Z): patient root, study root, patient/study only, composite instance.
    **{f"{_QUERY_RETRIEVE}{model}.1": Service.FIND for model in (1, 2, 3)},
    **{f"{_QUERY_RETRIEVE}{model}.2": Service.MOVE for model in (1, 2, 3, 4)},
    **{f"{_QUERY_RETRIEVE}{model}.3": Service.GET for model in (1, 2, 3, 4, 5)},
    # Storage of what belongs to no patient (PS3.4 annex GG).
    **{f"{_STANDARD}5.1.4.{model}.1": Service.STORE for model in (38, 39, 43, 44, 45)},
}


def service_of(abstract_syntax: str) -> Service | None:
    """The service, None for one that a cell does not offer. A private SOP class is stored: that is all it can be."""
    if abstract_syntax in _OTHERS:
        return _OTHERS[abstract_syntax]
    stored = abstract_syntax.startswith(_STORAGE) or not abstract_syntax.startswith(_STANDARD)
    return Service.STORE if stored else None


def services_of(abstract_syntaxes: Iterable[str]) -> frozenset[Service]:
    """The services an association is proposed for."""
    return frozenset(service for service in map(service_of, abstract_syntaxes) if service)

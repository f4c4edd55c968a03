from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest

from orthanc_plugin.door.admission import REJECTIONS, Caller, Outcome, judge
from orthanc_plugin.door.pdu import AssociateRequest
from orthanc_plugin.door.services import service_of, services_of
from orthanc_plugin.entities import ApplicationEntity, Service
from orthanc_plugin.policy import SHUT, Policy
from tests.unit.door.requests import CT_IMAGE_STORAGE, VERIFICATION

OWN, OTHER = "ab" * 32, "cd" * 32
CT1 = ApplicationEntity(
    "CT1", (ip_network("10.0.0.0/8"),), frozenset({Service.ECHO, Service.STORE}), certificates=frozenset({OWN})
)
MR = replace(CT1, aet="MR", certificates=frozenset({OTHER}))
PACS = ApplicationEntity("PACS", host="10.1.1.1", port=104, services=frozenset(Service))
POLICY = Policy(revision=1, entities=(CT1, MR, PACS))
CALLER = Caller("10.1.2.3")
REQUEST = AssociateRequest("MERCY", "CT1", (CT_IMAGE_STORAGE,))
FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def outcome(policy: Policy = POLICY, caller: Caller = CALLER, **changes: object) -> Outcome:
    return judge(policy, "MERCY", caller, replace(REQUEST, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Outcome.ACCEPTED),
        ({"calling": "ct1"}, Outcome.UNKNOWN_AET),
        ({"calling": ""}, Outcome.UNKNOWN_AET),
        ({"calling": "CT1?"}, Outcome.UNKNOWN_AET),
        ({"called": "mercy"}, Outcome.WRONG_CALLED_AET),
        ({"called": ""}, Outcome.WRONG_CALLED_AET),
        ({"calling": "PACS"}, Outcome.WRONG_ADDRESS),  # a node, from nowhere
        ({"abstract_syntaxes": (FIND,)}, Outcome.SERVICE_NOT_ALLOWED),
        ({"abstract_syntaxes": ("1.2.840.10008.3.1.2.3.3",)}, Outcome.SERVICE_NOT_ALLOWED),
        ({"abstract_syntaxes": (FIND, VERIFICATION)}, Outcome.ACCEPTED),  # one of them is enough
    ],
)
def test_title_called_title_and_services_decide(changes: dict[str, object], expected: Outcome) -> None:
    assert outcome(**changes) is expected


def test_the_address_decides() -> None:
    assert outcome(caller=Caller("11.1.2.3")) is Outcome.WRONG_ADDRESS
    assert outcome(caller=Caller("11.1.2.3"), called="NOBODY") is Outcome.WRONG_ADDRESS


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [(OWN, Outcome.ACCEPTED), (OTHER, Outcome.WRONG_CERTIFICATE), ("", Outcome.WRONG_CERTIFICATE)],
)
def test_a_certificate_is_bound_to_its_title(certificate: str, expected: Outcome) -> None:
    assert outcome(caller=Caller("10.1.2.3", tls=True, certificate=certificate)) is expected


def test_a_good_certificate_from_a_wrong_address_is_refused() -> None:
    assert outcome(caller=Caller("11.1.2.3", tls=True, certificate=OWN)) is Outcome.WRONG_ADDRESS


def test_a_closed_plain_port_admits_nobody_who_came_before_it_closed() -> None:
    assert outcome(replace(POLICY, plain=False)) is Outcome.WRONG_CERTIFICATE
    assert outcome(replace(POLICY, plain=False), Caller("10.1.2.3", tls=True, certificate=OWN)) is Outcome.ACCEPTED


def test_without_a_policy_everybody_is_unknown() -> None:
    assert outcome(SHUT) is Outcome.UNKNOWN_AET


def test_a_stranger_cannot_tell_an_unknown_title_from_a_known_one() -> None:
    told = {REJECTIONS[each] for each in (Outcome.UNKNOWN_AET, Outcome.WRONG_ADDRESS, Outcome.WRONG_CERTIFICATE)}
    assert len(told) == 1


@pytest.mark.parametrize(
    ("abstract_syntax", "service"),
    [
        (VERIFICATION, Service.ECHO),
        (CT_IMAGE_STORAGE, Service.STORE),
        ("1.2.840.10008.5.1.4.1.1.99999", Service.STORE),  # of a later edition
        ("1.2.276.0.7230010.3.1.0.1", Service.STORE),  # private
        ("1.2.840.10008.5.1.4.39.1", Service.STORE),  # color palette
        ("1.2.840.10008.5.1.4.1.2.1.1", Service.FIND),
        (FIND, Service.FIND),
        ("1.2.840.10008.5.1.4.1.2.2.2", Service.MOVE),
        ("1.2.840.10008.5.1.4.1.2.2.3", Service.GET),
        ("1.2.840.10008.5.1.4.1.2.4.3", Service.GET),
        ("1.2.840.10008.5.1.4.1.2.5.3", Service.GET),
        ("1.2.840.10008.5.1.4.31", Service.WORKLIST),
        ("1.2.840.10008.1.20.1", Service.COMMITMENT),
        ("1.2.840.10008.3.1.2.3.3", None),  # modality performed procedure step
        ("1.2.840.10008.5.1.1.9", None),  # print
        ("1.2.840.10008.1.1.1", None),
    ],
)
def test_services_of_abstract_syntaxes(abstract_syntax: str, service: Service | None) -> None:
    assert service_of(abstract_syntax) is service
    assert services_of([abstract_syntax]) == ({service} if service else set())

"""Which order a study belongs to, what they have differently, and what a text of DICOM may hold."""

from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.kernel.errors import Invalid
from sidecar.orders import rules
from sidecar.orders.model import Basis, OrderStatus, StudyFacts

STUDY = StudyFacts(
    study_id=UUID(int=1),
    study_instance_uid="1.2.3",
    accession_number="A1",
    patient_id="P1",
    patient_name="Okafor^Chidi",
    patient_birth_date="19700131",
    patient_sex="F",
    modalities_in_study=("CT", "SR"),
)


@dataclass
class Asked:
    study_instance_uid: str = "2.25.7"
    accession_number: str = "A1"
    patient_id: str = "P1"
    patient_name: str = "Okafor^Chidi"
    patient_birth_date: str = "19700131"
    patient_sex: str = "F"
    modality: str = "CT"
    status: str = "scheduled"


def test_our_own_uid_decides_before_the_accession_number() -> None:
    ours = Asked(study_instance_uid="1.2.3", accession_number="OTHER", patient_id="P2")
    assert rules.find_order(STUDY, [Asked(), ours]) == (ours, Basis.STUDY_INSTANCE_UID)


def test_an_accession_number_matches_and_an_empty_one_never() -> None:
    assert rules.find_order(STUDY, [Asked()]) == (Asked(), Basis.ACCESSION_NUMBER)
    assert rules.find_order(replace(STUDY, accession_number=""), [Asked(accession_number="")]) is None
    assert rules.find_order(STUDY, [Asked(accession_number="A2")]) is None


def test_of_several_the_same_patients_living_one_of_the_modality_is_taken() -> None:
    good = Asked(study_instance_uid="2.25.9")
    worse = [Asked(patient_id="P2"), Asked(status="cancelled"), Asked(modality="MR")]
    for other in worse:
        for orders in ([other, good], [good, other]):
            found = rules.find_order(STUDY, orders)
            assert found is not None
            assert found[0] is good
    stranger = rules.find_order(STUDY, [worse[0]])
    assert stranger is not None, "a contradiction is found, so that it can be shown"
    assert rules.contradicts(stranger[0], STUDY)


@pytest.mark.parametrize(
    ("change", "label", "wrong"),
    [
        ({"patient_id": "P2"}, "Patient ID", True),
        ({"patient_name": "Ferreira^Maria"}, "Patient name", False),
        ({"patient_birth_date": "19800101"}, "Birth date", False),
        ({"patient_sex": "M"}, "Sex", False),
        ({"modality": "MR"}, "Modality", False),
    ],
)
def test_what_differs_is_named(change: dict[str, str], label: str, wrong: bool) -> None:
    order = Asked(**change)
    assert [each.label for each in rules.differences(order, STUDY)] == [label]
    assert rules.contradicts(order, STUDY) is wrong
    assert rules.contradicts(Asked(patient_name="Ferreira^Maria", patient_birth_date="19800101"), STUDY)


def test_spelling_of_devices_and_silence_are_no_difference() -> None:
    assert rules.differences(Asked(patient_name="OKAFOR^CHIDI^^^", patient_birth_date=""), STUDY) == []
    assert rules.differences(Asked(), replace(STUDY, patient_name="", modalities_in_study=())) == []
    assert rules.differences(Asked(patient_name="Okafor^Chidi=奥^千"), STUDY) == []


@pytest.mark.parametrize(
    ("written", "held"),
    [
        ("Okafor^Chidi", "Okafor^Chidi"),
        ("Okafor, Chidi", "Okafor^Chidi"),
        ("  Müller ", "Müller"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("Doe^Jane^^^", "Doe^Jane"),
    ],
)
def test_names_are_written_as_dicom_has_them(written: str, held: str) -> None:
    assert rules.person_name(written) == held


@pytest.mark.parametrize("written", ["a^b^c^d^e^f", "a=b=c=d", "x" * 65, "a\\b", "a\x00b", "line\nbreak"])
def test_names_dicom_cannot_hold_are_refused(written: str) -> None:
    with pytest.raises(Invalid):
        rules.person_name(written)


@given(st.text(max_size=80))
def test_whatever_is_typed_is_storable_or_refused(written: str) -> None:
    try:
        held = rules.text(written, rules.LONG)
    except Invalid:
        return
    assert len(held) <= rules.LONG
    assert "\\" not in held
    held.encode()


def test_a_completed_order_stays_and_a_cancelled_one_may_come_back() -> None:
    assert not any(rules.may_follow(OrderStatus.COMPLETED, each) for each in OrderStatus)
    assert rules.may_follow(OrderStatus.CANCELLED, OrderStatus.SCHEDULED)
    assert not rules.may_follow(OrderStatus.CANCELLED, OrderStatus.COMPLETED)

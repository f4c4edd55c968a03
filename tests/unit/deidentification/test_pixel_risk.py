"""Which objects are held, and which leave without a person."""

import pytest
from pydicom.dataset import Dataset

from sidecar.deidentification import pixel_risk
from sidecar.deidentification.model import Risk

IMAGES = "1.2.840.10008.5.1.4.1.1."


def found(sop_class: str, *, hold_heads: bool = False, **elements: object) -> set[Risk]:
    dataset = Dataset()
    dataset.SOPClassUID = sop_class if sop_class.startswith("1.") and len(sop_class) > 20 else IMAGES + sop_class
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return set(pixel_risk.of(dataset, hold_heads=hold_heads))


@pytest.mark.parametrize("sop_class", ["2", "4", "1", "1.1", "1.2", "128", "20", "2.1", "13.1.3"])
def test_own_pixels_leave(sop_class: str) -> None:
    assert found(sop_class, ImageType=["ORIGINAL", "PRIMARY", "AXIAL"]) == set()


@pytest.mark.parametrize(
    ("sop_class", "risk"),
    [
        ("6.1", Risk.ULTRASOUND), ("3.1", Risk.ULTRASOUND), ("7", Risk.CAPTURE), ("7.4", Risk.CAPTURE),
        ("77.1.4", Risk.PHOTOGRAPH), ("77.1.1.1", Risk.PHOTOGRAPH), ("104.1", Risk.DOCUMENT), ("104.2", Risk.DOCUMENT),
        ("88.33", Risk.DOCUMENT), ("11.1", Risk.DOCUMENT), ("9.1.1", Risk.DOCUMENT), ("481.3", Risk.DOCUMENT),
        ("12.1", Risk.FLUOROSCOPY), ("12.2", Risk.FLUOROSCOPY), ("1.2.3.4.5.6.7.8.9.10.11", Risk.UNKNOWN_CLASS),
    ],
)  # fmt: skip
def test_classes_that_may_show_a_name_are_held(sop_class: str, risk: Risk) -> None:
    assert found(sop_class) == {risk}


def test_what_the_image_says_of_itself() -> None:
    assert found("2", BurnedInAnnotation="YES") == {Risk.BURNED_IN}
    assert found("12.1", BurnedInAnnotation="NO") == set()
    assert found("2", ImageType=["DERIVED", "SECONDARY", "MPR"]) == {Risk.CAPTURE}
    assert found("2", ImageType=["DERIVED", "PRIMARY", "SCREEN SAVE"]) == {Risk.CAPTURE}
    assert found("1", ConversionType="WSD") == {Risk.CAPTURE}
    assert found("1", Modality="OT") == {Risk.PHOTOGRAPH}


def test_heads_are_held_when_asked() -> None:
    for elements in ({"BodyPartExamined": "HEAD"}, {"StudyDescription": "cMRT Schädel nativ"}, {"SeriesDescription": "sinuses"}):
        assert found("2", hold_heads=True, **elements) == {Risk.FACE}
        assert found("2", **elements) == set()
    assert found("1", hold_heads=True, BodyPartExamined="SKULL") == set()
    assert found("4", hold_heads=True, BodyPartExamined="KNEE") == set()

"""Real files of many makers and transfer syntaxes: what they say of somebody is nowhere in any byte of what is made of them."""

import warnings
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom import dcmread

from sidecar.deidentification import identity, objects, pixel_risk, pixels
from sidecar.deidentification.engine import Deidentifier
from sidecar.deidentification.model import SHUT, Option
from sidecar.deidentification.pseudonyms import Pseudonyms
from tests.unit.deidentification import canaries

LARGEST = 70_000
"""Bytes: the small ones of pydicom's own test files are many enough."""
FILES = sorted(
    path for path in (Path(pydicom.__file__).parent / "data/test_files").glob("*.dcm") if path.stat().st_size < LARGEST
)
CHANCE = 6
"""Characters: a shorter text is found in pixels by chance."""


def secrets(stored: bytes) -> set[bytes]:
    """Return texts that must not be found: names, identifiers, self-made UIDs, private text, dates."""
    dataset = dcmread(BytesIO(stored))
    found = identity.words_of(dataset) | identity.own_uids(dataset)
    for element in identity.elements(dataset):
        if element.VR in {"DA", "DT", "PN"} or (element.tag.is_private and element.VR in {"LO", "SH", "LT", "ST", "UT", "UN"}):
            found |= {text.strip() for text in identity.texts(element)}
    coded = {
        text.lower()
        for each in identity.elements(dataset)
        if not each.tag.is_private and each.VR in {"CS", "SH", "LO"}
        for text in identity.texts(each)
    }
    found -= {text for text in found if text.lower() in coded}  # "WHOLE BODY" in a private attribute names nobody
    return {text.encode("latin-1", "replace").lower() for text in found if len(text) >= CHANCE} - {b"anonymized"}


@pytest.mark.parametrize("options", [frozenset(), frozenset(Option) - {Option.UIDS, Option.SAFE_PRIVATE}], ids=["basic", "all"])
def test_no_secret_of_any_file_survives(options: frozenset[Option]) -> None:
    how = Deidentifier(options, Pseudonyms(b"k" * 32))
    made = held = 0
    with warnings.catch_warnings(action="ignore"):
        for path in FILES:
            stored = path.read_bytes()
            try:
                content, result = canaries.make(stored, how)
            except (objects.Unreadable, pixels.Unmaskable):
                continue
            if result.risks:
                assert result.risks & SHUT, path.name
                held += 1
                continue
            made += 1
            after = dcmread(BytesIO(content))
            assert not [element for element in identity.elements(after) if element.tag.is_private], path.name
            left = {secret for secret in secrets(stored) if secret in content.lower()}
            assert left == set(), path.name
            assert identity.own_uids(dcmread(BytesIO(stored))).isdisjoint(identity.own_uids(after)), path.name
            assert pixel_risk.of(after, hold_heads=False) <= pixel_risk.of(dcmread(BytesIO(stored)), hold_heads=False), path.name
    assert made > 40, "the corpus must not have shrunk to nothing"
    assert held > 5


def test_a_deflated_object_is_not_unfolded() -> None:
    stored = (Path(pydicom.__file__).parent / "data/test_files/image_dfl.dcm").read_bytes()
    with pytest.raises(objects.Unreadable):
        canaries.make(stored, Deidentifier(frozenset(), Pseudonyms(b"k" * 32)))

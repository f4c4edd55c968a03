"""Rows of the index in the DICOM JSON model (PS3.18 annex F)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sidecar.dicomweb.attributes import ATTRIBUTES, Attribute, Row, Value
from sidecar.dicomweb.query import Query

Dataset = dict[str, dict[str, object]]
UTF_8: dict[str, object] = {"vr": "CS", "Value": ["ISO_IR 192"]}
GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


@dataclass(frozen=True, slots=True)
class Answers:
    """Writes answers of one level. ``root`` is the caller's own DICOMweb root, made by us, never from the Host header."""

    query: Query
    root: str

    def datasets(self, rows: Iterable[Row]) -> list[Dataset]:
        """Return one dataset per row."""
        chosen = [each for each in ATTRIBUTES if self.query.returns(each)]
        return [self._dataset(row, chosen) for row in rows]

    def _dataset(self, row: Row, chosen: Sequence[Attribute]) -> Dataset:
        dataset: Dataset = {"00080005": UTF_8}
        for each in chosen:
            dataset[each.tag] = _element(each.vr, each.values(row))
        dataset["00081190"] = {"vr": "UR", "Value": [self._url(row)]}
        return dict(sorted(dataset.items()))

    def _url(self, row: Row) -> str:
        """Return the Retrieve URL (0008,1190)."""
        url = f"{self.root}/studies/{row.study.study_instance_uid}"
        if row.series is not None:
            url += f"/series/{row.series.series_instance_uid}"
        if row.instance is not None:
            url += f"/instances/{row.instance.sop_instance_uid}"
        return url


def _element(vr: str, values: Sequence[Value]) -> dict[str, object]:
    """Return one attribute; an empty one has no Value (annex F.2.5)."""
    if not values:
        return {"vr": vr}
    if vr == "PN":
        return {"vr": vr, "Value": [_person_name(str(value)) for value in values]}
    return {"vr": vr, "Value": list(values)}


def _person_name(name: str) -> dict[str, str]:
    return {group: part for group, part in zip(GROUPS, name.split("="), strict=False) if part}

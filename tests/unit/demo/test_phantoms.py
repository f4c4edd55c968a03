import datetime as dt
from pathlib import Path

import numpy as np
import pydicom
import pytest

from sidecar.demo.phantoms import generate, slices
from sidecar.demo.studies import DEMO, StudySpec

NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
ALL = {study.key: study for hospital in DEMO.values() for study in hospital}
ONE_OF_EACH = [next(s for s in ALL.values() if s.phantom == phantom) for phantom in ("mr-brain", "us-heart", "ct-chest")]


def read(paths: list[Path]) -> list[pydicom.FileDataset]:
    return [pydicom.dcmread(path) for path in paths]


def of(modality: str) -> StudySpec:
    return next(s for s in ONE_OF_EACH if s.modality == modality)


@pytest.mark.parametrize("study", ONE_OF_EACH, ids=lambda s: s.modality)
def test_objects_are_valid_and_belong_together(study: StudySpec, tmp_path: Path) -> None:
    objects = read(generate(study, tmp_path, NOW))
    assert {o.StudyInstanceUID for o in objects} == {objects[0].StudyInstanceUID}
    assert len({o.SOPInstanceUID for o in objects}) == len(objects)
    for o in objects:
        assert all(uid.is_valid for uid in (o.StudyInstanceUID, o.SeriesInstanceUID, o.SOPInstanceUID))
        assert o.file_meta.MediaStorageSOPInstanceUID == o.SOPInstanceUID
        assert o.RequestedProcedurePriority == study.priority
        assert o.pixel_array.std() > 0
        required = ["PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber", "ReferringPhysicianName"]
        assert all(keyword in o for keyword in required)


def test_names_come_back_in_every_script(tmp_path: Path) -> None:
    study = of("MR")
    name = read(generate(study, tmp_path, NOW))[0].PatientName
    assert str(name) == study.patient.name
    assert (name.ideographic, name.phonetic) == ("佐藤^遥", "さとう^はるか")


def test_slices_lie_in_order_along_the_patient(tmp_path: Path) -> None:
    objects = read(generate(of("CT"), tmp_path, NOW))
    heights = [o.ImagePositionPatient[2] for o in objects]
    assert np.allclose(np.diff(heights), -objects[0].SliceThickness)
    assert len({o.FrameOfReferenceUID for o in objects}) == 1
    hounsfield = objects[20].pixel_array * objects[20].RescaleSlope + objects[20].RescaleIntercept
    assert hounsfield[2, 2] < -950
    assert 20 < np.median(hounsfield[hounsfield > -50]) < 200


def test_the_cine_loop_moves(tmp_path: Path) -> None:
    loop = read(generate(of("US"), tmp_path, NOW))[0]
    assert loop.FrameIncrementPointer == pydicom.tag.Tag("FrameTime")
    assert loop.pixel_array.shape == (loop.NumberOfFrames, loop.Rows, loop.Columns)
    assert np.abs(loop.pixel_array[0].astype(int) - loop.pixel_array[6]).mean() > 1


def test_the_same_study_is_the_same_bytes(tmp_path: Path) -> None:
    first, second = (generate(of("US"), tmp_path / name, NOW) for name in "ab")
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_a_stream_has_distinct_images_of_one_series(tmp_path: Path) -> None:
    objects = read(slices(5, tmp_path, of("CT"), now=NOW))
    assert [o.InstanceNumber for o in objects] == [1, 2, 3, 4, 5]
    assert len({o.SOPInstanceUID for o in objects}) == 5
    assert len({o.SeriesInstanceUID for o in objects}) == 1
    assert len({o.PixelData for o in objects}) == 5


def test_both_hospitals_use_the_same_patient_id_for_different_people() -> None:
    people = [{s.patient.patient_id: s.patient.name for s in hospital} for hospital in DEMO.values()]
    shared = people[0].keys() & people[1].keys()
    assert any(people[0][number] != people[1][number] for number in shared)


def test_one_study_comes_from_both_hospitals_and_one_is_urgent() -> None:
    mercy, luke = ({s.key: s for s in hospital} for hospital in DEMO.values())
    assert len(mercy.keys() & luke.keys()) == 1
    assert [s.modality for s in mercy.values() if s.priority == "STAT"] == ["CT"]
    assert all(len(s.aet) <= 16 and s.aet.isupper() for hospital in DEMO.values() for s in hospital)
    assert all(len(s.accession) <= 16 and len(s.indication) <= 64 for s in ALL.values())


def test_a_prior_shows_a_smaller_nodule() -> None:
    old, new = [s for s in DEMO["mercy"] if s.patient.patient_id == "100234"]
    assert old.hours_ago > 24 * 365
    assert old.findings["nodule"] < new.findings["nodule"]

"""DICOM objects around pixel arrays: the modules of PS3.3 that CT, MR, CR and US Multi-frame share, and their own."""

import datetime as dt
import uuid
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from sidecar.demo.studies import BODY_PART, StudySpec

SOP_CLASS = {
    "CT": UID("1.2.840.10008.5.1.4.1.1.2"),
    "MR": UID("1.2.840.10008.5.1.4.1.1.4"),
    "CR": UID("1.2.840.10008.5.1.4.1.1.1"),
    "US": UID("1.2.840.10008.5.1.4.1.1.3.1"),
}
IMPLEMENTATION = UID("2.25.227404836741234561279817328423114471421")
_NAMES = uuid.UUID("6c2d9b1e-5f0a-5c53-9a57-3f1f7b8f4b10")


def uid(*parts: object) -> UID:
    """Derive a UID (PS3.5 B.2, UUID form) from names: the same names give the same UID for ever."""
    return UID(f"2.25.{uuid.uuid5(_NAMES, '/'.join(map(str, parts))).int}")


def study_object(spec: StudySpec, taken: dt.datetime, series: int, instance: int) -> FileDataset:
    """Start one object: patient, study, series, equipment and SOP modules, without pixels.

    `taken` is aware UTC, `series` and `instance` are the numbers within the study.
    """
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SOP_CLASS[spec.modality]
    meta.MediaStorageSOPInstanceUID = uid(spec.key, series, instance)
    meta.ImplementationClassUID = IMPLEMENTATION
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.InstanceNumber = instance
    ds.TimezoneOffsetFromUTC = "+0000"
    _patient_and_study(ds, spec, taken)
    _series_and_equipment(ds, spec, series)
    for event in ("InstanceCreation", "Study", "Series", "Acquisition", "Content"):
        later = taken + dt.timedelta(seconds=0 if event == "Study" else 40 * series)
        setattr(ds, f"{event}Date", later.strftime("%Y%m%d"))
        setattr(ds, f"{event}Time", later.strftime("%H%M%S"))
    return ds


def _patient_and_study(ds: Dataset, spec: StudySpec, taken: dt.datetime) -> None:
    """Fill the Patient, General Study and Patient Study modules (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2)."""
    ds.PatientName = spec.patient.name
    ds.PatientID = spec.patient.patient_id
    ds.PatientBirthDate = spec.patient.born.strftime("%Y%m%d")
    ds.PatientSex = spec.patient.sex
    ds.PatientAge = spec.patient.age_on(taken.date())
    ds.StudyInstanceUID = uid(spec.key)
    ds.StudyID = spec.accession[-4:]
    ds.AccessionNumber = spec.accession
    ds.StudyDescription = spec.description
    ds.ReferringPhysicianName = spec.referrer
    # Standard extended SOP class (PS3.4 B.4.1): the order's own attributes travel beside the image's.
    ds.RequestedProcedurePriority = spec.priority
    ds.RequestedProcedureDescription = spec.description


def _series_and_equipment(ds: Dataset, spec: StudySpec, series: int) -> None:
    """Fill the General Series and General Equipment modules (PS3.3 C.7.3.1, C.7.5.1)."""
    ds.Modality = spec.modality
    ds.SeriesInstanceUID = uid(spec.key, series)
    ds.SeriesNumber = series
    ds.BodyPartExamined = BODY_PART[spec.phantom]
    ds.OperatorsName = ""
    ds.Manufacturer = "Reading Room"
    ds.ManufacturerModelName = "Numpy phantom"
    ds.InstitutionName = spec.institution
    ds.StationName = f"{spec.modality}1"
    ds.SoftwareVersions = "1"
    request = Dataset()
    request.RequestedProcedureID = spec.accession
    request.RequestedProcedureDescription = spec.description
    request.ScheduledProcedureStepID = spec.accession
    if spec.indication:
        request.ReasonForTheRequestedProcedure = spec.indication[:64]
    ds.RequestAttributesSequence = Sequence([request])


def put_pixels(ds: Dataset, pixels: np.ndarray, stored: int, photometric: str = "MONOCHROME2") -> None:
    """Fill the Image Pixel module (PS3.3 C.7.6.3) from (row, column), (frame, row, column) or (…, 3) pixels."""
    colour = photometric == "RGB"
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = photometric
    if colour:
        ds.PlanarConfiguration = 0
    ds.Rows, ds.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
    ds.BitsAllocated = pixels.dtype.itemsize * 8
    ds.BitsStored, ds.HighBit = stored, stored - 1
    ds.PixelRepresentation = 1 if pixels.dtype.kind == "i" else 0
    ds.BurnedInAnnotation = "NO"
    ds.LossyImageCompression = "00"
    raw = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"  # noqa: PLR2004 - a byte


def put_plane(ds: Dataset, position: tuple[float, float, float], spacing: float, thickness: float) -> None:
    """Fill the Frame of Reference and Image Plane modules (PS3.3 C.7.4.1, C.7.6.2) of an axial image; lengths in mm."""
    ds.FrameOfReferenceUID = uid(ds.StudyInstanceUID, "frame")
    ds.PositionReferenceIndicator = ""
    ds.PatientPosition = "HFS"
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [round(v, 3) for v in position]
    ds.SliceLocation = round(position[2], 3)
    ds.PixelSpacing = [spacing, spacing]
    ds.SliceThickness = thickness


def write(ds: FileDataset, folder: Path) -> Path:
    """Write one object as a DICOM file named by its series and instance number."""
    path = folder / f"{ds.Modality}-{int(ds.SeriesNumber):02d}-{int(ds.InstanceNumber):04d}.dcm"
    ds.save_as(path, enforce_file_format=True)
    return path

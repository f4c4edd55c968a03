"""DICOM files as a cell would hand them out, with names that must show nowhere."""

from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

CT, ULTRASOUND = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.6.1"
SECRETS = (b"CANARYNAME", b"CANARYID", b"CANARYPRIVATE", b"19700131", b"CANARYHOUSE", b"20260101", b"CANARYPREAMBLE")


def image(study: str, series: str, instance: str, *, sop_class: str = CT, patient_id: str = "CANARYID") -> Dataset:
    """Return an 8-bit image of 16 by 16 pixels, all 200, that names its patient wherever it can."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = instance
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "CANARYNAME^JANE", patient_id, "19700131"
    dataset.StudyDate, dataset.StudyTime, dataset.InstitutionName = "20260101", "101112", "CANARYHOUSE"
    dataset.SeriesDescription, dataset.Modality = "CHEST for CANARYNAME", "US" if sop_class == ULTRASOUND else "CT"
    dataset.private_block(0x0029, "CANARYPRIVATE", create=True).add_new(1, "LO", "CANARYPRIVATE")
    dataset.Rows = dataset.Columns = 16
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    pixels = np.full((16, 16), 200, np.uint8)
    pixels[15, 15] = 3
    dataset.PixelData = pixels.tobytes()
    return dataset


def stored(dataset: Dataset) -> bytes:
    """Return the file (PS3.10), something written into its preamble."""
    dataset.preamble = b"CANARYPREAMBLE".ljust(128, b"\0")
    target = BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()

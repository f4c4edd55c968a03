"""The test image: a grey wedge under the word TEST, of a patient who cannot be taken for a person."""

import io
from datetime import datetime

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

SIDE = 256
DOT = 8
"""Pixels of a letter's dot."""
LETTERS = {
    "T": ("#####", "..#..", "..#..", "..#..", "..#..", "..#..", "..#.."),
    "E": ("#####", "#....", "#....", "####.", "#....", "#....", "#####"),
    "S": (".####", "#....", "#....", ".###.", "....#", "....#", "####."),
}


def wedge_image(now: datetime) -> bytes:
    """Return a new Secondary Capture image (PS3.3 A.8.1) as a DICOM file (PS3.10): 256 by 256, 8 bit."""
    image = Dataset()
    image.SOPClassUID = SecondaryCaptureImageStorage
    image.SOPInstanceUID, image.StudyInstanceUID, image.SeriesInstanceUID = (generate_uid(prefix=None) for _ in range(3))
    image.PatientName, image.PatientID = "TEST^IMAGE", "READING-ROOM-TEST"
    image.PatientBirthDate, image.PatientSex, image.PatientComments = "", "O", "Connection test. Not a patient."
    image.StudyDate = image.SeriesDate = image.ContentDate = now.strftime("%Y%m%d")
    image.StudyTime = image.SeriesTime = image.ContentTime = now.strftime("%H%M%S")
    image.StudyID, image.AccessionNumber, image.ReferringPhysicianName = "TEST", "", ""
    image.StudyDescription = image.SeriesDescription = "CONNECTION TEST, NOT A PATIENT"
    image.Modality, image.ConversionType, image.Manufacturer = "OT", "SYN", "Reading Room"
    image.SeriesNumber = image.InstanceNumber = 1
    image.PatientOrientation = ""
    image.Rows = image.Columns = SIDE
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    image.PixelData = _wedge()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID, image.file_meta.MediaStorageSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    file = io.BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _wedge() -> bytes:
    """Return the pixels: sixteen steps of grey, TEST written above them."""
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[SIDE // 2 :] = (np.arange(SIDE) // 16 * 17).astype(np.uint8)
    for place, letter in enumerate("TEST"):
        dots = np.array([[sign == "#" for sign in row] for row in LETTERS[letter]])
        block = np.kron(dots, np.ones((DOT, DOT), bool))
        top, left = 36, 36 + place * 6 * DOT
        pixels[top : top + block.shape[0], left : left + block.shape[1]][block] = 255
    return pixels.tobytes()
